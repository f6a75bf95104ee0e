"""Which arms an effect compares: matched cells, and the largest block of them that is complete.

Two arms match when they agree in every factor that is not compared; one that has no effect in either (the
temperature at alpha = 1) agrees with anything. A cell is one set of matched arms: two of them for a main
effect, four for an interaction. Every cell counts once.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from analysis.domain import Value
from analysis.effects.runs import Factors, Runs
from analysis.intervals import Array

__all__ = ["Contrast", "Paired", "copy_and_distillation", "interactions", "main_effects"]

Cell = tuple[int, ...]
Mask = np.ndarray[Any, np.dtype[np.bool_]]


@dataclass(frozen=True)
class Paired:
    """differences: [seeds x languages]. cells: how many they are over; dropped: how many lack seeds.

    weights: [arms], what each contributes to a difference. parts: [groups], what each contributes to the mean
    difference, which is their sum.
    """

    differences: Array
    cells: int
    dropped: int
    weights: Array
    parts: Array


@dataclass(frozen=True)
class Contrast:
    """A sum of groups, each the mean over its cells of a weighted sum of a cell's arms.

    groups: (weights of the cell's arms, cells) of each.
    """

    kind: str
    factor: str
    levels: str
    groups: tuple[tuple[tuple[float, ...], tuple[Cell, ...]], ...]

    @property
    def name(self) -> str:
        return f"{self.factor}: {self.levels}"

    @property
    def arms(self) -> tuple[int, ...]:
        return tuple(sorted({arm for _, cells in self.groups for cell in cells for arm in cell}))

    def paired(self, values: Array) -> Paired | None:
        """Per-seed differences of `values`, [arms x seeds x languages]; none where a group has no cell left.

        All differences are of the same cells. Where runs are missing, cells are dropped one by one, that
        with the fewest seeds first, and of the blocks of cells and seeds on the way the one that holds most
        (cells x seeds) is taken, the one with more cells where two hold as many. But three seeds come first:
        one has no interval, and that of two reaches 13 standard errors to either side.
        """
        there = np.all(np.isfinite(values), axis=2)
        group = np.array([g for g, (_, cells) in enumerate(self.groups) for _ in cells])
        present = np.array([there[list(cell)].all(axis=0) for _, cells in self.groups for cell in cells])
        cells, seeds = _block(present, group)
        if len(set(group[cells])) < len(self.groups) or not seeds.any():
            return None
        of_groups, all_cells = np.zeros((len(self.groups), len(values))), iter(cells)
        for of_group, (of_arm, members) in zip(of_groups, self.groups, strict=True):
            kept = [cell for cell in members if next(all_cells)]
            for cell in kept:
                of_group[list(cell)] += np.array(of_arm) / len(kept)
        weights, used = of_groups.sum(axis=0), np.flatnonzero(of_groups.any(axis=0))
        compared = values[used][:, seeds]
        differences = np.einsum("a,asl->sl", weights[used], compared)
        parts = of_groups[:, used] @ compared.mean(axis=(1, 2))
        return Paired(differences, int(cells.sum()), int((~cells).sum()), weights, parts)


def _block(present: Mask, group: Any) -> tuple[Mask, Mask]:
    """(cells, seeds) of the rule above; `present` is [cells x seeds], and no group loses its last cell."""
    cells: Mask = np.any(present, axis=1)
    best, most = (cells.copy(), np.all(present[cells], axis=0)), (-1, -1)
    while cells.any():
        seeds = np.all(present[cells], axis=0)
        count = int(seeds.sum())
        if (size := (min(count, 3), count * int(cells.sum()))) > most:
            best, most = (cells.copy(), seeds), size
        spare = [c for c in np.flatnonzero(cells) if (group[cells] == group[c]).sum() > 1]
        if not spare or seeds.sum() == present.any(axis=0).sum():
            break
        cells[min(spare, key=lambda c: present[c].sum())] = False
    return best


def main_effects(runs: Runs, factors: Factors) -> Iterator[Contrast]:
    """Every factor, later level minus earlier one, in planned order.

    Of levels that are numbers, each against the first and against the one before it (their course is a
    trend's business); of others, all pairs.
    """
    for factor, levels in factors.items():
        numeric = not any(isinstance(level, str) for level in levels)
        for i, j in itertools.combinations(range(len(levels)), 2):
            if numeric and i not in (0, j - 1):
                continue
            cells = _cells(runs, [{factor: levels[j]}, {factor: levels[i]}])
            if cells:
                text = f"{levels[j]} - {levels[i]}"
                yield Contrast("main", factor, text, (((1, -1), cells),))


def interactions(runs: Runs, factors: Factors) -> Iterator[Contrast]:
    """Every pair of factors: the difference of differences between their extreme levels, in planned order.

    Where those are not all there, or a factor has no effect at one of them, the next most extreme levels that
    are: the first with matched cells of four arms.
    """
    for f, g in itertools.combinations(factors, 2):
        for (a, b), (c, d) in _from_the_extremes(factors[f], factors[g]):
            cells = _cells(runs, [{f: b, g: d}, {f: a, g: d}, {f: b, g: c}, {f: a, g: c}])
            if cells:
                text = f"({b} - {a}) at {d} - at {c}"
                yield Contrast("interaction", f"{f} x {g}", text, (((1, -1, -1, 1), cells),))
                break


def copy_and_distillation(runs: Runs, factors: Factors) -> Contrast | None:
    """The main effect of init (teacher - random) minus that of distillation (alpha below 1 - alpha = 1).

    Each is the mean over its own matched cells; of several alphas below 1, the mean of their effects. None
    where init or alpha is not a factor or lacks one of these levels.
    """
    init = _cells(runs, [{"init": "teacher"}, {"init": "random"}]) if "init" in factors else ()
    distilled = [
        cells
        for alpha in factors.get("alpha", ())
        if isinstance(alpha, int | float)
        and alpha < 1
        and (cells := _cells(runs, [{"alpha": alpha}, {"alpha": 1.0}]))
    ]
    if not init or not distilled:
        return None
    share = 1 / len(distilled)
    groups = (((1.0, -1.0), init), *(((-share, share), cells) for cells in distilled))
    return Contrast("contrast", "copy - distillation", "(teacher - random) - (alpha < 1 - alpha = 1)", groups)


def _cells(runs: Runs, corners: Sequence[Mapping[str, Value]]) -> tuple[Cell, ...]:
    """All sets of matched arms, one at every corner; the arms of one cell are distinct."""
    compared = corners[0].keys()
    rest = [{k: v for k, v in cell.items() if k not in compared} for cell in runs.cells]
    there = np.any(np.isfinite(runs.values), axis=(1, 2))
    cells: list[Cell] = [()]
    for corner in corners:
        here = [
            arm
            for arm, cell in enumerate(runs.cells)
            if there[arm] and all(name in cell and cell[name] == level for name, level in corner.items())
        ]
        cells = [
            (*cell, arm)
            for cell in cells
            for arm in here
            if all(_agree(rest[arm], rest[other]) for other in cell)
        ]
    return tuple(cells)


def _agree(one: Mapping[str, Value], other: Mapping[str, Value]) -> bool:
    return all(one[name] == other[name] for name in one.keys() & other.keys())


def _from_the_extremes(
    one: Sequence[Value], other: Sequence[Value]
) -> Iterable[tuple[tuple[Value, Value], tuple[Value, Value]]]:
    """Pairs of levels of both factors, those that lie farthest apart in planned order first."""

    def pairs(levels: Sequence[Value]) -> list[tuple[int, int]]:
        return list(itertools.combinations(range(len(levels)), 2))

    both = itertools.product(pairs(one), pairs(other))
    for (a, b), (c, d) in sorted(both, key=lambda p: p[0][0] - p[0][1] + p[1][0] - p[1][1]):
        yield (one[a], one[b]), (other[c], other[d])
