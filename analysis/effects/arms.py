"""Is there a winner? The best arm against every other one, with the choice of the best paid for."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd

from analysis.effects.runs import Runs, runs_of
from analysis.intervals import ALPHA, holm, paired_t

__all__ = ["arms_compared", "best_against_others", "next_best", "winner"]

PAIR_COLUMNS = ["arm", "other", "estimate", "low", "high", "p_holm", "seeds"]


def arms_compared(results: pd.DataFrame) -> pd.DataFrame:
    """The arm with the highest mean macro accuracy of the `confirmed` table against every other arm.

    The mean is over the seeds that all arms share, so that no arm is ahead for want of another's runs; where
    they share none there is no best arm, and no row. The best is chosen on the numbers that the test then
    reads, so the family is all pairs of arms: p_holm is corrected (Holm 1979) over all of them, and the
    intervals hold 95% for all pairs together (Bonferroni).
    Macro is over the languages that all arms share; a pair is compared on the seeds that both have.
    """
    return best_against_others(runs_of(results, {}))


def best_against_others(runs: Runs) -> pd.DataFrame:
    """`arms_compared` of runs that are an array already."""
    shared = list(runs.shared(range(len(runs.arms))))
    if len(runs.arms) < 2 or not shared:
        return pd.DataFrame(columns=PAIR_COLUMNS)
    macro = runs.values[:, :, shared].mean(axis=2)
    common = np.isfinite(macro).all(axis=0)
    if not common.any():
        return pd.DataFrame(columns=PAIR_COLUMNS)
    pairs = list(itertools.combinations(range(len(macro)), 2))
    best = int(macro[:, common].mean(axis=1).argmax())
    found = []
    for pair in pairs:
        one, other = pair if pair[1] != best else pair[::-1]
        differences = macro[one] - macro[other]
        found.append(paired_t(differences[np.isfinite(differences)], 1 - ALPHA / len(pairs)))
    corrected = holm(np.array([interval.p for interval in found]))
    rows = [
        (
            runs.arms[best],
            runs.arms[sum(pair) - best],
            *(interval.estimate, interval.low, interval.high, float(p), interval.n),
        )
        for pair, interval, p in zip(pairs, found, corrected, strict=True)
        if best in pair
    ]
    return pd.DataFrame(rows, columns=PAIR_COLUMNS)


def next_best(compared: pd.DataFrame) -> pd.Series:
    """The row of `arms_compared` with the arm that comes closest to the best one."""
    return compared.loc[compared["estimate"].idxmin()]


def winner(compared: pd.DataFrame) -> str | None:
    """The best arm of `arms_compared`, where it is shown to be above every other one.

    That is: p_holm < 0.05 against each, and the interval against the next, which the answer prints, is above
    0. Holm's test may reject where that interval (Bonferroni's) holds 0; the answer must not say both.
    """
    if compared.empty:
        return None
    shown = bool((compared["p_holm"] < ALPHA).all()) and bool(next_best(compared)["low"] > 0)
    return str(compared["arm"].iloc[0]) if shown else None
