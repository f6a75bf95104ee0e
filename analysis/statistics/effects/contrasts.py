"""Which arms an effect compares: matched cells, and the largest complete block of cells and seeds.

A cell is one set of matched arms (`cells.py`): two arms for a main effect, four arms for an interaction.
Every cell counts once.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from analysis.record.domain import Value
from analysis.statistics.effects.cells import Cell, matched_cells
from analysis.statistics.effects.runs import Factors, Runs
from analysis.statistics.effects.texts import Spread
from analysis.statistics.intervals import Array

__all__ = ["Contrast", "Paired", "interactions", "main_effects"]

Mask = np.ndarray[Any, np.dtype[np.bool_]]


@dataclass(frozen=True)
class Paired:
    """The paired differences of a contrast.

    differences: [seeds x languages]. kept: for each group, the cells that the differences are over. dropped:
    the number of cells that lack runs. weights: [arms], the weight of each arm in a difference; an arm that a
    kept cell needs may have the weight 0. means: [arms], over these seeds and all languages; NaN for an arm
    that is in no cell. seeds: [seeds of the study], whether the differences have the seed. texts: what the
    test texts add to the variance; None if the texts are not on record. tuning: the variance that tuning
    adds.
    """

    differences: Array
    kept: tuple[tuple[Cell, ...], ...]
    dropped: int
    weights: Array
    means: Array
    seeds: Mask
    texts: Spread | None = None
    tuning: float = 0.0

    @property
    def cells(self) -> int:
        return sum(map(len, self.kept))

    @property
    def arms(self) -> tuple[int, ...]:
        return tuple(sorted({arm for cells in self.kept for cell in cells for arm in cell}))


@dataclass(frozen=True)
class Contrast:
    """A sum of groups. Each group is the mean over its cells of a weighted sum of the arms of a cell.

    groups: for each group, the weights of the arms of a cell, and the cells. compared: the factors in which
    the arms of a cell differ; the contrast averages over all other factors. absent: the number of matched
    cells that are in no group because one of their arms has no run.
    """

    kind: str
    factor: str
    levels: str
    groups: tuple[tuple[tuple[float, ...], tuple[Cell, ...]], ...]
    compared: tuple[str, ...]
    absent: int = 0

    @property
    def name(self) -> str:
        return f"{self.factor}: {self.levels}"

    @property
    def arms(self) -> tuple[int, ...]:
        return tuple(sorted({arm for _, cells in self.groups for cell in cells for arm in cell}))

    def paired(self, values: Array) -> Paired | None:
        """The differences of each seed, of `values` [arms x seeds x languages]; None if a group has no cell
        left.

        All differences are over the same cells. If runs are missing, cells are dropped one by one, the cell
        with the fewest seeds first. Of the blocks of cells and seeds on the way, the block with the most
        cells x seeds is taken; of two equal blocks, the block with more cells. But blocks with three seeds
        come first: one seed has no interval, and the interval of two seeds reaches 13 standard errors to
        either side.
        """
        there = np.all(np.isfinite(values), axis=2)
        group = np.array([g for g, (_, cells) in enumerate(self.groups) for _ in cells])
        present = np.array([there[list(cell)].all(axis=0) for _, cells in self.groups for cell in cells])
        cells, seeds = _block(present, group)
        if len(set(group[cells])) < len(self.groups) or not seeds.any():
            return None
        all_cells = iter(cells)
        kept = tuple(tuple(cell for cell in members if next(all_cells)) for _, members in self.groups)
        weights, used = np.zeros(len(values)), np.zeros(len(values), dtype=bool)
        for (of_arm, _), members in zip(self.groups, kept, strict=True):
            for cell in members:
                weights[list(cell)] += np.array(of_arm) / len(members)
                used[list(cell)] = True
        compared = values[used][:, seeds]
        differences = np.einsum("a,asl->sl", weights[used], compared)
        means = np.full(len(values), np.nan)
        means[used] = compared.mean(axis=(1, 2))
        dropped = int((~cells).sum()) + self.absent
        return Paired(differences, kept, dropped, weights, means, seeds)

    def on_languages(self, runs: Runs, languages: Sequence[int]) -> Paired | None:
        """The differences of each seed in `languages` of `runs`, with the parts of test texts and tuning."""
        paired = self.paired(runs.values[:, :, list(languages)])
        if paired is None:
            return None
        texts = runs.texts.spread(paired.weights, paired.seeds, languages) if runs.texts else None
        return replace(paired, texts=texts, tuning=runs.tuning_variance(paired.weights))

    def on_the_lowest(self, runs: Runs, languages: Sequence[int]) -> Paired | None:
        """The differences of each seed in the lowest of `languages` of each run (`worst`)."""
        values = runs.values[:, :, list(languages)]
        paired = self.paired(values.min(axis=2, keepdims=True))
        if paired is None:
            return None
        lowest = values.argmin(axis=2)
        texts = None
        if runs.texts:
            texts = runs.texts.spread_of_lowest(paired.weights, paired.seeds, languages, lowest)
        return replace(paired, texts=texts, tuning=runs.tuning_variance(paired.weights))

    def averaged_over(self, runs: Runs, paired: Paired) -> tuple[str, ...]:
        """The factors that are not compared and that have several levels among the cells."""
        seen: dict[str, set[Value]] = {}
        for arm in paired.arms:
            for name, level in runs.cells[arm].items():
                seen.setdefault(name, set()).add(level)
        return tuple(name for name, at in seen.items() if len(at) > 1 and name not in self.compared)


def _block(present: Mask, group: Any) -> tuple[Mask, Mask]:
    """(cells, seeds) by the rule of `Contrast.paired`; present: [cells x seeds]. Every group keeps a cell."""
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
    """The main effects of every factor: later level minus earlier level, in planned order.

    If the levels are numbers, each level is compared with the first level and with the level before it.
    Otherwise all pairs are compared.
    """
    for factor, levels in factors.items():
        numeric = not any(isinstance(level, str) for level in levels)
        for i, j in itertools.combinations(range(len(levels)), 2):
            if numeric and i not in (0, j - 1):
                continue
            cells, absent = matched_cells(runs, [{factor: levels[j]}, {factor: levels[i]}])
            if cells:
                text = f"{levels[j]} - {levels[i]}"
                yield Contrast("main", factor, text, (((1, -1), cells),), (factor,), absent)


def interactions(runs: Runs, factors: Factors) -> Iterator[Contrast]:
    """The interaction of every pair of factors: the difference of differences between their extreme levels.

    If arms at the extreme levels are absent, or a factor has no effect there, the next most extreme levels
    are used: the first levels that have matched cells of four arms.
    """
    for f, g in itertools.combinations(factors, 2):
        for (a, b), (c, d) in _from_the_extremes(factors[f], factors[g]):
            corners = [{f: b, g: d}, {f: a, g: d}, {f: b, g: c}, {f: a, g: c}]
            cells, absent = matched_cells(runs, corners)
            if cells:
                text, groups = f"({b} - {a}) at {d} - at {c}", (((1, -1, -1, 1), cells),)
                yield Contrast("interaction", f"{f} x {g}", text, groups, (f, g), absent)
                break


def _from_the_extremes(
    one: Sequence[Value], other: Sequence[Value]
) -> Iterable[tuple[tuple[Value, Value], tuple[Value, Value]]]:
    """Pairs of levels of both factors; pairs that are farthest apart in planned order come first."""

    def pairs(levels: Sequence[Value]) -> list[tuple[int, int]]:
        return list(itertools.combinations(range(len(levels)), 2))

    both = itertools.product(pairs(one), pairs(other))
    for (a, b), (c, d) in sorted(both, key=lambda p: p[0][0] - p[0][1] + p[1][0] - p[1][1]):
        yield (one[a], one[b]), (other[c], other[d])
