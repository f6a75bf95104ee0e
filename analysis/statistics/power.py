"""Which difference a design can detect, from the noise of single runs."""

from __future__ import annotations

import math

import numpy as np

from analysis.statistics.intervals import ALPHA, Array

__all__ = ["POWER", "detectable", "run_noise"]

POWER = 0.8
"""The share of studies that show the difference, by convention (Cohen 1988)."""


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


def detectable(noise: float, seeds: int) -> float:
    """The difference of two arms that a paired t test at 5% over `seeds` shows in a share `POWER` of studies.

    noise: of one run (`run_noise`); a difference of two runs has sqrt(2) times this noise. NaN with fewer
    than two seeds.
    """
    from statsmodels.stats.power import TTestPower  # the import takes a second

    if seeds < 2:
        return math.nan
    size = TTestPower().solve_power(nobs=seeds, alpha=ALPHA, power=POWER)
    return float(size) * noise * math.sqrt(2)
