"""What the results of a study state beside its numbers."""

from __future__ import annotations

import dataclasses

import pytest

from analysis.verdict.results import Results
from tests.analysis.invented import invented_study


@pytest.mark.parametrize(
    ("sampler", "said"),
    [
        ("quasi", ", at evenly spread points that are the same in all arms: "),
        ("tpe", ", by TPE, at points that differ from arm to arm: "),
        ("", ": "),
    ],
)
def test_where_arms_were_tuned_is_said(sampler: str, said: str) -> None:
    study = invented_study({"init": ("random", "teacher")}, seeds=3, search=3)
    study = dataclasses.replace(study, facts=study.facts | {"sampler": sampler})
    (text,) = [text for text in Results(study).caveats if text.startswith("Tuned separately")]
    assert text.startswith(f"Tuned separately in every arm, by macro validation accuracy{said}learning_rate")
