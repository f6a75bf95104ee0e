"""The analysis's tables, made by hand: what a study would leave, without running one."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd

__all__ = ["confirmed_table", "curve_table", "search_table"]

INERT = {"teacher_data": ("data_fraction", 1.0), "layer_map": ("init", "random"), "loss": ("alpha", 1.0)}
"""Factor: the level of another one at which it has no effect."""


def confirmed_table(
    factors: Mapping[str, Sequence[Any]],
    score: Callable[[dict[str, Any], int], float | None],
    seeds: int = 5,
) -> pd.DataFrame:
    """The `confirmed` table of a full grid of arms in two languages, deu 0.2 above macro and yor 0.2 below.

    `score(levels, seed)` is its macro accuracy; none: no such run.
    """
    rows: dict[tuple[str, int], dict[str, Any]] = {}
    for combination in itertools.product(*factors.values()):
        levels: dict[str, Any] = dict(zip(factors, combination, strict=True))
        for factor, (other, at) in INERT.items():
            if factor in levels and levels.get(other) == at:
                levels[factor] = None
        arm = " ".join(f"{name}={level}" for name, level in levels.items() if level is not None)
        for seed in range(1, seeds + 1):
            if (value := score(levels, seed)) is not None:
                identity = {"arm": arm} | levels | {"seed": seed, "language": "macro", "value": value}
                rows[arm, seed] = identity
    macro = pd.DataFrame(list(rows.values()), columns=["arm", *factors, "seed", "language", "value"])
    shifted = {"deu": 0.2, "yor": -0.2, "worst": -0.2}
    others = [macro.assign(language=name, value=macro["value"] + by) for name, by in shifted.items()]
    return pd.concat([macro, *others], ignore_index=True)


def search_table(scores: Mapping[str, Sequence[float | str]]) -> pd.DataFrame:
    """Search trials by arm, in order: a score where one ended complete, else its outcome."""
    rows = [
        [arm, number, *(("complete", score) if isinstance(score, float) else (score, None))]
        for arm, of_arm in scores.items()
        for number, score in enumerate(of_arm)
    ]
    table = pd.DataFrame(rows, columns=["arm", "number", "outcome", "value"])
    return table.astype({"value": float})


def curve_table(runs: Mapping[tuple[str, int], Sequence[float]], every: int = 10) -> pd.DataFrame:
    """Learning curves: validation macro accuracy of each (arm, seed), a report every so many steps."""
    rows = [
        [arm, seed, every * report, macro]
        for (arm, seed), curve in runs.items()
        for report, macro in enumerate(curve, 1)
    ]
    return pd.DataFrame(rows, columns=["arm", "seed", "step", "macro"])
