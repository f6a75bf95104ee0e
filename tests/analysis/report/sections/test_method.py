"""How the numbers came about: what was asked and has none is said, and what is corrected."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import pytest

from analysis.record.study_record import StudyRecord
from analysis.report.sections.effects import effects_by_language, main_effects
from analysis.report.sections.method import method
from analysis.report.sections.training import convergence
from analysis.verdict import results as results_module
from analysis.verdict.results import Results
from tests.analysis.invented import invented_study

BOTH: dict[str, Any] = {
    "init": ("random", "teacher"),
    "data_fraction": (0.1, 1.0),
    "teacher_data": ("full", "same"),
}


def near(levels: Mapping[str, Any]) -> float:
    """Copies end a little above random students, so both get to 90% of where the better one ends."""
    return 0.6 + 0.02 * (levels["init"] == "teacher") - 0.01 * (levels.get("data_fraction", 1) < 1)


def said(study: StudyRecord) -> str:
    return " ".join(method(Results(study)).text)


def without(study: StudyRecord, arm: str) -> StudyRecord:
    """`study` without the confirm runs of `arm`."""
    kept = {
        name: table[~((table["arm"] == arm) & (table["phase"] == "confirm"))]
        for name, table in {"scores": study.scores, "curves": study.curves, "trials": study.trials}.items()
    }
    return dataclasses.replace(study, **kept)


def test_what_was_asked_and_computed_is_not_said_to_be_missing() -> None:
    assert "Not computed" not in said(invented_study(BOTH, seeds=3, search=2, score=near))
    assert "Not computed" not in said(invented_study({"depth": (1, 3)}, seeds=3, search=2))


def test_a_claim_that_no_matched_arms_bear_is_said_to_be_missing() -> None:
    study = invented_study(BOTH, seeds=3, search=2, score=near)
    lacking = without(study, "init=random data_fraction=0.1 teacher_data=same")
    text = said(lacking)
    assert (
        "Not computed: the change of the copy's advantage with the data (claim C4) at teacher_data = same"
        in text
    )
    assert "at teacher_data = full" not in text
    assert "claim C5" not in text
    neither = without(lacking, "init=random data_fraction=1.0")
    assert "(claim C4) at teacher_data = full" in said(neither)


@pytest.mark.parametrize(
    "claim", ["Not computed: copying minus distilling (claim C1)", "final accuracy (claim C5)"]
)
def test_without_an_arm_at_random_init_no_claim_has_a_number(claim: str) -> None:
    study = invented_study(
        {"init": ("random", "teacher"), "alpha": (0.2, 1.0)}, seeds=3, search=2, score=near
    )
    assert claim not in said(study)
    for alpha in ("0.2", "1.0"):
        study = without(study, f"init=random alpha={alpha}")
    assert claim in said(study)


def test_of_a_score_that_random_students_never_reach_a_limit_is_shown() -> None:
    """Their own final score they have at once; alone, that row would look like their convergence."""
    study = invented_study({"init": ("random", "teacher")}, seeds=3, search=2, score=far)
    text = said(study)
    assert "(claim C5)" not in text
    table = next(table for table in convergence(Results(study)).tables if table.name == "convergence")
    better, own = table.rows
    assert (better[0], better[-3:]) == ("the better init's final accuracy", ("1", "3", "0"))
    assert better[1].startswith("at most 0.")
    assert own[1].endswith("]")


def far(levels: Mapping[str, Any]) -> float:
    return 0.8 if levels["init"] == "teacher" else 0.3


def test_steps_of_runs_in_other_languages_are_said_not_to_compare() -> None:
    study = invented_study({"init": ("random", "teacher")}, seeds=3, search=2)
    assert "different languages" not in said(study)
    gone = (study.scores["arm"] == "init=random") & (study.scores["language"] == "deu")
    assert "different languages" in said(dataclasses.replace(study, scores=study.scores[~gone]))


def test_equivalence_tests_are_named_with_their_margin() -> None:
    text = said(invented_study({"depth": (1, 3)}, seeds=3, search=2))
    assert "TOST" in text
    assert "not corrected for many comparisons" in text


def test_an_effect_within_the_margin_is_marked_and_what_it_averages_over_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """If the best values of every arm are known: two search trials could hide more than the margin."""
    monkeypatch.setattr(results_module, "shortfalls", lambda record: {})
    monkeypatch.setattr(results_module, "audit", lambda record: [])
    study = invented_study(BOTH, search=2)
    results = Results(study)
    (macro, _) = main_effects(results).tables
    rows = {row[0]: dict(zip(macro.columns, row, strict=True)) for row in macro.rows}
    assert rows["init x data_fraction: (teacher - random) at 1.0 - at 0.1"]["averaged over"] == "teacher_data"
    assert rows["init: teacher - random"]["averaged over"] == "data_fraction, teacher_data"
    assert not rows["init: teacher - random"]["equal within"].endswith("*")
    (languages,) = effects_by_language(results).tables
    assert "init: teacher - random: data_fraction, teacher_data" in languages.note
    flat = study.scores.assign(value=0.5 + (study.scores["value"] - 0.5) / 1000)
    (macro, _) = main_effects(Results(dataclasses.replace(study, scores=flat))).tables
    assert all(row[macro.columns.index("equal within")].endswith("*") for row in macro.rows)
    assert "A star marks a margin of at most 1 point" in macro.note
    assert macro.numeric[macro.columns.index("equal within")]


def test_without_another_factor_nothing_is_averaged() -> None:
    (macro, _) = main_effects(Results(invented_study({"init": ("random", "teacher")}, search=2))).tables
    assert "averaged over" not in macro.columns
