"""Matched cells: arms that differ in the factors asked about and agree in all others.

A factor may have no effect in an arm (the layer map at random init, what the teacher saw at all of the
data). Such an arm is what it is at every level of that factor, so it stands in a cell of each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

__all__ = ["Factors", "at_every_level", "matched", "means_by_seed"]

Factors = Mapping[str, Sequence[Any]]
"""Each factor's levels, in planned order."""


def at_every_level(table: pd.DataFrame, factors: Factors) -> pd.DataFrame:
    """`table` with a row whose factor is missing (it has no effect there) once at each of its levels."""
    for factor, levels in factors.items():
        held = [list(levels) if pd.isna(value) else [value] for value in table[factor]]
        table = table.assign(**{factor: held}).explode(factor, ignore_index=True).infer_objects()
    return table


def matched(table: pd.DataFrame, factors: Factors, by: Sequence[str]) -> pd.DataFrame:
    """The rows of `table` in cells that every group of `by` has, with the cell's number in a column `cell`.

    A group is a combination of levels of the factors `by` that has a row at all; a cell is a combination
    of levels of all other factors. Cells of the same arms are one. An average over these cells compares
    like with like in every group, so what differs between groups is the factors `by` alone; each cell
    counts once, as in `analysis.effects`. A group without any row (all its runs diverged) takes no cell
    away from the others.
    """
    table = at_every_level(table, factors)
    others = [factor for factor in factors if factor not in by]
    table = table.assign(cell=table.groupby(others).ngroup() if others else 0)
    arms = table.groupby("cell")["arm"].agg(lambda arms: tuple(sorted(set(arms))))
    groups = len(table.drop_duplicates(list(by))) if by else 1
    held = table.drop_duplicates([*by, "cell"])["cell"].value_counts()
    kept = arms.drop_duplicates().index.intersection(held.index[held == groups])
    return table[table["cell"].isin(kept)]


def means_by_seed(table: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """Mean of `value` over cells: one row a group of `by`, one column a seed.

    A seed that lacks one of the cells is missing there: its mean would be over other cells than the rest.
    """
    cells = table["cell"].nunique()
    groups = table.groupby([*by, "seed"])["value"].agg(["mean", "count"])
    return groups["mean"].where(groups["count"] == cells).unstack("seed")
