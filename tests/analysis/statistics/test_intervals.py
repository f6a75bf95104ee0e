"""Intervals against independent formulas, and at their end points."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.formula.api import ols
from statsmodels.stats.anova import anova_lm
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.weightstats import DescrStatsW

from analysis.statistics.intervals import Interval, holm, new_languages, paired_t

differences = (
    st.lists(st.floats(-1, 1), min_size=2, max_size=10).map(np.array).filter(lambda d: np.std(d) > 1e-3)
)


def bounds(interval: Interval) -> tuple[float, float, float, float]:
    return interval.estimate, interval.low, interval.high, interval.p


@settings(deadline=None)
@given(differences, st.sampled_from([0.9, 0.95, 0.999]))
def test_an_interval_over_seeds_is_the_t_interval(d: np.ndarray, level: float) -> None:
    found, expected = paired_t(d, level), stats.ttest_1samp(d, 0)
    low, high = expected.confidence_interval(level)
    assert bounds(found) == pytest.approx((d.mean(), low, high, expected.pvalue), rel=1e-6, abs=1e-9)
    assert (found.df, found.n, found.level) == (len(d) - 1, len(d), level)


@pytest.mark.parametrize("d", [[0.25], [0.25, 0.25, 0.25], [0.1 + 0.2, 0.3]])
def test_without_a_spread_there_is_an_estimate_alone(d: list[float]) -> None:
    """One seed, or seeds that do not differ by more than rounding: nothing says how far off the mean is."""
    found = paired_t(np.array(d))
    assert found.estimate == pytest.approx(d[0])
    assert found.n == len(d)
    assert all(map(math.isnan, (found.low, found.high, found.p, found.df, found.within)))


def test_without_a_seed_there_is_no_estimate() -> None:
    assert math.isnan(paired_t(np.array([])).estimate)
    assert math.isnan(new_languages(np.empty((0, 4))).estimate)


@settings(deadline=None)
@given(differences)
def test_the_smallest_margin_is_where_two_one_sided_tests_turn(d: np.ndarray) -> None:
    """Against those of statsmodels (TOST)."""
    within = paired_t(d).within
    assert DescrStatsW(d).ttost_mean(-within, within)[0] == pytest.approx(0.05, rel=1e-6)


def test_a_difference_near_the_margin_is_not_shown_to_be_none() -> None:
    assert 0.01 < paired_t(np.array([0.008, 0.009, 0.010, 0.011])).within < 0.02


def crossed(seeds: int, languages: int, of_seed: float, of_language: float, rest: float) -> np.ndarray:
    rng = np.random.default_rng(seeds * 100 + languages)
    d = 0.1 + of_seed * rng.standard_normal((seeds, 1)) + of_language * rng.standard_normal((1, languages))
    return d + rest * rng.standard_normal((seeds, languages))


@pytest.mark.parametrize(("seeds", "languages"), [(3, 4), (3, 8), (10, 4)])
def test_seeds_and_languages_are_crossed_random_effects(seeds: int, languages: int) -> None:
    """Against the mean squares of statsmodels' two-way analysis of variance."""
    d = crossed(seeds, languages, 0.02, 0.05, 0.01)
    frame = pd.DataFrame(d).stack().rename("d").rename_axis(["seed", "language"]).reset_index()
    table = anova_lm(ols("d ~ C(seed) + C(language)", frame).fit())
    seed, language, error = table["sum_sq"] / table["df"]
    variance = (language + seed - error) / d.size
    assert variance * d.size > max(language, seed)
    df = (language + seed) / (language / (languages - 1) + seed / (seeds - 1))
    half = stats.t.ppf(0.975, df) * math.sqrt(variance)
    p = 2 * stats.t.sf(abs(d.mean()) / math.sqrt(variance), df)
    assert bounds(new_languages(d)) == pytest.approx((d.mean(), d.mean() - half, d.mean() + half, p))
    assert min(seeds, languages) - 1 <= new_languages(d).df <= max(seeds, languages) - 1


def test_where_languages_do_not_differ_seeds_are_all_there_is() -> None:
    d = crossed(5, 8, 0.02, 0, 0)
    assert bounds(new_languages(d)) == pytest.approx(bounds(paired_t(d[:, 0])))


def test_where_seeds_do_not_differ_languages_are_all_there_is() -> None:
    d = crossed(5, 8, 0, 0.02, 0)
    assert bounds(new_languages(d)) == pytest.approx(bounds(paired_t(d[0])))


def test_seeds_and_languages_change_places() -> None:
    d = crossed(4, 7, 0.02, 0.03, 0.05)
    assert bounds(new_languages(d)) == pytest.approx(bounds(new_languages(d.T)))


def test_a_variance_below_its_parts_is_replaced_by_the_larger_one() -> None:
    """Rows and columns all sum to nearly 0: the plain formula would be negative."""
    d = np.array([[1, -1, 0.0], [-1, 1, 0.003], [0.001, 0, 0.0]]) / 10
    found = new_languages(d)
    ms_seed, ms_language = 3 * d.mean(axis=1).var(ddof=1), 3 * d.mean(axis=0).var(ddof=1)
    df = (ms_seed + ms_language) / (ms_seed / 2 + ms_language / 2)
    half = stats.t.ppf(0.975, df) * math.sqrt(max(ms_seed, ms_language) / 9)
    assert (found.low, found.high) == pytest.approx((d.mean() - half, d.mean() + half))


@pytest.mark.parametrize("shape", [(1, 8), (5, 2), (5, 1)])
def test_one_seed_or_two_languages_say_nothing_of_others(shape: tuple[int, int]) -> None:
    d = np.random.default_rng(0).standard_normal(shape)
    found = new_languages(d)
    assert found.estimate == pytest.approx(d.mean())
    assert math.isnan(found.low)


@pytest.mark.parametrize("n", [1, 2, 5, 12])
def test_corrected_p_is_holms(n: int) -> None:
    p = np.random.default_rng(n).random(n) ** 3
    assert holm(p) == pytest.approx(multipletests(p, method="holm")[1])


def test_a_test_that_could_not_be_made_is_not_counted() -> None:
    assert holm(np.array([0.01, math.nan, 0.04])) == pytest.approx([0.02, math.nan, 0.04], nan_ok=True)
    assert np.isnan(holm(np.array([math.nan]))).all()
    assert len(holm(np.array([]))) == 0
