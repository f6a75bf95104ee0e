"""Matched cells: sets of arms, one at every corner of a contrast, that agree in all factors that are not
compared.

Two arms match if they agree in every factor that is not compared. A factor that has no effect in one of the
arms (the temperature at alpha = 1) agrees with every level.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from analysis.record.domain import Value
from analysis.statistics.effects.runs import Runs

__all__ = ["Cell", "Matched", "matched_cells"]

Cell = tuple[int, ...]


class Matched(NamedTuple):
    """cells: the cells whose arms all have runs. absent: the number of cells with an arm without a run."""

    cells: tuple[Cell, ...]
    absent: int


def matched_cells(runs: Runs, corners: Sequence[Mapping[str, Value]]) -> Matched:
    """All sets of matched arms, one arm at every corner. A corner is a set of levels of the compared factors.

    All corners name the same factors and differ, so the arms of one cell are distinct.
    """
    compared = corners[0].keys()
    rest = [{k: v for k, v in cell.items() if k not in compared} for cell in runs.cells]
    cells: list[Cell] = [()]
    for corner in corners:
        here = [
            arm
            for arm, cell in enumerate(runs.cells)
            if all(name in cell and cell[name] == level for name, level in corner.items())
        ]
        cells = [
            (*cell, arm)
            for cell in cells
            for arm in here
            if all(_agree(rest[arm], rest[other]) for other in cell)
        ]
    there = np.any(np.isfinite(runs.values), axis=(1, 2))
    whole = tuple(cell for cell in cells if there[list(cell)].all())
    return Matched(whole, len(cells) - len(whole))


def _agree(one: Mapping[str, Value], other: Mapping[str, Value]) -> bool:
    return all(one[name] == other[name] for name in one.keys() & other.keys())
