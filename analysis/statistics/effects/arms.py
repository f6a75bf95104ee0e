"""Is there a winner? The best arm against every other arm."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd

from analysis.statistics.effects.precision import interval_for
from analysis.statistics.effects.runs import Runs, over_teachers, runs_of
from analysis.statistics.effects.texts import Correct
from analysis.statistics.effects.tuning import Tuning, could_explain, widened
from analysis.statistics.intervals import ALPHA, holm

__all__ = ["arms_compared", "best_against_others", "next_best", "winner"]

PAIR_COLUMNS = [
    *("arm", "other", "estimate", "low", "high", "p", "low_all", "high_all", "p_holm"),
    *("seeds", "texts", "equivalent_within", "could_be_tuning"),
]


def arms_compared(
    results: pd.DataFrame, tuning: Tuning | None = None, correct: Correct | None = None
) -> pd.DataFrame:
    """The arm with the highest mean macro accuracy of the `confirmed` table against every other arm.

    Everything is computed on the seeds that all arms share: the choice of the best arm, so that no arm is
    ahead because another arm lacks runs, and the differences, so that they come from the runs that decided
    the choice. If the arms share no seed, there is no best arm and no row. Macro is over the languages that
    all arms share. Arms that differ only in `teacher_seed` are one arm, the mean over its teachers.

    low, high, p: of the pair alone, for `winner`. The other columns hold for all pairs of arms together:
    low_all and high_all (95%, Bonferroni), p_holm (Holm 1979), and equivalent_within, the smallest margin for
    which two one-sided tests at 5% show that the difference of the pair is within the margin.
    tuning, correct: as for `effects`. texts: the number of test texts that the intervals are over, besides
    seeds. could_be_tuning: `tuning.could_explain` of the pair.
    """
    return best_against_others(runs_of(results, {}, tuning=tuning, correct=correct))


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
    found, tuned = [], []
    for one, other in pairs:
        weights = np.zeros(len(macro))
        weights[[one, other]] = (-1, 1) if other == best else (1, -1)
        texts = runs.texts.spread(weights, seeds, shared) if runs.texts else None
        tuned.append(runs.tuning_variance(weights))
        found.append(widened(interval_for(weights @ macro, texts), tuned[-1]))
    corrected = holm(np.array([interval.p for interval in found]))
    rows = []
    for pair, interval, p_holm, variance in zip(pairs, found, corrected, tuned, strict=True):
        if best in pair:
            together = interval.at(1 - ALPHA / len(pairs))
            tested = interval.at(1 - 2 * ALPHA / len(pairs))  # its two ends are the two one-sided tests
            own = (interval.estimate, interval.low, interval.high, interval.p)
            of_all = (together.low, together.high, float(p_holm))
            rest = (interval.n, interval.texts, max(-tested.low, tested.high), could_explain(variance))
            rows.append((runs.arms[best], runs.arms[sum(pair) - best], *own, *of_all, *rest))
    return pd.DataFrame(rows, columns=PAIR_COLUMNS)


def next_best(compared: pd.DataFrame) -> pd.Series:
    """The row of `arms_compared` with the arm that is closest to the best arm."""
    return compared.loc[compared["estimate"].idxmin()]


def winner(compared: pd.DataFrame) -> str | None:
    """The best arm of `arms_compared` if the runs show that it is above every other arm; otherwise None.

    The condition: the p of each pair is below 5%. No correction is needed, because the claim needs every one
    of these tests (an intersection-union test, Berger 1982): if an arm is not above all others, the one test
    against an arm that is as good must fail, and this test errs in 5% of studies at most.
    """
    if compared.empty or not (compared["p"] < ALPHA).all():
        return None
    return str(compared["arm"].iloc[0])
