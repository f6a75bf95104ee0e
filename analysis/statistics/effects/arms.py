"""Is there a winner? The best arm against every other arm, corrected for the choice of the best arm."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd

from analysis.statistics.effects.runs import Runs, over_teachers, runs_of
from analysis.statistics.effects.tuning import Tuning, could_explain, widened
from analysis.statistics.intervals import ALPHA, Array, holm, paired_t

__all__ = ["arms_compared", "best_against_others", "next_best", "winner"]

PAIR_COLUMNS = [
    "arm",
    "other",
    "estimate",
    "low",
    "high",
    "p_holm",
    "seeds",
    "equivalent_within",
    "could_be_tuning",
]


def arms_compared(results: pd.DataFrame, tuning: Tuning | None = None) -> pd.DataFrame:
    """The arm with the highest mean macro accuracy of the `confirmed` table against every other arm.

    Everything is computed on the seeds that all arms share: the choice of the best arm, so that no arm is
    ahead because another arm lacks runs, and the differences, so that they come from the runs that decided
    the choice. If the arms share no seed, there is no best arm and no row. The test reads the numbers that
    decided the choice, so the family is all pairs of arms: p_holm is corrected (Holm 1979) over all pairs,
    and the intervals hold 95% for all pairs together (Bonferroni). equivalent_within: the smallest margin for
    which two one-sided tests at 5%, also for all pairs together, show that the difference of the pair is
    within the margin. Macro is over the languages that all arms share. Arms that differ only in
    `teacher_seed` are one arm, the mean over its teachers. tuning: as for `effects`; could_be_tuning:
    `tuning.could_explain` of the pair.
    """
    return best_against_others(runs_of(results, {}, tuning=tuning))


def best_against_others(runs: Runs) -> pd.DataFrame:
    """`arms_compared`, for runs that are an array already."""
    runs = over_teachers(runs)
    shared = list(runs.shared(range(len(runs.arms))))
    if len(runs.arms) < 2 or not shared:
        return pd.DataFrame(columns=PAIR_COLUMNS)
    macro = runs.values[:, :, shared].mean(axis=2)
    macro = macro[:, np.isfinite(macro).all(axis=0)]
    if not macro.size:
        return pd.DataFrame(columns=PAIR_COLUMNS)
    pairs = list(itertools.combinations(range(len(macro)), 2))
    best = int(macro.mean(axis=1).argmax())
    differences = [macro[one] - macro[other] for one, other in pairs]
    tuned = [runs.tuning_variance(_weights(len(macro), *pair)) for pair in pairs]
    found = [
        widened(paired_t(each, 1 - ALPHA / len(pairs)), variance)
        for each, variance in zip(differences, tuned, strict=True)
    ]
    corrected = holm(np.array([interval.p for interval in found]))
    rows = []
    for pair, each, variance, interval, p in zip(pairs, differences, tuned, found, corrected, strict=True):
        if best in pair:
            sign = 1 if pair[0] == best else -1
            ends = sorted((sign * interval.low, sign * interval.high))
            # its two ends are the two one-sided tests
            tested = widened(paired_t(each, 1 - 2 * ALPHA / len(pairs)), variance)
            within = max(-tested.low, tested.high)
            numbers = (sign * interval.estimate, *ends, float(p), interval.n, within, could_explain(variance))
            rows.append((runs.arms[best], runs.arms[sum(pair) - best], *numbers))
    return pd.DataFrame(rows, columns=PAIR_COLUMNS)


def _weights(arms: int, one: int, other: int) -> Array:
    weights = np.zeros(arms)
    weights[[one, other]] = 1, -1
    return weights


def next_best(compared: pd.DataFrame) -> pd.Series:
    """The row of `arms_compared` with the arm that is closest to the best arm."""
    return compared.loc[compared["estimate"].idxmin()]


def winner(compared: pd.DataFrame) -> str | None:
    """The best arm of `arms_compared` if the runs show that it is above every other arm; otherwise None.

    The condition: p_holm < 0.05 against each arm, and the interval against the next arm, which the answer
    prints, is above 0. Holm's test may reject although that interval (Bonferroni's) contains 0; the answer
    must not claim both.
    """
    if compared.empty:
        return None
    shown = bool((compared["p_holm"] < ALPHA).all()) and bool(next_best(compared)["low"] > 0)
    return str(compared["arm"].iloc[0]) if shown else None
