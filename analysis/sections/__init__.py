"""What the report says, section by section, in the order in which it is read.

`section.py` says what a section is; `arms.py`, `effects.py`, `factors.py`, `training.py`, `search.py` and
`method.py` make them.
"""

from __future__ import annotations

from analysis.results import Results
from analysis.sections.arms import accuracy_by_language, arms
from analysis.sections.effects import effects_by_language, main_effects, variance
from analysis.sections.factors import alpha_and_temperature, data_fraction, depth, size
from analysis.sections.method import audited, method, versions
from analysis.sections.search import hyperparameters, replayed, search_budget
from analysis.sections.section import Drawing, Section
from analysis.sections.training import convergence

__all__ = ["Drawing", "Section", "sections"]

ORDER = (
    arms,
    main_effects,
    variance,
    effects_by_language,
    accuracy_by_language,
    data_fraction,
    convergence,
    depth,
    alpha_and_temperature,
    size,
    search_budget,
    hyperparameters,
    replayed,
    audited,
    method,
    versions,
)


def sections(results: Results) -> list[Section]:
    """Those that have something to say."""
    made = [section(results) for section in ORDER]
    return [section for section in made if section.text or section.tables or section.drawings]
