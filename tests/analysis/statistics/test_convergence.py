"""Steps to a share of a final score (C5): what reports can tell, and what was never reached."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.interpolate import pchip_interpolate

from analysis.statistics.convergence import (
    _Run,
    arm_convergence,
    convergence_difference,
    last_gains,
    steps_to_share,
)
from analysis.verdict.results import Results
from tests.analysis.invented import invented_study
from tests.analysis.tables import curve_table

SLOW, FAST = [0.1, 0.2, 0.3, 0.4, 0.5], [0.1, 0.46, 0.48, 0.49, 0.5]
CELLS = pd.DataFrame({"init": ["random", "teacher"]}, index=pd.Index(["r", "t"], name="arm"))
FACTORS = {"init": ("random", "teacher")}


def between(before: int, after: int, share: float) -> float:
    """The step that lies so far between two, in the logarithm: of two reports, and of any on one line."""
    return float(before * (after / before) ** share)


def crossing(curve: Sequence[float], target: float, before: int, after: int) -> float:
    """Where the monotone cubic through all reports, one every ten steps, is at `target`: by a fine table."""
    reports = np.log2(10 * np.arange(1, len(curve) + 1))
    fine = np.linspace(math.log2(before), math.log2(after), 10**5)
    return float(2 ** np.interp(target, pchip_interpolate(reports, curve, fine), fine))


def test_the_step_lies_on_the_monotone_cubic_through_the_reports() -> None:
    steps = steps_to_share(curve_table({("r", 1): SLOW, ("t", 1): FAST}))
    assert list(steps.columns) == ["arm", "seed", "final", "resolution", "own", "best"]
    expected = {"r": crossing(SLOW, 0.45, 40, 50), "t": crossing(FAST, 0.45, 10, 20)}
    assert steps.set_index("arm")["own"].to_dict() == pytest.approx(expected)
    assert set(steps["resolution"]) == {10}


@given(
    curve=st.lists(st.floats(0, 1).map(lambda score: round(score, 3)), min_size=1, max_size=8),
    share=st.floats(0.05, 1),
)
def test_the_step_lies_between_the_first_report_that_has_the_share_and_the_one_before(
    curve: list[float], share: float
) -> None:
    step = steps_to_share(curve_table({("a", 1): curve}), share)["own"].item()
    first = next(report for report, score in enumerate(curve) if score >= share * curve[-1])
    rounding = 1e-9
    assert 10 * max(first, 1) - rounding <= step <= 10 * (first + 1) + rounding


def test_a_target_that_is_the_score_of_a_report_is_reached_there() -> None:
    """The cubic may miss the score of a report by rounding."""
    steps = steps_to_share(curve_table({("a", 1): [0.0, 0.0, 0.786]}), share=1.0)
    assert steps["own"].item() == pytest.approx(30)


@pytest.mark.parametrize("steps", [(10, 20, 40, 80), (10, 20, 30, 40, 50)])
def test_a_line_over_the_logarithm_of_steps_is_met_where_it_is(steps: tuple[int, ...]) -> None:
    curve = pd.DataFrame({"arm": "a", "seed": 1, "step": steps, "macro": 0.1 * np.log2(steps)})
    assert steps_to_share(curve)["own"].item() == pytest.approx(steps[-1] ** 0.9)


@pytest.mark.parametrize("reports", [4, 8, 60])
def test_of_a_course_that_levels_off_the_step_is_its_own(reports: int) -> None:
    """The course is 1 - exp(-t / c); by a line between two reports the step is up to 3% too high."""
    for constant in (10.0, 13.0, 17.0):
        curve = 1 - np.exp(-10 * np.arange(1, reports + 1) / constant)
        true = -constant * math.log(1 - 0.9 * curve[-1])
        found = steps_to_share(curve_table({("a", 1): curve.tolist()}))["own"].item()
        assert found == pytest.approx(true, rel=0.005)


def test_a_share_that_is_met_exactly_is_reached() -> None:
    steps = steps_to_share(curve_table({("a", 1): [0.2, 0.25, 0.5]}), share=0.5)
    assert steps["own"].item() == pytest.approx(20)


def test_what_is_there_at_the_first_report_counts_with_it() -> None:
    """It got there at some step before; which one is not known."""
    steps = steps_to_share(curve_table({("a", 1): [0.5, 0.5, 0.5], ("b", 1): [0.46, 0.2, 0.5]}))
    assert steps["own"].to_list() == [10, 10]


def test_reports_may_come_in_any_order_and_a_curve_may_fall_again() -> None:
    curve = [0.1, 0.5, 0.2, 0.3, 0.5]
    curves = curve_table({("a", 1): curve}).sample(frac=1, random_state=1)
    assert steps_to_share(curves)["own"].item() == pytest.approx(crossing(curve, 0.45, 10, 20))


def test_the_best_arms_final_score_is_a_mean_over_its_seeds() -> None:
    runs = {("a", 1): [0.4, 0.8], ("a", 2): [0.6, 0.6], ("b", 1): [0.3, 0.64], ("b", 2): [0.62, 0.62]}
    steps = steps_to_share(curve_table(runs))  # 0.9 of a's 0.7 is 0.63
    best = steps.set_index(["arm", "seed"])["best"]
    assert best["a", 1] == pytest.approx(between(10, 20, 0.23 / 0.4))
    assert best["b", 1] == pytest.approx(between(10, 20, 0.33 / 0.34))
    assert best[["a"]][:, 2].isna().all()
    assert math.isnan(best["b", 2])


def test_an_arm_is_summed_up_by_medians() -> None:
    runs = {("r", seed): [0.5] * seed + [0.9] * (5 - seed) for seed in (1, 2, 3)}
    arms = arm_convergence(steps_to_share(curve_table(runs)))
    row = arms.iloc[0]
    assert (row["arm"], row["runs"], row["never"]) == ("r", 3, 0)
    assert row["own"] == pytest.approx(crossing([0.5, 0.5, 0.9, 0.9, 0.9], 0.81, 20, 30))


@pytest.mark.parametrize(("reached", "median"), [(3, 18.49968), (2, 18.49968), (1, math.nan), (0, math.nan)])
def test_runs_that_never_get_there_are_slower_than_all_others(reached: int, median: float) -> None:
    runs = {("best", seed): [0.9, 0.9] for seed in (1, 2, 3)}
    runs |= {("r", seed): [0.1, 0.9 if seed <= reached else 0.2] for seed in (1, 2, 3)}
    row = arm_convergence(steps_to_share(curve_table(runs))).set_index("arm").loc["r"]
    assert row["best"] == pytest.approx(median, rel=1e-5, nan_ok=True)
    assert row["never"] == 3 - reached


def test_the_difference_is_in_doublings_and_paired_by_seed() -> None:
    """Copies need half the steps at seeds 1 and 2, a quarter at seed 3; the seeds differ by far more."""
    late = {1: 4, 2: 8, 3: 16}
    runs: dict[tuple[str, int], list[float]] = {}
    for seed, report in late.items():
        for arm, faster in (("r", 1), ("t", 4 if seed == 3 else 2)):
            at = report // faster
            runs[arm, seed] = [0.1] * (at - 1) + [0.45] + [0.5] * (17 - at)
    rows = convergence_difference(curve_table(runs), CELLS, FACTORS).set_index("criterion")
    assert list(rows.index) == ["better", "own"]
    assert rows["estimate"].to_list() == pytest.approx([-4 / 3, -4 / 3])
    assert rows.loc["own", "low"] < -4 / 3 < rows.loc["own", "high"]
    assert rows["seeds"].to_list() == [3, 3]


TWO_ALPHAS = FACTORS | {"alpha": (0.2, 1.0)}
BY_ALPHA = pd.DataFrame(
    {"init": ["random", "random", "teacher", "teacher"], "alpha": [0.2, 1.0, 0.2, 1.0]},
    index=["r2", "r1", "t2", "t1"],
)


def test_runs_that_never_got_there_need_more_steps_than_they_were_trained_for() -> None:
    """At alpha 1 no run gets to the target, so only a limit is known; to its own score every run gets."""
    runs: dict[tuple[str, int], list[float]] = {}
    for seed in (1, 2, 3):
        early = 0.01 * seed
        runs |= {("r2", seed): [0.1, 0.1, early, 0.1, 0.1], ("t2", seed): [0.1, 0.81 + early, 0.9, 0.9, 0.9]}
        runs |= {("r1", seed): [0.1, 0.1, 0.45, 0.5, 0.5], ("t1", seed): [0.1, 0.5 + early, 0.9, 0.9, 0.9]}
    rows = convergence_difference(curve_table(runs), BY_ALPHA, TWO_ALPHAS).set_index("criterion")
    better = rows.loc["better"]
    assert better[["seeds", "cells", "never", "early", "method"]].to_list() == [3, 2, 6, 0, "bounds"]
    assert math.isnan(better["estimate"])
    assert math.isinf(better["low"])
    assert better["low"] < better["high"] < 0
    known = math.log2(50)
    copied = [
        [math.log2(crossing(runs[arm, seed], 0.9 * 0.9, 10, 30)) for arm in ("t2", "t1")]
        for seed in (1, 2, 3)
    ]
    above = np.mean(copied, axis=1) - known
    assert better["high"] == pytest.approx(stats.ttest_1samp(above, 0).confidence_interval().high, abs=1e-3)


def test_of_some_runs_that_never_got_there_interval_regression_has_an_interval() -> None:
    late = {1: 3, 2: 4, 3: 6, 4: 7, 5: 99}  # the report at which a random student gets there, of eight
    runs: dict[tuple[str, int], list[float]] = {}
    for seed, report in late.items():
        runs["r", seed] = [0.1] * min(report - 1, 8) + [0.9] * max(9 - report, 0)
        runs["t", seed] = [0.1, 0.2 + 0.1 * seed] + [0.9] * 6
    (better, _) = convergence_difference(curve_table(runs), CELLS, FACTORS).to_dict("records")
    assert (better["method"], better["never"], better["early"]) == ("interval regression", 1, 0)
    assert better["low"] < better["estimate"] < better["high"]
    runs["r", 5] = [0.1] * 7 + [0.9]
    (whole, _) = convergence_difference(curve_table(runs), CELLS, FACTORS).to_dict("records")
    assert whole["method"] == "paired t"
    assert better["estimate"] < whole["estimate"]  # a run that is slower than all that is known of it


def test_a_run_that_is_there_at_its_first_report_needs_at_most_so_many_steps() -> None:
    """Seeds differ, so that there is an interval; the more such runs, the less is known."""
    runs = {("r", seed): [0.1, 0.1 * seed, 0.46, 0.5] for seed in (1, 2, 3, 4)}
    copied = {("t", seed): [0.1, 0.1 + 0.09 * seed, 0.5, 0.5] for seed in (1, 2, 3, 4)}
    found = []
    for there in (0, 1, 4):
        copied |= {("t", seed): [0.46, 0.45, 0.5, 0.5] for seed in range(1, there + 1)}
        rows = convergence_difference(curve_table(runs | copied), CELLS, FACTORS).set_index("criterion")
        assert rows["early"].to_list() == [there, there]
        found.append(rows.loc["better"])
    assert [row["method"] for row in found] == ["paired t", "interval regression", "bounds"]
    assert found[1]["estimate"] < found[0]["estimate"] < 0
    assert math.isinf(found[2]["low"])
    assert found[2]["high"] < 0


def test_a_report_at_step_0_shows_what_a_student_had_before_training() -> None:
    """At step 0 a copy is there (no lower bound), or is not (its first step is step 1)."""
    steps = [0, 10, 20, 40]
    for first, low in ((0.1, 0.0), (0.9, -math.inf)):
        run = _Run(np.array(steps), np.array([first, 0.85, 0.9, 0.9]))
        assert run.bounds(0.8)[0] == low
        assert run.bounds(0.8)[1] == pytest.approx(math.log2(10) if first < 0.8 else 0)
    slow = _Run(np.array(steps), np.array([0.0, 0.1, 0.5, 0.9]))
    alone = _Run(np.array(steps[1:]), np.array([0.1, 0.5, 0.9]))
    assert slow.bounds(0.8) == alone.bounds(0.8)  # known: what stands at step 0 decides nothing
    assert slow.bounds(0.95) == (math.log2(40), math.inf)


def test_what_is_to_be_reached_is_of_the_same_cell() -> None:
    """At alpha 1 both end at half of what alpha 0.2 gives: its runs get to 90% of what is good there."""
    runs: dict[tuple[str, int], list[float]] = {}
    for seed in (1, 2):
        runs |= {("r2", seed): [0.1, 0.1, 0.1, 0.81, 0.9], ("t2", seed): [0.1, 0.81, 0.9, 0.9, 0.9]}
        runs |= {("r1", seed): [0.1, 0.1, 0.1, 0.45, 0.5], ("t1", seed): [0.1, 0.2, 0.45, 0.5, 0.5]}
    rows = convergence_difference(curve_table(runs), BY_ALPHA, TWO_ALPHAS).set_index("criterion")
    assert rows.loc["better", ["cells", "never"]].to_list() == [2, 0]
    assert rows.loc["better", "estimate"] == pytest.approx((-1 + math.log2(3 / 4)) / 2)


def test_the_better_inits_score_is_a_mean_over_its_seeds() -> None:
    """0.9 of the copy's mean of 0.7 is 0.63, which its own second seed never has."""
    runs = {("t", 1): [0.4, 0.8], ("t", 2): [0.6, 0.6], ("r", 1): [0.3, 0.64], ("r", 2): [0.3, 0.65]}
    rows = convergence_difference(curve_table(runs), CELLS, FACTORS).set_index("criterion")
    assert rows.loc["better", ["cells", "never", "method"]].to_list() == [1, 1, "bounds"]
    runs["t", 2] = [0.6, 0.64]
    rows = convergence_difference(curve_table(runs), CELLS, FACTORS, share=0.85).set_index("criterion")
    assert rows.loc["better", ["cells", "never"]].to_list() == [1, 0]
    copied, random = (
        (0.212 / 0.4, 0.012 / 0.04),
        (0.312 / 0.34, 0.312 / 0.35),
    )  # log2 steps to 0.612, less log2 10
    expected = sum(t - r for t, r in zip(copied, random, strict=True)) / 2
    assert rows.loc["better", "estimate"] == pytest.approx(expected)


def test_two_flat_curves_differ_by_nothing_that_is_known() -> None:
    """No random run is ever there, and both copies are there at the first of two reports."""
    runs = {("r", seed): [0.1, 0.1] for seed in (1, 2)} | {("t", seed): [0.9, 0.9] for seed in (1, 2)}
    rows = convergence_difference(curve_table(runs), CELLS, FACTORS).set_index("criterion")
    assert rows.loc["better", ["seeds", "cells", "never", "early"]].to_list() == [2, 1, 2, 2]
    assert rows.loc["better", ["estimate", "low", "high", "p"]].isna().all()  # bounds without a spread
    assert rows.loc["own", ["never", "early"]].to_list() == [0, 4]


def test_the_last_gain_is_a_mean_over_runs_of_two_reports_or_more() -> None:
    runs = {("a", 1): [0.1, 0.5, 0.6], ("a", 2): [0.5, 0.2], ("b", 1): [0.4, 0.4], ("c", 1): [0.9]}
    assert last_gains(curve_table(runs)).to_dict() == pytest.approx({"a": -0.1, "b": 0.0})
    assert len(last_gains(curve_table({}))) == 0


def test_students_that_are_stopped_on_their_way_up_are_a_caveat() -> None:
    def said(curves: pd.DataFrame) -> list[str]:
        return [text for text in Results(dataclasses.replace(study, curves=curves)).caveats if "rose" in text]

    study = invented_study({"init": ("random", "base", "teacher")}, seeds=3, search=2)
    flat = study.curves.assign(macro=0.5)
    late = (flat["arm"] == "init=random") & (flat["step"] == flat["step"].max())
    assert said(flat) == []
    assert said(flat.assign(macro=0.5 + 0.009 * late)) == []
    (text,) = said(flat.assign(macro=0.5 + 0.011 * late))
    assert text.startswith("In 1 of 3 arms, validation accuracy rose by more than 1 point")


def test_without_both_inits_there_is_no_difference() -> None:
    curves = curve_table({("r", 1): SLOW})
    assert len(convergence_difference(curves, CELLS, FACTORS)) == 0
    assert len(convergence_difference(curves, CELLS.drop(columns="init"), {})) == 0


def test_without_a_run_the_tables_are_empty() -> None:
    curves = curve_table({})
    assert len(steps_to_share(curves)) == 0
    assert len(arm_convergence(steps_to_share(curves))) == 0
    assert len(convergence_difference(curves, CELLS, FACTORS)) == 0


def test_curves_of_superseded_and_of_incomplete_confirm_runs_do_not_count(finished: Any) -> None:
    """A fourth search trial becomes the best, so the third one's confirm runs are of a former best."""
    before = Results(finished.read()).learning()
    assert sorted(zip(before["arm"], before["seed"], strict=True)) == [
        (arm, seed) for arm in ("init=random", "init=teacher") for seed in (1, 2)
    ]
    finished.trial(1, 3, 0.95)
    new = finished.trial(1, 3, 0.9, seed=1, test=0.9)
    finished.trial(1, 3, 0.9, "diverged", seed=2)
    after = Results(finished.read()).learning()
    assert list(after.loc[after["arm"] == "init=teacher", "key"]) == [new]
    assert list(steps_to_share(after)["arm"]) == ["init=random", "init=random", "init=teacher"]
