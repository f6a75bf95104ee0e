"""The confirm runs as one array: accuracy by arm, seed and language; NaN where there is none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.domain import Value
from analysis.intervals import Array
from analysis.languages import SUMMARIES

__all__ = ["Factors", "Runs", "runs_of"]

Factors = Mapping[str, tuple[Value, ...]]
"""Every factor's levels, in planned order."""


@dataclass(frozen=True)
class Runs:
    """values: [arms x seeds x languages]. cells: each arm's level of every factor that acts in it."""

    arms: tuple[str, ...]
    seeds: tuple[int, ...]
    languages: tuple[str, ...]
    values: Array
    cells: tuple[dict[str, Value], ...]

    def shared(self, arms: Iterable[int]) -> tuple[int, ...]:
        """The languages that each of `arms` has."""
        there = np.isfinite(self.values[list(arms)]).any(axis=1).all(axis=0)
        return tuple(int(language) for language in np.flatnonzero(there))


def runs_of(results: pd.DataFrame, factors: Factors) -> Runs:
    """The `confirmed` table as an array, arms in its order; a level that is missing has no effect in its arm.

    Its rows `macro` and `worst` are left out: both are taken anew over the languages that the compared arms
    share, so that no difference is one of languages.
    """
    rows = results[~results["language"].isin(SUMMARIES)]
    arms = tuple(dict.fromkeys(rows["arm"]))
    seeds, languages = sorted(set(rows["seed"])), sorted(set(rows["language"]))
    values = np.full((len(arms), len(seeds), len(languages)), np.nan)
    at = [
        pd.Index(names).get_indexer(rows[column])
        for column, names in (("arm", arms), ("seed", seeds), ("language", languages))
    ]
    values[tuple(at)] = rows["value"]
    first = rows.drop_duplicates("arm")
    cells = tuple(
        {name: level for name, level in zip(factors, row, strict=True) if not pd.isna(level)}
        for row in first[list(factors)].itertuples(index=False, name=None)
    )
    return Runs(arms, tuple(map(int, seeds)), tuple(languages), values, cells)
