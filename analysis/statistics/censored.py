"""A paired difference of two groups of runs of which some values are known as an interval only.

A run that reached its target before its first report, or never, has no exact number of steps: its logarithm
lies between two bounds, of which one may be infinite. Interval regression uses such runs (Tobin 1958,
"Estimation of relationships for limited dependent variables"; Stewart 1983 for grouped data):

    y of a run of group g in cell c ~ Normal(mean[g, c], sd[g])

with the density for an exact value and the probability of the interval for a censored one, at its maximum
likelihood. The estimate is the mean over cells of mean[1, c] - mean[0, c]. Its standard error is that of the
jackknife over seeds, so the runs of one seed may depend on each other, and seeds are the sample. Without a
censored run the estimate and its t interval are those of the paired t test.

If a group has no exact value in some cell, with or without one of the seeds, its mean is not determined. Then
only bounds are used: the difference of a seed lies between the differences of its bounds, and each end of the
interval is the end of a t interval of the bounds on its side. Such an interval may be open at one end.
"""

from __future__ import annotations

import math
from typing import Any, Literal, NamedTuple

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_ndtr, stdtr, stdtrit

from analysis.statistics.intervals import LEVEL, TINY, Array, Interval, paired_t

__all__ = ["CensoredRuns", "Difference", "paired_difference"]

SPREAD = (0.02, 5.0)
"""Bounds of the standard deviation of a group, in log2 steps."""


class CensoredRuns(NamedTuple):
    """low, high: [cells x 2 groups x seeds], bounds of each value; equal for an exact value."""

    low: Array
    high: Array

    @property
    def exact(self) -> Any:
        return self.low == self.high

    def without(self, seed: int) -> CensoredRuns:
        return CensoredRuns(np.delete(self.low, seed, axis=2), np.delete(self.high, seed, axis=2))


class Difference(NamedTuple):
    """Group 1 minus group 0. method: how the interval was computed; with "bounds" an end may be infinite."""

    interval: Interval
    method: Literal["paired t", "interval regression", "bounds"]


def paired_difference(runs: CensoredRuns) -> Difference:
    """The mean over cells and seeds of the difference, with its 95% interval over seeds."""
    seeds = runs.low.shape[2]
    if runs.exact.all():
        of_seeds = (runs.low[:, 1] - runs.low[:, 0]).mean(axis=0)
        return Difference(paired_t(of_seeds), "paired t")
    parts = [runs.without(seed) for seed in range(seeds)]
    if seeds < 3 or not all(part.exact.any(axis=2).all() for part in parts):
        return Difference(_bounded(runs), "bounds")
    estimate = _fitted(runs)
    pseudo = seeds * estimate - (seeds - 1) * np.array([_fitted(part) for part in parts])
    around = paired_t(pseudo)
    half, n = (around.high - around.low) / 2, seeds
    if math.isnan(half):
        return Difference(
            Interval(estimate, math.nan, math.nan, math.nan, math.nan, n), "interval regression"
        )
    error = half / float(stdtrit(n - 1, (1 + LEVEL) / 2))
    p = 2 * float(stdtr(n - 1, -abs(estimate) / error))
    interval = Interval(estimate, estimate - half, estimate + half, p, around.df, n)
    return Difference(interval, "interval regression")


def _bounded(runs: CensoredRuns) -> Interval:
    """The interval of the bounds. The estimate is missing, because only bounds are known."""
    low = (runs.low[:, 1] - runs.high[:, 0]).mean(axis=0)
    high = (runs.high[:, 1] - runs.low[:, 0]).mean(axis=0)
    n = len(low)
    below, above = (paired_t(ends) if np.isfinite(ends).all() else None for ends in (low, high))
    start = -math.inf if below is None or math.isnan(below.low) else below.low
    end = math.inf if above is None or math.isnan(above.high) else above.high
    if math.isinf(start) and math.isinf(end):
        return Interval(math.nan, math.nan, math.nan, math.nan, math.nan, n)
    p = [_one_sided(below, 1), _one_sided(above, -1)]
    return Interval(math.nan, start, end, min(1.0, 2 * min(p)), n - 1, n)


def _one_sided(interval: Interval | None, sign: int) -> float:
    """The one-sided p of no difference, against a difference of this sign."""
    if interval is None or math.isnan(interval.p):
        return 1.0
    return interval.p / 2 if interval.estimate * sign > 0 else 1 - interval.p / 2


def _fitted(runs: CensoredRuns) -> float:
    """The mean over cells of mean[1, c] - mean[0, c], at the maximum of the likelihood."""
    cells = runs.low.shape[0]
    low, high, exact = runs.low, runs.high, runs.exact
    finite = np.where(np.isfinite(low), low, high), np.where(np.isfinite(high), high, low)
    start = (finite[0] + finite[1]) / 2

    def cost(parameters: Array) -> tuple[float, Array]:
        means = parameters[: 2 * cells].reshape(cells, 2, 1)
        logs = parameters[2 * cells :].reshape(1, 2, 1)
        spread = np.exp(logs)
        residual = (start - means) / spread
        share, of_mean, of_log = _interval_terms((low - means) / spread, (high - means) / spread)
        terms = np.where(exact, -0.5 * residual**2 - logs, share)
        to_means = np.where(exact, residual, of_mean) / spread
        to_logs = np.where(exact, residual**2 - 1, of_log)
        gradient = np.concatenate([to_means.sum(axis=2).ravel(), to_logs.sum(axis=(0, 2))])
        return -float(terms.sum()), -gradient

    first = np.concatenate(
        [start.mean(axis=2).ravel(), np.log(np.maximum(start.std(axis=2).mean(axis=0), 0.1))]
    )
    limits = [(None, None)] * (2 * cells) + [(math.log(SPREAD[0]), math.log(SPREAD[1]))] * 2
    found = minimize(cost, first, jac=True, method="L-BFGS-B", bounds=limits)
    means = found.x[: 2 * cells].reshape(cells, 2)
    return float((means[:, 1] - means[:, 0]).mean())


def _interval_terms(a: Array, b: Array) -> tuple[Array, Array, Array]:
    """log P(a < z < b) of a standard normal z; derivatives by the mean (times spread) and the log spread."""
    flipped = a > 0
    one, other = np.where(flipped, -b, a), np.where(flipped, -a, b)  # the lower tail keeps its digits
    with np.errstate(divide="ignore", invalid="ignore"):
        upper, lower = log_ndtr(other), log_ndtr(one)
        log_p = upper + np.log1p(-np.exp(np.minimum(lower - upper, -TINY)))
        at_a, at_b = np.exp(_log_density(a) - log_p), np.exp(_log_density(b) - log_p)
        of_log = np.where(np.isfinite(a), a, 0) * at_a - np.where(np.isfinite(b), b, 0) * at_b
    return log_p, at_a - at_b, of_log


def _log_density(z: Array) -> Array:
    return -0.5 * z**2 - 0.5 * math.log(2 * math.pi)
