"""The answer's sentences: what is equal is said to be, and for which teachers and averages a number is."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.record.study_record import StudyRecord
from analysis.verdict.answer import answer
from analysis.verdict.results import Results
from tests.analysis.invented import invented_study
from tests.analysis.spaces import CLAIM, DATA


def closer(record: StudyRecord, scale: float) -> StudyRecord:
    """All scores drawn together, so that differences are `scale` times what they were."""
    scores = record.scores.assign(value=0.5 + scale * (record.scores["value"] - 0.5))
    return dataclasses.replace(record, scores=scores)


def alike(record: StudyRecord) -> StudyRecord:
    """Arms that are the same on average, and differ by the seed."""
    each = record.scores.groupby(["phase", "arm", "split", "metric", "language"], dropna=False)["value"]
    scores = record.scores.assign(value=0.5 + record.scores["value"] - each.transform("mean"))
    return dataclasses.replace(record, scores=scores)


@pytest.mark.parametrize(
    ("space", "equal", "unknown"),
    [
        (
            DATA,
            "the fitted straight line stays equal from the smallest to the largest share of the data",
            "whether the difference rises or falls",
        ),
        ({"depth": (1, 3)}, "these two arms are equal", "which of the two arms is better"),
    ],
)
def test_a_difference_within_the_margin_is_said_to_be_none(
    space: Any, equal: str, unknown: str, answered: Callable[[StudyRecord], str]
) -> None:
    study = alike(invented_study(space, search=2))
    wide, narrow = answered(closer(study, 4.0)), answered(closer(study, 0.05))
    assert f"The interval contains 0: these runs do not show {unknown}." in wide
    assert "TOST" not in wide
    assert f") show that {equal} within 1 point." in narrow
    assert "The interval contains 0, and two one-sided tests (TOST, at 5%" in narrow
    assert unknown not in narrow


def test_a_difference_is_not_said_to_be_none_where_its_interval_is_above_zero(
    answered: Callable[[StudyRecord], str],
) -> None:
    """However small it is."""
    study = invented_study({"depth": (1, 3)}, search=2, score=lambda levels: 0.5 + levels["depth"] / 10)
    text = answered(closer(study, 0.03))
    assert "These runs show that the best arm is above every other arm." in text
    assert "equal" not in text


def test_the_best_arms_numbers_are_of_the_seeds_that_chose_it(
    answered: Callable[[StudyRecord], str],
) -> None:
    """depth=1 is ahead on the three seeds that all arms have, and far behind on the others."""
    study = invented_study({"depth": (1, 3, 6)}, seeds=8, search=2)
    level = {"depth=1": 0.60, "depth=3": 0.59, "depth=6": 0.10}
    scores = study.scores[(study.scores["phase"] == "confirm") & (study.scores["split"] == "test")]
    flat = (
        scores["arm"].map(level) + scores["seed"] / 1000 + scores["arm"].eq("depth=3") * scores["seed"] / 1e4
    )
    flat -= 0.2 * (scores["arm"].eq("depth=1") & (scores["seed"] > 3))
    kept = scores.assign(value=flat)[~(scores["arm"].eq("depth=6") & (scores["seed"] > 3))]
    others = study.scores.drop(index=scores.index)
    text = answered(dataclasses.replace(study, scores=pd.concat([others, kept])))
    assert "The arm depth=1 has the highest mean macro test accuracy." in text
    assert "The difference from the next arm, depth=3, is +0.98 points (95% interval" in text
    assert ", 3 seeds)" in text


def test_arms_that_differ_by_the_teachers_seed_are_one(answered: Callable[[StudyRecord], str]) -> None:
    """The two teachers of the deep student tie, and neither could win."""
    space = {"depth": (1, 6), "teacher_seed": (0, 1)}
    text = answered(invented_study(space, search=2))
    assert text.startswith("The arm depth=6 has the highest mean macro test accuracy")
    assert "the next arm, depth=1, is " in text
    assert "averaged over 2 teacher seeds, at the selected values" in text
    assert "These runs show that the best arm is above every other arm." in text


def test_of_each_factor_the_largest_effect_is_told(answered: Callable[[StudyRecord], str]) -> None:
    """Be it the question or what is crossed with it."""
    space = {"depth": (1, 3, 6), "layer_map": ("every_k", "first")}
    text = answered(invented_study(space, search=2))
    assert text.index("The largest main effect of depth is 6 - 1: ") < text.index(
        "The largest main effect of layer_map is first - every_k: "
    )


def test_the_teachers_seed_is_no_largest_effect(answered: Callable[[StudyRecord], str]) -> None:
    space = {"depth": (1, 3, 6), "teacher_seed": (0, 1)}
    study = invented_study(space, search=2, score=lambda levels: 0.5 + 0.2 * levels["teacher_seed"])
    assert "The largest main effect of depth is " in answered(study)


def test_a_slope_is_said_to_be_none_where_all_of_its_course_is_within_the_margin(
    answered: Callable[[StudyRecord], str],
) -> None:
    """Over two tenfolds the difference changes by twice the slope."""
    study = alike(invented_study(DATA, search=2))

    def within(scale: float) -> float:
        return float(Results(closer(study, scale)).advantage["equivalent_within"].item())

    at_one = 0.01 / within(1.0)  # scores drawn together by this: within 1 point per tenfold
    assert within(at_one) == pytest.approx(0.01)
    assert "TOST" not in answered(closer(study, 0.9 * at_one))
    assert "TOST" in answered(closer(study, 0.45 * at_one))


def test_a_course_that_bends_is_not_said_to_stay_equal(answered: Callable[[StudyRecord], str]) -> None:
    """5 points more in the middle, none at the ends: the line is flat, and that is what is said."""

    def bent(levels: Any) -> float:
        return 0.5 + 0.05 * (levels["init"] == "teacher" and levels["data_fraction"] == 0.1)

    study = invented_study(DATA, search=2, score=bent)
    level = study.scores["arm"].map(
        {arm: bent(cell) for arm, cell in Results(study).cells.to_dict("index").items()}
    )
    noise = np.random.default_rng(1).normal(0, 1e-4, len(level))
    value = (level + noise).where(study.scores["phase"] == "confirm", study.scores["value"])
    text = answered(dataclasses.replace(study, scores=study.scores.assign(value=value)))
    assert (
        "the fitted straight line stays equal from the smallest to the largest share of the data within 1 "
        "point" in text
    )


@pytest.mark.parametrize("space", [CLAIM, {"init": ("teacher",)}], ids=["arms", "one arm"])
def test_without_scores_per_language_there_is_no_answer(
    space: Any, answered: Callable[[StudyRecord], str]
) -> None:
    study = invented_study(space, search=2)
    macro = study.scores[study.scores["language"].isin(["macro", "worst"])]
    text = answered(dataclasses.replace(study, scores=macro))
    assert (
        text
        == "There is no answer: the record has no scores per language, and all numbers need these scores."
    )


def test_a_slope_that_stands_by_itself_alone_is_not_claimed(
    answered: Callable[[StudyRecord], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two slopes one is below 5%, and after the correction for both neither."""
    study = invented_study(DATA | {"teacher_data": ("full", "same")}, search=2)
    rows = pd.DataFrame(
        [
            ["full", 0.01, 0.001, 0.019, 0.04, 0.08, 5, 0, 3, 2.0, 1, 0, 0.02, "", 0.0],
            ["same", 0.01, -0.001, 0.021, 0.06, 0.08, 5, 0, 3, 2.0, 1, 0, 0.02, "", 0.0],
        ],
        columns=Results(study).advantage.columns,
    )
    monkeypatch.setattr(Results, "advantage", rows)
    full, same = answer(Results(study))
    shown = "these runs do not show whether the difference rises or falls. Scope: "
    assert f" After Holm's correction (p 0.080), {shown}" in full
    assert f" The interval contains 0: {shown}" in same


def test_of_one_arm_it_is_said_how_well_it_does() -> None:
    """There is no winner, which is no finding against the number."""
    study = invented_study({"init": ("teacher",)}, seeds=3)
    macro = Results(study).confirmed.query("language == 'macro'")["value"]
    (sentence,) = answer(Results(study))
    assert sentence.startswith(
        "The study has one arm, init=teacher, and therefore no winner. The students of this arm have a "
        "macro test"
    )
    assert f"accuracy of {100 * macro.mean():.2f}% (95% interval " in sentence
    assert sentence.endswith("on the test texts of these 6 languages; intervals are over seeds only.")
