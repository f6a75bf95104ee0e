"""Tuning as a part of the uncertainty: the variance that tuning adds to a contrast, and its df."""

from __future__ import annotations

import math

import numpy as np
import pytest

from analysis.statistics.effects.arms import best_against_others
from analysis.statistics.effects.runs import Runs, over_teachers
from analysis.statistics.effects.tuning import (
    TUNING_DF,
    Shortfall,
    could_explain,
    mean_shortfall,
    variance_of,
    widened,
)
from analysis.statistics.intervals import paired_t

SEEDS = np.array([0.02, 0.03, 0.05, 0.04, 0.06])


def test_shortfalls_that_are_alike_cancel_in_a_difference_and_their_spreads_add_up() -> None:
    alike = {"a": Shortfall(0.03, 0.01), "b": Shortfall(0.03, 0.02)}
    assert variance_of(np.array([1.0, -1.0]), ("a", "b"), alike) == pytest.approx(0.01**2 + 0.02**2)
    apart = {"a": Shortfall(0.01, 0.0), "b": Shortfall(0.04, 0.0)}
    assert variance_of(np.array([1.0, -1.0]), ("a", "b"), apart) == pytest.approx(0.03**2)


def test_an_arm_that_tuned_nothing_adds_nothing() -> None:
    assert variance_of(np.array([1.0, -1.0]), ("a", "b"), {}) == 0
    interval = paired_t(SEEDS)
    assert widened(interval, 0.0) == interval


def test_an_interval_with_tuning_is_wider_around_the_same_estimate() -> None:
    interval = paired_t(SEEDS)
    wide = widened(interval, 0.01**2)
    assert wide.estimate == interval.estimate
    assert wide.low < interval.low
    assert wide.high > interval.high
    assert wide.p > interval.p
    assert interval.df < wide.df < interval.df + TUNING_DF  # Satterthwaite
    assert wide.within > interval.within


def test_if_tuning_is_all_the_uncertainty_half_the_interval_is_what_it_could_explain() -> None:
    """A variance over seeds of nearly zero: then the two numbers of the report agree."""
    wide = widened(paired_t(0.3 + 1e-9 * SEEDS), 0.02**2)
    assert (wide.high - wide.low) / 2 == pytest.approx(could_explain(0.02**2), rel=1e-6)


def test_an_interval_without_bounds_stays_without_bounds() -> None:
    assert math.isnan(widened(paired_t(SEEDS[:1]), 0.01**2).low)


def test_the_shortfall_of_several_teachers_is_that_of_their_mean() -> None:
    found = mean_shortfall([Shortfall(0.01, 0.03), Shortfall(0.03, 0.04)])
    assert found == pytest.approx((0.02, 0.025))
    arms = ("init=teacher teacher_seed=0", "init=teacher teacher_seed=1", "init=random")
    tuning = dict.fromkeys(arms, Shortfall(0.01, 0.03))
    runs = Runs(arms, (1, 2), ("deu",), np.zeros((3, 2, 1)), ({}, {}, {}), tuning)
    assert over_teachers(runs).tuning["init=teacher"] == pytest.approx((0.01, 0.03 / math.sqrt(2)))


def test_no_winner_is_named_that_tuning_could_explain() -> None:
    values = np.array([0.5 + SEEDS / 10, 0.48 + SEEDS[::-1] / 10])[:, :, None]
    runs = Runs(("a", "b"), (1, 2, 3, 4, 5), ("deu",), values, ({}, {}))
    (alone,) = best_against_others(runs).to_dict("records")
    tuned = Runs(runs.arms, runs.seeds, runs.languages, values, runs.cells, {"b": Shortfall(0.015, 0.01)})
    (wide,) = best_against_others(tuned).to_dict("records")
    assert alone["p"] < 0.05 < wide["p"]
    assert alone["could_be_tuning"] == 0
    assert wide["could_be_tuning"] > wide["estimate"]
    assert wide["estimate"] == alone["estimate"]
