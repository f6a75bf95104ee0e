"""What a design can detect is what simulated studies of this design show in 80% of cases."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from analysis.statistics.power import POWER, detectable, run_noise


@pytest.mark.parametrize("seeds", [2, 3, 5, 10])
def test_a_detectable_difference_is_shown_in_eight_of_ten_studies(seeds: int) -> None:
    rng = np.random.default_rng(0)
    runs = rng.normal(0, 0.02, (20_000, 2, seeds))
    runs[:, 0] += detectable(0.02, seeds)
    shown = stats.ttest_1samp(runs[:, 0] - runs[:, 1], 0, axis=1).pvalue < 0.05
    assert shown.mean() == pytest.approx(POWER, abs=0.012)


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
