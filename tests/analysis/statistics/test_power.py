"""What a design can detect is what simulated studies of this design show in 80% of cases."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from analysis.statistics.effects.tuning import TUNING_DF, widened
from analysis.statistics.intervals import paired_t
from analysis.statistics.power import POWER, detectable, run_noise, tuning_with
from tests.analysis.tuned import studies
from tests.analysis.tuned_cells import CELLS


@pytest.mark.parametrize("seeds", [2, 3, 5, 10])
def test_a_detectable_difference_is_shown_in_eight_of_ten_studies(seeds: int) -> None:
    rng = np.random.default_rng(0)
    runs = rng.normal(0, 0.02, (20_000, 2, seeds))
    runs[:, 0] += detectable(0.02, seeds)
    shown = stats.ttest_1samp(runs[:, 0] - runs[:, 1], 0, axis=1).pvalue < 0.05
    assert shown.mean() == pytest.approx(POWER, abs=0.012)


@pytest.mark.parametrize("seeds", [3, 5, 10])
def test_with_a_part_of_tuning_about_eight_of_ten_studies_show_it_in_the_reports_interval(seeds: int) -> None:
    """The report estimates the tuning's part, here with the spread that its degrees of freedom stand for."""
    rng, noise, tuning = np.random.default_rng(0), 0.02, 0.015
    gap, count = detectable(noise, seeds, tuning), 4000
    selected = gap + tuning * rng.standard_normal(count)
    known = tuning**2 * rng.chisquare(TUNING_DF, count) / TUNING_DF
    runs = selected[:, None] + noise * math.sqrt(2) * rng.standard_normal((count, seeds))
    shown = [widened(paired_t(own), each).p < 0.05 for own, each in zip(runs, known, strict=True)]
    assert (
        0.73 <= np.mean(shown) <= 0.98
    )  # more with three seeds: there the report counts more degrees of freedom


def test_without_noise_any_difference_is_shown() -> None:
    assert detectable(0.0, 3) == 0


def test_twice_the_trials_leave_half_of_the_tunings_error() -> None:
    assert tuning_with(0.02, 8, 16) == pytest.approx(0.01)


def test_in_planted_searches_twice_the_trials_leave_about_half() -> None:
    """The root mean square of the shortfalls that the report estimates, where optima have real widths."""

    def error(trials: int) -> float:
        planted = replace(CELLS["real widths"], trials=trials)
        found = studies(planted, 40, True, np.random.default_rng(0))
        lost = [one.mean**2 + one.sd**2 for study in found for one in study.tuning.values()]
        return math.sqrt(float(np.mean(lost)))

    assert 0.3 < error(16) / error(8) < 0.6


def test_one_seed_detects_nothing() -> None:
    assert math.isnan(detectable(0.02, 1))


def test_the_noise_of_a_run_is_what_arms_and_seeds_do_not_explain() -> None:
    rng = np.random.default_rng(1)
    arms, seeds = rng.normal(0, 0.1, (6, 1)), rng.normal(0, 0.05, (1, 400))
    macro = 0.5 + arms + seeds + rng.normal(0, 0.02, (6, 400))
    noise, df = run_noise(macro)
    assert noise == pytest.approx(0.02, rel=0.05)
    assert df == 5 * 399
    macro[2, 7:] = np.nan
    assert run_noise(macro)[1] == 5 * 6  # the seeds that all arms have


@pytest.mark.parametrize("shape", [(1, 5), (4, 1), (3, 0)])
def test_without_two_arms_and_two_seeds_the_noise_is_not_known(shape: tuple[int, int]) -> None:
    noise, df = run_noise(np.full(shape, 0.5))
    assert math.isnan(noise)
    assert df == 0
