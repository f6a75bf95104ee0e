"""A paired difference of runs of which some values are intervals: exact, by regression, or by bounds."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.optimize import approx_fprime
from scipy.special import ndtri
from scipy.stats import norm

from analysis.statistics.censored import CensoredRuns, _interval_terms, paired_difference
from analysis.statistics.intervals import paired_t


def of_cell(baseline: list[float], level: list[float], last: float = math.inf) -> CensoredRuns:
    """One cell; a value above `last` was never seen."""
    values = np.array([[baseline, level]])
    return CensoredRuns(np.minimum(values, last), np.where(values > last, np.inf, values))


def test_without_a_censored_value_it_is_the_paired_t_test() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(0, 1, (3, 2, 5))
    found = paired_difference(CensoredRuns(values, values))
    assert found.method == "paired t"
    assert found.interval == paired_t((values[:, 1] - values[:, 0]).mean(axis=0))


def test_interval_regression_of_hardly_censored_values_is_nearly_the_paired_t_test() -> None:
    """The jackknife over seeds is then that of a mean."""
    values = np.random.default_rng(1).normal(0, 0.5, (2, 2, 6))
    low = values.copy()
    low[0, 0, 0] -= 1e-4
    found, same = (
        paired_difference(CensoredRuns(low, values)),
        paired_difference(CensoredRuns(values, values)),
    )
    assert found.method == "interval regression"
    ends = (found.interval.estimate, found.interval.low, found.interval.high, found.interval.p)
    expected = (same.interval.estimate, same.interval.low, same.interval.high, same.interval.p)
    assert ends == pytest.approx(expected, abs=0.02)


def test_a_run_that_never_got_there_is_slower_than_its_bound() -> None:
    baseline, level = [3.0, 3.4, 3.8, 5.5, 5.2], [2.0, 2.3, 2.9, 2.4, 2.6]
    found = paired_difference(of_cell(baseline, level, last=4.0)).interval
    at_bound = paired_difference(of_cell(np.minimum(baseline, 4.0).tolist(), level)).interval
    assert found.estimate < at_bound.estimate
    assert found.low < found.estimate < found.high
    assert found.n == 5


@pytest.mark.parametrize("side", ["never", "early"])
def test_an_init_without_a_known_value_has_a_limit_alone(side: str) -> None:
    known = np.array([1.0, 1.2, 1.1, 1.3])
    censored = np.full(4, 3.0), np.full(4, np.inf)
    if side == "early":
        censored = np.full(4, -np.inf), np.full(4, 3.0)
    low, high = (np.array([[each, known]]) for each in censored)
    found = paired_difference(CensoredRuns(low, high))
    limit = paired_t(known - 3.0)
    assert found.method == "bounds"
    assert math.isnan(found.interval.estimate)
    if side == "never":
        assert (found.interval.low, found.interval.high) == (-math.inf, limit.high)
        assert found.interval.p == pytest.approx(limit.p)
    else:
        assert (found.interval.low, found.interval.high) == (limit.low, math.inf)
        assert found.interval.p == 1.0


def test_bounds_on_either_side_of_both_inits_say_nothing() -> None:
    low, high = np.full((1, 2, 3), 1.0), np.full((1, 2, 3), np.inf)
    found = paired_difference(CensoredRuns(low, high)).interval
    assert all(math.isnan(value) for value in (found.estimate, found.low, found.high, found.p))


def test_the_likelihood_of_an_interval_and_its_derivatives() -> None:
    low = np.array([-np.inf, -1.0, 0.5, 2.0, -9.0, 8.0, 1.0])
    high = np.array([0.3, 1.2, np.inf, 2.5, -8.0, np.inf, 1.0 + 1e-2])
    for place, (a, b) in enumerate(zip(low, high, strict=True)):

        def log_p(x: np.ndarray, a: float = a, b: float = b) -> float:
            spread = np.exp(x[1])
            return float(_interval_terms((a - x[:1]) / spread, (b - x[:1]) / spread)[0][0])

        value, of_mean, of_log = (float(each[0]) for each in _interval_terms(np.array([a]), np.array([b])))
        exact = norm.logsf(a) if b == np.inf else np.log(norm.cdf(b) - norm.cdf(a))
        assert value == pytest.approx(float(exact), rel=1e-5), place
        assert [of_mean, of_log] == pytest.approx(approx_fprime(np.zeros(2), log_p, 1e-6), rel=1e-3, abs=1e-4)


@pytest.mark.parametrize(("seeds", "never"), [(3, 0.3), (5, 0.3), (5, 0.6), (5, 1.0)])
def test_intervals_that_use_runs_which_never_got_there_cover(seeds: int, never: float) -> None:
    """In at least 70 of 80 studies; 76 are expected. The baseline is noisier, and takes twice as long."""
    rng, covered = np.random.default_rng(seeds), []
    last = float(ndtri(1 - min(never, 0.999)) * math.hypot(0.3, 0.4)) - (3.0 if never == 1 else 0)
    for _ in range(80):
        seed = 0.3 * rng.standard_normal(seeds)
        values = np.array(
            [[seed + 0.4 * rng.standard_normal(seeds), seed - 1 + 0.2 * rng.standard_normal(seeds)]]
        )
        low, high = np.minimum(values, last), np.where(values > last, np.inf, values)
        low[0, 1], high[0, 1] = values[0, 1], values[0, 1]
        found = paired_difference(CensoredRuns(low, high)).interval
        covered.append(found.low <= -1 <= found.high)
    assert sum(covered) >= 70
