"""The confirm runs as one array: accuracy by arm, seed and language; NaN if there is no run."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from analysis.record.domain import Value
from analysis.record.languages import SUMMARIES
from analysis.statistics.effects.texts import Correct, Texts, texts_of
from analysis.statistics.effects.tuning import Tuning, mean_shortfall, variance_of
from analysis.statistics.intervals import Array

__all__ = ["TEACHER_SEED", "Factors", "Runs", "over_teachers", "runs_of", "without_teacher_seed"]

Factors = Mapping[str, tuple[Value, ...]]
"""The levels of every factor, in planned order."""

TEACHER_SEED = "teacher_seed"
"""A factor that shows how much a result depends on the teacher. It makes no arm better."""


@dataclass(frozen=True)
class Runs:
    """values: [arms x seeds x languages]. cells: for each arm, the level of every factor with an effect.

    tuning: how far each arm may lie below its best values. texts: which test texts were correct; None if that
    is not on record.
    """

    arms: tuple[str, ...]
    seeds: tuple[int, ...]
    languages: tuple[str, ...]
    values: Array
    cells: tuple[dict[str, Value], ...]
    tuning: Tuning = field(default_factory=dict)
    texts: Texts | None = None

    def tuning_variance(self, weights: Array) -> float:
        """The variance that tuning adds to a contrast with `weights` [arms]."""
        return variance_of(weights, self.arms, self.tuning)

    def shared(self, arms: Iterable[int]) -> tuple[int, ...]:
        """The numbers of the languages that all of `arms` have."""
        there = np.isfinite(self.values[list(arms)]).any(axis=1).all(axis=0)
        return tuple(int(language) for language in np.flatnonzero(there))


def runs_of(
    results: pd.DataFrame,
    factors: Factors,
    planned: pd.DataFrame | None = None,
    tuning: Tuning | None = None,
    correct: Correct | None = None,
) -> Runs:
    """The `confirmed` table as an array, with arms in the order of the table.

    A missing level means that the factor has no effect in the arm. Arms of `planned`
    (`analysis.record.design.cells`) without a row follow at the end, without a number. Rows `macro` and
    `worst` are left out: both are computed again over the languages that the compared arms share, so that no
    difference is a difference of languages. correct: which test texts were correct
    (`analysis.record.design.correct_texts`); without them, intervals are over seeds only.
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
    cells = _cells(rows.drop_duplicates("arm"), factors)
    if planned is not None:
        absent = planned[~planned.index.isin(arms)]
        arms, cells = (*arms, *map(str, absent.index)), (*cells, *_cells(absent, factors))
        values = np.concatenate([values, np.full((len(absent), *values.shape[1:]), np.nan)])
    numbers = tuple(map(int, seeds))
    texts = texts_of(correct, arms, numbers, languages) if correct else None
    return Runs(arms, numbers, tuple(languages), values, cells, tuning or {}, texts)


def over_teachers(runs: Runs) -> Runs:
    """Arms that differ only in the seed of the teacher, as one arm with the mean accuracy over its teachers.

    Such arms would nearly tie, and no one of them could win. A seed counts if every teacher has the seed.
    """
    members: dict[str, list[int]] = {}
    for number, arm in enumerate(runs.arms):
        members.setdefault(without_teacher_seed(arm), []).append(number)
    if len(members) == len(runs.arms):
        return runs
    values = np.array([runs.values[numbers].mean(axis=0) for numbers in members.values()])
    texts = runs.texts and runs.texts.mixed(
        np.array([np.isin(range(len(runs.arms)), numbers) / len(numbers) for numbers in members.values()])
    )
    cells = (runs.cells[numbers[0]] for numbers in members.values())
    rest = tuple({name: level for name, level in cell.items() if name != TEACHER_SEED} for cell in cells)
    tuning = {
        arm: mean_shortfall(runs.tuning[runs.arms[number]] for number in numbers)
        for arm, numbers in members.items()
        if all(runs.arms[number] in runs.tuning for number in numbers)
    }
    return replace(runs, arms=tuple(members), values=values, cells=rest, tuning=tuning, texts=texts)


def without_teacher_seed(arm: str) -> str:
    """The name of `arm` without the seed of the teacher: `init=teacher` of `init=teacher teacher_seed=1`."""
    return re.sub(rf"(^| ){TEACHER_SEED}=\S+", "", arm).strip() or "all"


def _cells(arms: pd.DataFrame, factors: Factors) -> tuple[dict[str, Value], ...]:
    return tuple(
        {name: level for name, level in zip(factors, row, strict=True) if not pd.isna(level)}
        for row in arms[list(factors)].itertuples(index=False, name=None)
    )
