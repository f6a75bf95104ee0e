"""Matched cells: arms that differ in the factors of the question and agree in all other factors.

A factor may have no effect in an arm (the layer map at random init; the data of the teacher at all of the
data). Such an arm is the same at every level of the factor, so it is in a cell of each level.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from analysis.record.languages import SUMMARIES

__all__ = ["Factors", "at_every_level", "matched", "means_by_seed", "shared_macro"]

Factors = Mapping[str, Sequence[Any]]
"""The levels of each factor, in planned order."""


def shared_macro(results: pd.DataFrame) -> pd.DataFrame:
    """Macro accuracy over the languages that all arms of `results` have: one row for each run, without
    `language`.

    As in `analysis.statistics.effects`, no difference between arms is a difference of languages. A run that
    lacks one of these languages has no row.
    """
    rows = results[~results["language"].isin(SUMMARIES)]
    of_arms = rows.groupby("arm")["language"].agg(frozenset)
    shared = frozenset.intersection(*of_arms) if len(of_arms) else frozenset()
    rows = rows[rows["language"].isin(shared)]
    runs = rows.groupby(["arm", "seed"])["value"].agg(["mean", "count"])
    macro = runs["mean"][runs["count"] == len(shared)].rename("value")
    once = rows.drop_duplicates(["arm", "seed"]).drop(columns=["language", "value"])
    return once.join(macro, on=["arm", "seed"], how="inner")


def at_every_level(table: pd.DataFrame, factors: Factors) -> pd.DataFrame:
    """`table`, in which a row with a missing factor (the factor has no effect) is repeated at each level."""
    for factor, levels in factors.items():
        held = [list(levels) if pd.isna(value) else [value] for value in table[factor]]
        table = table.assign(**{factor: held}).explode(factor, ignore_index=True).infer_objects()
    return table


def matched(table: pd.DataFrame, factors: Factors, by: Sequence[str]) -> pd.DataFrame:
    """The rows of `table` in cells that every group of `by` has, with the number of the cell in a column
    `cell`.

    A group is a combination of levels of the factors `by` that has a row; a cell is a combination of levels
    of all other factors. Cells of the same arms are one cell. An average over these cells compares like with
    like in every group, so groups differ in the factors `by` alone. Each cell counts once, as in
    `analysis.statistics.effects`. A group without any row (all its runs diverged) removes no cell. If no cell
    is in every group, the groups are left out that lack the cell that most groups have.
    """
    table = at_every_level(table, factors)
    others = [factor for factor in factors if factor not in by]
    table = table.assign(cell=table.groupby(others).ngroup() if others else 0)
    arms = table.groupby("cell")["arm"].agg(lambda arms: tuple(sorted(set(arms))))
    groups = table.groupby(list(by)).ngroup() if by else pd.Series(0, table.index)
    held = (
        table.assign(group=groups).groupby("cell")["group"].agg(frozenset).loc[arms.drop_duplicates().index]
    )
    most: frozenset[int] = max(held, key=len, default=frozenset())
    kept = held.index[[most <= of_cell for of_cell in held]]
    return table[table["cell"].isin(kept) & groups.isin(most)]


def means_by_seed(table: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """The mean of `value` over cells: one row for each group of `by`, one column for each seed.

    If a seed lacks one of the cells, its value is missing: its mean would be over other cells than the other
    means.
    """
    cells = table["cell"].nunique()
    groups = table.groupby([*by, "seed"])["value"].agg(["mean", "count"])
    return groups["mean"].where(groups["count"] == cells).unstack("seed")
