"""Arms and languages at a glance: confirm seeds alone are averaged, and nothing missing becomes a zero."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
import pytest

from analysis.verdict.summary import arms_summary, languages_summary


def test_an_arm_is_summed_up_over_its_confirm_seeds(finished: Any) -> None:
    table = arms_summary(finished.read()).set_index("arm")
    assert list(table.index) == ["init=random", "init=teacher"]
    row = table.loc["init=teacher"].to_dict()
    assert row == pytest.approx(
        {
            "search best": 0.65,  # 0.6 and 0.7 in the two languages; the pruned 0.95 does not count
            "seeds": 2,
            "validation macro": 0.6,
            "test macro": 0.565,
            "sd": math.sqrt(0.00005),
            "test worst": 0.515,
            "test macro-F1": 0.565,
            "test retention": 0.565,
        }
    )
    assert table.loc["init=random", "search best"] == pytest.approx(0.45)


def test_where_runs_are_of_two_kinds_the_successes_are_summed_up_apart(make_recorder: Any) -> None:
    """One of four copies is at chance, and all students of the second arm."""
    recorder = make_recorder(scientific={"init": ("random", "base", "teacher")})
    recorder.tracker.runs.set_tags(recorder.tracker.study_run, {"kdstudy.chance": "0.1"})
    scores = {0: (0.4, 0.42, 0.11, 0.41), 1: (0.1, 0.11, 0.1, 0.1), 2: (0.5, 0.51, 0.52, 0.51)}
    for arm, of_seeds in scores.items():
        recorder.trial(arm, 0, 0.5)
        for seed, test in enumerate(of_seeds, 1):
            recorder.trial(arm, 0, 0.5, seed=seed, test=test - 0.05)  # macro is .05 more
    table = arms_summary(recorder.read()).set_index("arm")
    assert list(table.columns[-2:]) == ["success rate", "successes"]
    assert list(table["success rate"]) == [0.75, 0.0, 1.0]
    assert list(table["successes"]) == pytest.approx([0.41, math.nan, 0.51], nan_ok=True)
    assert table.loc["init=random", "test macro"] == pytest.approx(0.335)


def test_retention_is_not_compared_across_teachers(make_recorder: Any) -> None:
    recorder = make_recorder(scientific={"teacher_seed": (0, 1)})
    recorder.arms_alike()
    assert "test retention" not in arms_summary(recorder.read())


def test_an_arm_that_has_nothing_yet_is_a_row_of_missing_values(recorder: Any) -> None:
    recorder.trial(0, 0, 0.5)
    recorder.trial(0, 0, 0.5, seed=1, test=0.4)
    recorder.trial(1, 0, None, "diverged")
    table = arms_summary(recorder.read()).set_index("arm")
    assert table.loc["init=random", "seeds"] == 1
    assert pd.isna(table.loc["init=random", "sd"])  # of one seed there is none
    nothing = table.loc["init=teacher"]
    assert nothing["seeds"] == 0
    assert nothing.drop("seeds").isna().all()


def test_a_study_that_has_just_begun_has_its_arms(recorder: Any) -> None:
    assert list(arms_summary(recorder.read())["arm"]) == ["init=random", "init=teacher"]
    assert len(languages_summary(recorder.read(), "test")) == 0


def test_languages_are_rows_and_arms_columns_macro_and_worst_last(finished: Any) -> None:
    table = languages_summary(finished.read(), "test")
    assert list(table.columns) == ["init=random", "init=teacher"]
    assert list(table.index) == ["deu", "yor", "macro", "worst"]
    assert list(table["init=random"]) == pytest.approx([0.315, 0.415, 0.365, 0.315])


def test_on_validation_the_teacher_stands_first(finished: Any) -> None:
    table = languages_summary(finished.read(), "validation")
    assert list(table.columns) == ["teacher", "init=random", "init=teacher"]
    assert list(table["teacher"]) == pytest.approx([0.8, 0.9, 0.85, 0.8])


def test_of_several_teachers_none_is_shown(finished: Any) -> None:
    """Each arm was compared with its own."""
    finished.teacher(0.5, "d" * 64)
    assert list(languages_summary(finished.read(), "validation").columns) == ["init=random", "init=teacher"]


def test_a_language_that_one_arm_lacks_is_missing_there(recorder: Any) -> None:
    recorder.trial(0, 0, 0.5, seed=1, test=0.4)
    recorder.trial(1, 0, 0.5, seed=1, test=0.4, languages=("deu",))
    table = languages_summary(recorder.read(), "test")
    assert math.isnan(table.loc["yor", "init=teacher"])
    assert table.loc["yor", "init=random"] == pytest.approx(0.5)


def test_while_the_search_runs_the_teacher_alone_is_no_table(recorder: Any) -> None:
    recorder.teacher(0.8)
    recorder.trial(0, 0, 0.5)
    for split in ("test", "validation"):
        assert len(languages_summary(recorder.read(), split)) == 0
