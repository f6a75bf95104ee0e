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
from analysis.statistics.effects.runs import Runs, runs_of
from analysis.statistics.effects.texts import Correct
from analysis.statistics.effects.tuning import Tuning

__all__ = ["arm_means", "differences_from", "language_means", "seed_means", "shared_languages"]

COLUMNS = ["arm", "estimate", "low", "high", "seeds"]


def arm_means(results: pd.DataFrame, correct: Correct | None = None) -> pd.DataFrame:
    """`arm, estimate, low, high, seeds`: macro accuracy of each arm of the `confirmed` table.

    The mean is over all seeds of the arm. An arm with one seed has no interval. Without a language that all
    arms share there is no row.
    """
    runs = runs_of(results, {}, correct=correct)
    return _table(runs, [(number,) for number in range(len(runs.arms))], (1.0,))


def language_means(results: pd.DataFrame, correct: Correct | None = None) -> pd.DataFrame:
    """`arm, language, estimate, low, high, seeds`: accuracy of each arm in each language.

    The variances over seeds of an arm's languages are shrunk towards each other, as those of effects are.
    """
    runs = runs_of(results, {}, correct=correct)
    rows = []
    for number, arm in enumerate(runs.arms):
        contrast = Contrast("mean", "arm", arm, (((1.0,), ((number,),)),), ())
        each = [contrast.on_languages(runs, [index]) for index in range(len(runs.languages))]
        for language, found in zip(runs.languages, intervals_of_languages(each), strict=True):
            if found is not None:
                rows.append((arm, language, found.estimate, found.low, found.high, found.n))
    return pd.DataFrame(rows, columns=["arm", "language", *COLUMNS[1:]])


def differences_from(
    results: pd.DataFrame, reference: str, tuning: Tuning | None = None, correct: Correct | None = None
) -> pd.DataFrame:
    """`arm, estimate, low, high, seeds`: macro accuracy of every other arm minus that of the arm `reference`.

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
            found = interval_of(paired)
            rows.append((runs.arms[cell[0]], found.estimate, found.low, found.high, found.n))
    return pd.DataFrame(rows, columns=COLUMNS)
