"""The table for a paper: a row for each arm, against a reference that is sensible."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import pytest

from analysis.report.paper import paper_table, reference_arm
from analysis.verdict import results as results_module
from analysis.verdict.audit import Finding
from analysis.verdict.results import Results
from tests.analysis.invented import invented_study


def rows(text: str) -> dict[str, list[str]]:
    """The cells of each row, by its arm."""
    plain = text.replace(r"\allowbreak{}", "").replace("$-$", "-").replace(r"\_", "_")
    body = plain[plain.index(r"\midrule") : plain.index(r"\bottomrule")]
    lines = [line.removesuffix(r" \\").split(" & ") for line in body.splitlines()[1:]]
    return {arm: cells for arm, *cells in lines}


def test_each_arm_has_its_mean_its_seeds_and_its_difference_from_the_reference() -> None:
    results = Results(invented_study({"init": ("teacher", "random"), "alpha": (0.2, 1.0)}, seeds=4, search=9))
    text = paper_table(results)
    assert text is not None
    found = rows(text)
    assert list(found) == list(results.record.arms)
    macro = results.confirmed[results.confirmed["language"] == "macro"]
    means = 100 * macro.groupby("arm")["value"].mean()
    for arm, (accuracy, seeds, difference) in found.items():
        assert re.fullmatch(rf"{means[arm]:.1f} \[\d+\.\d, \d+\.\d\]", accuracy)
        assert seeds == "4"
        if arm == "init=random alpha=1.0":
            assert difference == "--"
        else:
            gap = means[arm] - means["init=random alpha=1.0"]
            assert re.fullmatch(rf"{re.escape(f'{gap:+.1f}')} \[-?\d+\.\d, -?\d+\.\d\]", difference)
    assert r"\caption{invented: macro test accuracy over 6 languages" in text
    assert "names no winner" not in text


@pytest.mark.parametrize(
    ("space", "reference"),
    [
        ({"init": ("teacher", "random")}, "init=random"),
        ({"alpha": (0.2, 1.0)}, "alpha=1.0"),
        ({"init": ("base", "teacher"), "alpha": (0.2, 1.0)}, "init=base alpha=0.2"),
        ({"init": ("teacher", "random"), "depth": (3, 1)}, "init=random depth=3"),
        ({"depth": (1, 3)}, "depth=1"),
    ],
)
def test_the_reference_is_what_learns_from_no_teacher_or_the_first_arm(space: Any, reference: str) -> None:
    results = Results(invented_study(space, seeds=2, search=2))
    assert reference_arm(results, list(results.record.arms)) == reference


def test_a_table_of_a_study_with_findings_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results_module, "audit", lambda record: [Finding("seeds", None, "two seeds")])
    text = paper_table(Results(invented_study({"depth": (1, 3)}, seeds=2, search=2)))
    assert text is not None
    assert "The audit of this study has findings (seeds): the table names no winner." in text


def test_a_study_without_runs_has_no_table() -> None:
    study = invented_study({"depth": (1, 3)}, seeds=2, search=2)
    searched = study.scores[study.scores["phase"] != "confirm"]
    assert paper_table(Results(dataclasses.replace(study, scores=searched))) is None


def test_many_arms_are_a_table_that_breaks_across_pages() -> None:
    text = paper_table(Results(invented_study({"depth": tuple(range(1, 43))}, seeds=2, search=1)))
    assert text is not None
    assert text.index(r"\begin{longtable}") < text.index(r"\caption{") < text.index(r"\toprule")
