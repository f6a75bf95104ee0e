"""Tuning as a part of the uncertainty: how far arms may lie below their best tuned values.

An arm is confirmed at selected values, and its best values are not known. Let s[a] be the shortfall of arm a:
its accuracy at the best values minus its accuracy at the selected values, with a mean m[a] and a standard
deviation d[a] (`analysis.search.shortfalls` estimates both). A contrast with the weights w at the best values
is the contrast at the selected values plus ``sum_a w[a] s[a]``. The mean square of this sum is

    V = (sum_a w[a] m[a])^2 + sum_a w[a]^2 d[a]^2

and is added to the variance of the contrast. The estimate stays what was measured.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from scipy.special import stdtr, stdtrit

from analysis.statistics.intervals import Array, Interval

__all__ = ["TUNING_DF", "Shortfall", "Tuning", "could_explain", "mean_shortfall", "variance_of", "widened"]

TUNING_DF = 4.0
"""Degrees of freedom of V, chosen by simulation (`tests/analysis/tuned.py`). With more, studies claimed too
often that arms with narrow and noisy optima differ."""


class Shortfall(NamedTuple):
    """The accuracy that an arm may lack at its selected values: mean and standard deviation."""

    mean: float
    sd: float


Tuning = Mapping[str, Shortfall]
"""By arm. An arm that tunes nothing, or whose search is not on record, has no entry, and adds nothing."""


def mean_shortfall(shortfalls: Iterable[Shortfall]) -> Shortfall:
    """The shortfall of the mean of several arms."""
    means, sds = (np.array(each) for each in zip(*shortfalls, strict=True))
    return Shortfall(float(means.mean()), float(np.sqrt((sds**2).sum()) / len(sds)))


def variance_of(weights: Array, arms: Iterable[str], tuning: Tuning) -> float:
    """V of the contrast with `weights` [arms]."""
    bias = square = 0.0
    for weight, arm in zip(weights.tolist(), arms, strict=True):
        if weight and (of_arm := tuning.get(arm)):
            bias += weight * of_arm.mean
            square += (weight * of_arm.sd) ** 2
    return bias**2 + square


def could_explain(variance: float) -> float:
    """N of "tuning could explain up to N points": 95% of contrasts with this V are explained by less."""
    return math.sqrt(variance) * float(stdtrit(TUNING_DF, 0.975))


def widened(interval: Interval, variance: float, df: float = TUNING_DF) -> Interval:
    """The interval with an independent `variance` added, which has `df` degrees of freedom.

    The degrees of freedom of the sum are those of Satterthwaite (1946). An interval without bounds stays
    without bounds.
    """
    if not variance or math.isnan(interval.df):
        return interval
    own = ((interval.high - interval.estimate) / float(stdtrit(interval.df, (1 + interval.level) / 2))) ** 2
    total = own + variance
    of_sum = total**2 / (own**2 / interval.df + variance**2 / df)
    error = math.sqrt(total)
    half = error * float(stdtrit(of_sum, (1 + interval.level) / 2))
    p = 2 * float(stdtr(of_sum, -abs(interval.estimate) / error))
    low, high = interval.estimate - half, interval.estimate + half
    return replace(interval, low=low, high=high, p=p, df=of_sum)
