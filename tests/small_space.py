"""The text of a search space of two arms whose trials take seconds, for tests of whole studies."""

from __future__ import annotations

__all__ = ["small_space"]


def small_space(steps: int, teacher_steps: int, trials: int, reports: int, sampler: str = "tpe") -> str:
    """Return the file of a space with one confirm seed: 2 * `trials` + 2 runs."""
    return f"""
from study.space import Range, SearchSpace

SPACE = SearchSpace(
    question="Does a copied student beat a new one?",
    scientific={{"init": ("teacher", "random")}},
    nuisance={{"learning_rate": Range(low=1e-3, high=1e-2, log=True)}},
    fixed={{
        "steps": {steps},
        "batch_size": 16,
        "teacher_steps": {teacher_steps},
        "teacher_batch_size": 16,
        "teacher_learning_rate": 3e-3,
    }},
    trials={trials},
    confirm_seeds=1,
    reports={reports},
    sampler="{sampler}",
)
"""
