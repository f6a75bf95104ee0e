"""Is there a winner? The best arm against every other arm, corrected for the choice of the best arm."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pandas as pd

from analysis.statistics.effects.precision import interval_for
from analysis.statistics.effects.runs import Runs, over_teachers, runs_of
from analysis.statistics.effects.texts import Correct, Spread
from analysis.statistics.intervals import ALPHA, holm

__all__ = ["arms_compared", "best_against_others", "next_best", "winner"]

PAIR_COLUMNS = ["arm", "other", "estimate", "low", "high", "p_holm", "seeds", "texts", "equivalent_within"]


def arms_compared(results: pd.DataFrame, correct: Correct | None = None) -> pd.DataFrame:
    """The arm with the highest mean macro accuracy of the `confirmed` table against every other arm.

    Everything is computed on the seeds that all arms share: the choice of the best arm, so that no arm is
    ahead because another arm lacks runs, and the differences, so that they come from the runs that decided
    the choice. If the arms share no seed, there is no best arm and no row. The test reads the numbers that
    decided the choice, so the family is all pairs of arms: p_holm is corrected (Holm 1979) over all pairs,
    and the intervals hold 95% for all pairs together (Bonferroni). equivalent_within: the smallest margin for
    which two one-sided tests at 5%, also for all pairs together, show that the difference of the pair is
    within the margin. Macro is over the languages that all arms share. Arms that differ only in
    `teacher_seed` are one arm, the mean over its teachers. texts: the number of test texts that the interval
    is over, besides seeds; 0 without `correct` (`analysis.record.design.correct_texts`).
    """
    return best_against_others(runs_of(results, {}, correct=correct))


def best_against_others(runs: Runs) -> pd.DataFrame:
    """`arms_compared`, for runs that are an array already."""
    runs = over_teachers(runs)
    shared = list(runs.shared(range(len(runs.arms))))
    if len(runs.arms) < 2 or not shared:
        return pd.DataFrame(columns=PAIR_COLUMNS)
    macro = runs.values[:, :, shared].mean(axis=2)
    seeds = np.isfinite(macro).all(axis=0)
    macro = macro[:, seeds]
    if not macro.size:
        return pd.DataFrame(columns=PAIR_COLUMNS)
    pairs = list(itertools.combinations(range(len(macro)), 2))
    best = int(macro.mean(axis=1).argmax())
    differences = [macro[one] - macro[other] for one, other in pairs]
    texts = [_texts(runs, pair, seeds, shared) for pair in pairs]
    found = [
        interval_for(each, of_texts, 1 - ALPHA / len(pairs))
        for each, of_texts in zip(differences, texts, strict=True)
    ]
    corrected = holm(np.array([interval.p for interval in found]))
    rows = []
    for pair, each, of_texts, interval, p in zip(pairs, differences, texts, found, corrected, strict=True):
        if best in pair:
            sign = 1 if pair[0] == best else -1
            ends = sorted((sign * interval.low, sign * interval.high))
            # the two ends of this interval are the two one-sided tests
            tested = interval_for(each, of_texts, 1 - 2 * ALPHA / len(pairs))
            counts = interval.n, interval.texts
            numbers = (sign * interval.estimate, *ends, float(p), *counts, max(-tested.low, tested.high))
            rows.append((runs.arms[best], runs.arms[sum(pair) - best], *numbers))
    return pd.DataFrame(rows, columns=PAIR_COLUMNS)


def _texts(runs: Runs, pair: tuple[int, int], seeds: Any, languages: list[int]) -> Spread | None:
    """What the test texts add to the variance of the difference of two arms."""
    if runs.texts is None:
        return None
    weights = np.zeros(len(runs.arms))
    weights[list(pair)] = 1, -1
    return runs.texts.spread(weights, seeds, languages)


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
