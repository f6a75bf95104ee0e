"""Means that figures draw, and their places: which factor makes the lines, which factors make the panels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from analysis.statistics.matching import Factors, matched, means_by_seed, shared_macro

__all__ = ["levels_text", "marginal_seeds", "over_seeds", "placed", "short_names"]


def placed(cells: pd.DataFrame, factors: Factors) -> pd.DataFrame:
    """Arm -> `line, panel`, two texts, in planned order.

    There is a line for each level of init, or of the first factor; without a factor, for each arm. Panels are
    the combinations of the other factors. cells: arms x factors; a level is missing if a factor has no
    effect.
    """
    by = "init" if "init" in factors else next(iter(factors), None)
    rest = [name for name in factors if name != by]
    rows = [
        (str(arm) if by is None else levels_text([by], cells.loc[arm]), levels_text(rest, cells.loc[arm]))
        for arm in cells.index
    ]
    return pd.DataFrame(rows, index=cells.index, columns=["line", "panel"])


def levels_text(factors: Iterable[str], values: Mapping[str, Any] | pd.Series) -> str:
    """`alpha=0.2 temperature=2`, without the factors that are absent or have no effect."""
    kept = {name: values[name] for name in factors if name in values and not pd.isna(values[name])}
    return " ".join(f"{name}={_level(value)}" for name, value in kept.items())


def short_names(cells: pd.DataFrame) -> list[str]:
    """Each arm of `cells` by its levels alone, `teacher · 0.2 · 1`; without a factor, by its name."""
    if cells.columns.empty:
        return [str(arm) for arm in cells.index]
    rows = cells.astype(object).itertuples(index=False)
    return [" · ".join(_level(value) for value in row if not pd.isna(value)) for row in rows]


def marginal_seeds(results: pd.DataFrame, factors: Factors, by: Sequence[str]) -> pd.DataFrame:
    """`*by, seed, value`: macro accuracy by the factors `by`, seed by seed, averaged over matched cells.

    Levels are in planned order, so a level has one colour in all figures.
    """
    means = means_by_seed(matched(shared_macro(results), factors, by), by)
    long = means.stack().dropna().rename("value").reset_index()
    places = {name: {level: number for number, level in enumerate(factors[name])} for name in by}
    return long.sort_values(
        [*by, "seed"],
        key=lambda column: column.map(places[column.name]) if column.name in places else column,
        kind="stable",
        ignore_index=True,
    )


def _level(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def over_seeds(values: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """`*by, mean, low, high, seeds`: mean of `value` over the rows of each group, with its 95% t interval.

    A group of one row has a mean and no interval.
    """
    groups = values.groupby(list(by), sort=False, dropna=False)["value"]
    table = groups.agg(mean="mean", sd="std", seeds="count").reset_index()
    half = stats.t.ppf(0.975, np.maximum(table["seeds"] - 1, 1)) * table["sd"] / np.sqrt(table["seeds"])
    return table.drop(columns="sd").assign(low=table["mean"] - half, high=table["mean"] + half)
