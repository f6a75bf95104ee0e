"""`confirmed` tables with known effects, and the rows that the analysis makes of them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

__all__ = [
    *("CORE", "INIT", "LANGUAGES", "TRUE", "Cell"),
    *("missing", "noise", "noisy", "per_seed", "row", "row_of_kind", "table"),
]

CORE: dict[str, tuple[Any, ...]] = {"init": ("random", "base", "teacher"), "alpha": (1.0, 0.2)}
LANGUAGES = ("deu", "swa", "yor", "zul")
Cell = dict[str, Any]


def noise(*key: object) -> float:
    """The same for the same key, whatever else is in the table."""
    return float(np.random.default_rng(list(repr(key).encode())).standard_normal())


def noisy(level: Callable[[Cell], float]) -> Callable[[Cell, int, str], float]:
    """An accuracy of `level` plus what a language, a seed and a run add."""

    def score(cell: Cell, seed: int, language: str) -> float:
        of_run = 0.01 * noise(*cell.items(), seed) + 0.01 * noise(*cell.items(), seed, language)
        return level(cell) + 0.05 * noise(language) + 0.03 * noise(seed) + of_run

    return score


def table(
    factors: Mapping[str, tuple[Any, ...]],
    score: Callable[[Cell, int, str], float | None],
    seeds: int = 5,
    without: Callable[[Cell], tuple[str, ...]] = lambda cell: (),
) -> pd.DataFrame:
    """A `confirmed` table. No score: no such run. `without`: factors that have no effect in a cell."""
    rows: dict[tuple[str, int, str], dict[str, Any]] = {}
    for values in itertools.product(*factors.values()):
        cell = dict(zip(factors, values, strict=True))
        cell = {name: None if name in without(cell) else level for name, level in cell.items()}
        arm = " ".join(f"{name}={level}" for name, level in cell.items() if level is not None)
        for seed in range(1, seeds + 1):
            scores = {language: score(cell, seed, language) for language in LANGUAGES}
            there = {language: value for language, value in scores.items() if value is not None}
            if there:
                there |= {"macro": float(np.mean(list(there.values()))), "worst": min(there.values())}
            for language, value in there.items():
                identity = {"arm": arm} | cell | {"seed": seed, "language": language, "value": value}
                rows[arm, seed, language] = identity
    return pd.DataFrame(list(rows.values()), columns=["arm", *factors, "seed", "language", "value"])


def row(
    found: pd.DataFrame, effect: str, outcome: str = "macro", estimand: str = "these languages"
) -> pd.Series:
    rows = found.set_index(["effect", "outcome", "estimand"]).loc[[(effect, outcome, estimand)]]
    assert len(rows) == 1
    return rows.iloc[0]


def per_seed(results: pd.DataFrame, outcome: str, **cell: Any) -> np.ndarray:
    """By seed, the mean over the arms of a cell."""
    rows = results[results["language"] == outcome]
    for name, level in cell.items():
        rows = rows[rows[name] == level]
    return rows.groupby("seed")["value"].mean().to_numpy()


TRUE = noisy(lambda cell: 0.4 + 0.2 * (cell["init"] == "teacher") + 0.05 * (cell["alpha"] == 0.2))
INIT = "init: teacher - random"


def missing(*runs: tuple[str, float, int]) -> pd.DataFrame:
    """The core design without some (init, alpha, seed); random init is .3 lower at alpha 1."""

    def score(cell: Cell, seed: int, language: str) -> float | None:
        lower = 0.3 * (cell["init"] == "random") * (cell["alpha"] == 1.0)
        return None if (cell["init"], cell["alpha"], seed) in runs else TRUE(cell, seed, language) - lower

    return table(CORE, score)


def row_of_kind(found: pd.DataFrame, kind: str) -> pd.Series:
    return found[found["kind"] == kind].iloc[0]
