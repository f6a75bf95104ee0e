"""The mean of each arm at its selected values, and its difference from one arm, each with its interval.

Both are contrasts of one or two arms, so their intervals come from the same function as all intervals of
effects (`precision.py`). Macro is over the languages that all arms share.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from analysis.statistics.effects.contrasts import Contrast
from analysis.statistics.effects.precision import interval_of, intervals_of_languages
from analysis.statistics.effects.runs import Factors, Runs, runs_of
from analysis.statistics.effects.texts import Correct
from analysis.statistics.effects.tuning import Tuning
from analysis.statistics.intervals import Interval
from analysis.statistics.matching import matched, shared_macro

__all__ = [
    *("arm_means", "differences_from", "language_means", "marginal_means", "seed_means"),
    "shared_languages",
]

COLUMNS = ["estimate", "low", "high", "seeds", "texts"]
"""texts: the number of test texts; 0 if the interval is over seeds only."""


def arm_means(results: pd.DataFrame, correct: Correct | None = None) -> pd.DataFrame:
    """`arm, estimate, low, high, seeds, texts`: macro accuracy of each arm of the `confirmed` table.

    The mean is over all seeds of the arm. An arm with one seed has no interval. Without a language that all
    arms share there is no row.
    """
    runs = runs_of(results, {}, correct=correct)
    return _table(runs, [(number,) for number in range(len(runs.arms))], (1.0,))


def language_means(results: pd.DataFrame, correct: Correct | None = None) -> pd.DataFrame:
    """`arm, language, estimate, low, high, seeds, texts`: accuracy of each arm in each language.

    The variances over seeds of an arm's languages are shrunk towards each other, as those of effects are.
    """
    runs = runs_of(results, {}, correct=correct)
    rows = []
    for number, arm in enumerate(runs.arms):
        contrast = Contrast("mean", "arm", arm, (((1.0,), ((number,),)),), ())
        each = [contrast.on_languages(runs, [index]) for index in range(len(runs.languages))]
        for language, found in zip(runs.languages, intervals_of_languages(each), strict=True):
            if found is not None:
                rows.append((arm, language, *_numbers(found)))
    return pd.DataFrame(rows, columns=["arm", "language", *COLUMNS])


def marginal_means(
    results: pd.DataFrame, factors: Factors, by: Sequence[str], correct: Correct | None = None
) -> pd.DataFrame:
    """`*by, estimate, low, high, seeds, texts`: macro accuracy by the factors `by`, over matched cells.

    Each mean is over the cells that all groups share (`analysis.statistics.matching`), and over the seeds
    that have every arm of these cells. A group without such a seed has no row. Levels are in planned order.
    """
    runs, table = runs_of(results, factors, correct=correct), matched(shared_macro(results), factors, by)
    shared, rows = runs.shared(range(len(runs.arms))), []
    for levels, group in table.groupby(list(by), sort=False, dropna=False):
        counts = group.drop_duplicates("cell")["arm"].value_counts()  # an arm may be in several cells
        cell = tuple(map(runs.arms.index, counts.index))
        weights = tuple(map(float, counts / counts.sum()))
        if paired := Contrast("mean", "", "", ((weights, (cell,)),), ()).on_languages(runs, shared):
            rows.append((*levels, *_numbers(interval_of(paired))))
    means = pd.DataFrame(rows, columns=[*by, *COLUMNS])
    return means.sort_values(
        list(by), key=lambda column: column.map(list(factors[str(column.name)]).index), ignore_index=True
    )


def differences_from(
    results: pd.DataFrame, reference: str, tuning: Tuning | None = None, correct: Correct | None = None
) -> pd.DataFrame:
    """`arm, estimate, low, high, seeds, texts`: macro accuracy of every other arm minus that of `reference`.

    A difference is over the seeds that both arms have. No row is corrected for the number of rows.
    """
    runs = runs_of(results, {}, tuning=tuning, correct=correct)
    other = runs.arms.index(reference)
    pairs = [(number, other) for number in range(len(runs.arms)) if number != other]
    return _table(runs, pairs, (1.0, -1.0))


def seed_means(results: pd.DataFrame) -> pd.DataFrame:
    """`arm, seed, value`: macro accuracy of each confirm run, over the languages that all arms share."""
    runs = runs_of(results, {})
    shared = list(runs.shared(range(len(runs.arms))))
    macro = runs.values[:, :, shared].mean(axis=2) if shared else np.empty((0, 0))
    rows = [(runs.arms[a], runs.seeds[s], macro[a, s]) for a, s in np.argwhere(np.isfinite(macro))]
    return pd.DataFrame(rows, columns=["arm", "seed", "value"])


def shared_languages(results: pd.DataFrame) -> list[str]:
    """The languages that all arms of the `confirmed` table have."""
    runs = runs_of(results, {})
    return [runs.languages[number] for number in runs.shared(range(len(runs.arms)))]


def _table(runs: Runs, cells: Sequence[tuple[int, ...]], weights: tuple[float, ...]) -> pd.DataFrame:
    shared = runs.shared(range(len(runs.arms)))
    rows = []
    for cell in cells if shared else []:
        contrast = Contrast("mean", "arm", runs.arms[cell[0]], ((weights, (cell,)),), ())
        if paired := contrast.on_languages(runs, shared):
            rows.append((runs.arms[cell[0]], *_numbers(interval_of(paired))))
    return pd.DataFrame(rows, columns=["arm", *COLUMNS])


def _numbers(found: Interval) -> tuple[float, ...]:
    return found.estimate, found.low, found.high, found.n, found.texts
