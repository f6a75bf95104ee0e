"""Paired t tests of many replays at once, with the texts' and the tuning's part of the variance.

The formulas are those of `effects/precision.py` and `effects/tuning.py`; there, one contrast is tested.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import stdtr, stdtrit

from analysis.statistics.effects.texts import Spread
from analysis.statistics.effects.tuning import TUNING_DF
from analysis.statistics.intervals import ALPHA, TINY, Array

__all__ = ["SEEDS_ONLY", "Added", "Tests", "holm_of_rows", "paired_tests"]


class Added(NamedTuple):
    """What the test texts add to variances (`analysis.statistics.effects.precision`), one number for each
    test: the part that all seeds share, the errors of single answers of one seed, and degrees of freedom.
    Zero without texts.
    """

    shared: Array | float = 0.0
    of_one_seed: Array | float = 0.0
    df: Array | float = 1.0

    @classmethod
    def of(cls, spreads: Sequence[Spread | None], seeds: int) -> Added:
        """Of the differences of a study over `seeds` seeds; a replay has fewer of them."""
        parts = [(s.shared, (s.whole - s.shared) * seeds, s.df) if s else (0.0, 0.0, 1.0) for s in spreads]
        shared, of_one_seed, df = np.array(parts).reshape(-1, 3).T
        return cls(shared, of_one_seed, df)


SEEDS_ONLY = Added()


class Tests(NamedTuple):
    """Paired t tests: mean difference, its standard error, the two-sided p of no difference, its df."""

    mean: Array
    error: Array
    p: Array
    df: Array

    def within(self, tests: Array | int = 1) -> Array:
        """Like `analysis.statistics.intervals.Interval.within`, at 5% for `tests` tests together."""
        with np.errstate(invalid="ignore"):
            ends = np.abs(self.mean) + self.error * stdtrit(self.df, 1 - ALPHA / tests)
        return np.where(np.isfinite(self.p), ends, np.nan)


def paired_tests(differences: Array, tuning: Array | float = 0.0, texts: Added = SEEDS_ONLY) -> Tests:
    """Over the last axis, like `interval_of` of the values that are there (`effects/precision.py`).

    tuning: the variance that is added, as by `analysis.statistics.effects.tuning.widened`.
    """
    there = np.isfinite(differences)
    n = there.sum(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(there, differences, 0).sum(axis=-1) / n
        squares = np.where(there, differences - mean[..., None], 0) ** 2
        of_seeds = squares.sum(axis=-1) / (n - 1) / n
        whole = texts.shared + texts.of_one_seed / n
        own = np.maximum(np.maximum(of_seeds + texts.shared, of_seeds), whole)
        parts = of_seeds / (n - 1) + whole / texts.df
        own_df = np.where(parts > 0, (of_seeds + whole) / parts, n - 1.0)
        error = np.sqrt(own + tuning)
        df = error**4 / (own**2 / own_df + np.asarray(tuning) ** 2 / TUNING_DF)
        p = 2 * stdtr(df, -np.abs(mean) / error)
    return Tests(mean, error, np.where(np.sqrt(own) > TINY, p, np.nan), df)


def holm_of_rows(p: Array) -> Array:
    """p of each row of [replays x tests], corrected for the row (Holm 1979). Missing values do not count."""
    order = np.argsort(p, axis=1)  # missing ones last
    left = np.isfinite(p).sum(axis=1, keepdims=True) - np.arange(p.shape[1])
    corrected = np.maximum.accumulate(np.take_along_axis(p, order, axis=1) * left, axis=1)
    found = np.empty_like(p)
    np.put_along_axis(found, order, np.minimum(corrected, 1), axis=1)
    return found
