"""Which difference a design can detect, from the noise of single runs."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import nctdtrinc, stdtrit

from analysis.statistics.intervals import ALPHA, Array

__all__ = ["POWER", "Pilot", "detectable", "run_noise", "tuning_with"]

POWER = 0.8
"""The share of studies that show the difference, by convention (Cohen 1988)."""


@dataclass(frozen=True)
class Pilot:
    """What a finished study tells of another one.

    noise: the standard deviation that one run adds to macro accuracy, with `df` degrees of freedom. tuning:
    the standard error that tuning adds to the difference of two arms, the median over all pairs of arms, with
    `trials` search trials an arm (median); 0 if nothing was tuned.
    """

    noise: float
    df: int
    tuning: float
    trials: int


def run_noise(macro: Array) -> tuple[float, int]:
    """The standard deviation that one run adds to macro accuracy, and its degrees of freedom.

    `macro` [arms x seeds] is the sum of an effect of the arm, an effect of the seed, and the noise of the
    run. Seeds are paired between arms, so the effect of the seed is in no difference. The noise is the root
    of the residual mean square of the two-way table, with (arms - 1) (seeds - 1) degrees of freedom. A seed
    that an arm lacks is left out. With fewer than two arms or two seeds, the result is (NaN, 0).
    """
    macro = macro[:, np.isfinite(macro).all(axis=0)]
    df = (macro.shape[0] - 1) * (macro.shape[1] - 1)
    if df < 1:
        return math.nan, 0
    rest = macro - macro.mean(axis=0) - macro.mean(axis=1, keepdims=True) + macro.mean()
    return math.sqrt(float((rest**2).sum()) / df), df


def detectable(noise: float, seeds: int, tuning: float = 0.0) -> float:
    """The difference of two arms that a t test at 5% over `seeds` shows in a share `POWER` of studies.

    The variance of the difference is ``2 noise^2 / seeds + tuning^2``, and its t has seeds - 1 degrees of
    freedom. (Those of the report's interval also count that the tuning's part is estimated. Then more seeds
    would detect less, where tuning is most of the variance.)

    noise: of one run (`run_noise`). tuning: the standard error that tuning adds to the difference.
    NaN with fewer than two seeds.
    """
    if seeds < 2:
        return math.nan
    # The other tail of the noncentral t is left out: it has less than a millionth of the probability.
    shift = float(nctdtrinc(seeds - 1, 1 - POWER, stdtrit(seeds - 1, 1 - ALPHA / 2)))
    return shift * math.sqrt(2 * noise**2 / seeds + tuning**2)


def tuning_with(tuning: float, trials: int, more: int) -> float:
    """The standard error of tuning with `more` search trials an arm, where it is `tuning` with `trials`.

    It falls about as 1 / trials: the points lie closer together, and more of them are averaged. In planted
    studies it falls so (`tests/analysis/statistics/test_power.py`).
    """
    return tuning * trials / more
