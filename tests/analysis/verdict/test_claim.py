"""Claim C1 in words: planted studies, in which it is known what copying and distilling do."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.special import stdtr, stdtrit

from analysis.record.study_record import StudyRecord
from analysis.statistics.effects.copying import PARTS, Copying
from analysis.statistics.intervals import holm
from analysis.verdict.claim import claim_in_words
from analysis.verdict.results import Results
from tests.analysis.invented import invented_study
from tests.analysis.spaces import CLAIM

Answered = Callable[[StudyRecord], str]
THREE: dict[str, Any] = {"init": ("random", "base", "teacher"), "alpha": (1.0, 0.2)}


def planted(copying: float, distilling: float, crossed: float = 0.0, noise: float = 1e-3) -> StudyRecord:
    """A study in which copying and distilling add so much; `crossed` is for students that have both."""

    def score(levels: Any) -> float:
        copied, distilled = levels["init"] == "teacher", levels["alpha"] < 1
        return 0.4 + copying * copied + distilling * distilled + crossed * (copied and distilled)

    return scored(CLAIM, score, noise)


def scored(space: Any, score: Callable[[Any], float], noise: float) -> StudyRecord:
    """A study whose arms score as planted in every language, but for `noise` from run to run."""
    study = invented_study(space, search=2, score=score)
    of_arms = {arm: score(cell) for arm, cell in Results(study).cells.to_dict("index").items()}
    runs = study.scores.groupby(["arm", "phase", "split", "seed"], dropna=False).ngroup()
    of_runs = np.random.default_rng(5).normal(0, noise, int(runs.max()) + 2)[runs]
    value = study.scores["arm"].map(of_arms) + of_runs
    return dataclasses.replace(study, scores=study.scores.assign(value=value.fillna(study.scores["value"])))


@pytest.mark.parametrize(
    ("copying", "distilling", "lead", "verdict"),
    [
        (0.2, 0.1, "**Copying helped; distilling helped.** Macro test accuracy, 6 seeds: ", "supported, by "),
        (0.2, -0.1, "**Copying helped; distilling hurt.** ", "supported, by "),
        (-0.2, 0.1, "**Copying hurt; distilling helped.** ", "supported, by "),
        (0.1, 0.2, "**Copying helped; distilling helped.** ", "contradicted, distilling changed accuracy"),
        (0.1, -0.2, "**Copying helped; distilling hurt.** ", "contradicted, distilling changed accuracy"),
        (-0.1, -0.2, "**Copying hurt; distilling hurt.** ", "contradicted, distilling changed accuracy"),
    ],
)
def test_what_helps_and_what_hurts_is_said_and_the_claim_is_in_magnitude(
    copying: float, distilling: float, lead: str, verdict: str, answered: Answered
) -> None:
    text = answered(planted(copying, distilling))
    assert text.startswith(lead)
    assert f"*Claim C1, copying changes accuracy more than distilling does: {verdict}" in text
    assert "points in magnitude [" in text


def test_copying_that_is_worth_nothing_and_distilling_that_costs_do_not_support_the_claim(
    answered: Answered,
) -> None:
    text = answered(planted(0.0, -0.11))
    assert text.startswith("**Copying changed nothing within 1 point; distilling hurt.**")
    assert "contradicted, distilling changed accuracy more, by 11." in text
    assert text.endswith("distilling changes accuracy more for such languages too.")


def test_neither_is_said_to_change_anything_if_both_are_within_the_margin(answered: Answered) -> None:
    text = answered(planted(0.0, 0.0))
    assert text.startswith(
        "**Copying changed nothing within 1 point; distilling changed nothing within 1 point.**"
    )
    assert "not supported, the two are equal in magnitude within 1 point (copying" in text


def with_intervals(found: Copying, ends: dict[str, tuple[float, float]]) -> Copying:
    """`found` with other intervals of its parts, and the p values that belong to them."""
    intervals = dict(found.intervals)
    for part, (low, high) in ends.items():
        estimate, df = (low + high) / 2, intervals[part].df
        error = (high - low) / 2 / float(stdtrit(df, 0.975))
        p = 2 * float(stdtr(df, -abs(estimate) / error))
        intervals[part] = dataclasses.replace(intervals[part], estimate=estimate, low=low, high=high, p=p)
    corrected = holm(np.array([intervals[part].p for part in PARTS]))
    parts_holm = dict(zip(PARTS, map(float, corrected), strict=True))
    return dataclasses.replace(found, intervals=intervals, parts_holm=parts_holm)


def test_what_is_said_of_copying_agrees_with_the_two_intervals_that_are_printed(answered: Answered) -> None:
    """The quickstart's case: both intervals leave out zero by a little, and Holm's p of both is above 5%."""
    found = Results(planted(0.2, 0.0)).copying
    assert found is not None
    near = with_intervals(found, {PARTS[0]: (0.006, 0.394), PARTS[1]: (0.003, 0.397)})
    assert min(near.parts_holm[part] for part in PARTS[:2]) > 0.05
    (first, *_) = claim_in_words(near, "Scope.")
    assert first.startswith("**Copying helped; ")
    assert near.shown == "copying"


def test_one_interval_that_leaves_out_zero_by_a_little_is_not_taken_for_an_effect() -> None:
    found = Results(planted(0.2, 0.0)).copying
    assert found is not None
    one = with_intervals(found, {PARTS[0]: (-0.1, 0.5), PARTS[1]: (0.003, 0.397), PARTS[2]: (-0.1, 0.1)})
    (first, *_) = claim_in_words(one, "Scope.")
    assert first.startswith("**Copying was not shown to help or to hurt; ")
    assert "One of four intervals may leave out zero by chance" in first
    assert one.shown is None
    assert "not decided, because the effect of copying itself is not clear" in first


def test_without_a_clear_sign_nothing_is_claimed(answered: Answered) -> None:
    text = answered(planted(0.0, 0.0, noise=0.05))
    assert "was not shown to help or to hurt" in text
    assert "not decided, these runs do not show which of the two changed accuracy more (copying " in text


def test_the_four_means_and_each_part_with_its_interval_are_said(answered: Answered) -> None:
    study = planted(0.2, 0.1, -0.05)
    found = Results(study).copying
    assert found is not None
    text = answered(study)
    random, random_distilled, copied, copied_distilled = (f"{100 * mean:.1f}" for mean in found.means)
    assert f"random students {random} on labels and {random_distilled} distilled; copied" in text
    assert f"copied students {copied} and {copied_distilled}. Copying changed accuracy by" in text
    for part, words in {
        "copying, on labels": "on labels and by",
        "copying, distilled": "under distillation; distilling",
        "distilling, random": "and copies by",
    }.items():
        one = found.intervals[part]
        numbers = f"{100 * one.estimate:+.1f} points [{100 * one.low:.1f}, {100 * one.high:.1f}]"
        assert f"{numbers} {words}" in text


def test_an_effect_of_one_kind_of_student_alone_is_said_of_this_kind(answered: Answered) -> None:
    """Distilling helps random students, and copies do as well without it; base is far off and no part."""

    def helps_random(levels: Any) -> float:
        far = 0.3 * (levels["init"] == "base" and levels["alpha"] < 1)
        return 0.4 + 0.1 * (levels["init"] == "teacher" or levels["alpha"] < 1) + far

    text = answered(scored(THREE, helps_random, 1e-3))
    assert text.startswith(
        "**Copying helped students on labels and did not change distilled students by more than 1 point; "
        "distilling helped random students and did not change copies by more than 1 point.**"
    )


def test_opposite_parts_are_said_and_no_single_number_is_claimed(answered: Answered) -> None:
    text = answered(planted(-0.1, 0.0, 0.4))
    assert "Copying hurt students on labels and helped distilled students; " in text
    assert (
        "not decided, because copying hurt students on labels and helped distilled students: no single "
        "number describes copying" in text
    )


def test_several_alphas_are_named(answered: Answered) -> None:
    several = answered(invented_study({"init": ("random", "teacher"), "alpha": (1.0, 0.5, 0.2)}, search=2))
    assert " distilled (the mean of alpha 0.5, 0.2); copied students" in several
    assert "the mean of alpha" not in answered(invented_study(CLAIM, search=2))


def test_one_seed_decides_nothing(answered: Answered) -> None:
    text = answered(invented_study(CLAIM, search=2, seeds=1))
    assert "not decided, because the spread over seeds is not known" in text
    assert "[" not in text
