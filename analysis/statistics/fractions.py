"""Accuracy by the amount of data, and how the advantage of copied weights changes as the data shrinks.

The data of the teacher decide what a small fraction means. With `teacher_data=full`, a copy carries
information about the rest of the data in its weights; with `same`, the teacher saw only the student's sample.
The two kinds are kept apart if both were run. At all of the data both kinds are one arm, which is a point of
both curves.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from analysis.record.domain import Value
from analysis.statistics.effects.cells import matched_cells
from analysis.statistics.effects.contrasts import Contrast
from analysis.statistics.effects.means import marginal_means
from analysis.statistics.effects.precision import interval_of
from analysis.statistics.effects.runs import Factors, Runs, runs_of
from analysis.statistics.effects.texts import Correct
from analysis.statistics.effects.tuning import Tuning, could_explain
from analysis.statistics.intervals import Interval, holm

__all__ = ["AdvantageSlope", "advantage_slopes", "fraction_curves", "fraction_interaction"]

CURVE_COLUMNS = ["init", "teacher_data", "data_fraction", "estimate", "low", "high", "seeds", "texts"]
INTERACTION_COLUMNS = [
    *("teacher_data", "estimate", "low", "high", "p", "p_holm", "seeds", "texts", "fractions", "decades"),
    *("cells", "cells_dropped", "equivalent_within", "averaged_over", "could_be_tuning"),
]


class AdvantageSlope(NamedTuple):
    """runs: the runs of one kind of teacher, or all runs if that is no factor. contrast: over these runs.

    shares: the share of the training rows that each of `fractions` came to.
    """

    runs: Runs
    fractions: tuple[Any, ...]
    shares: tuple[float, ...]
    contrast: Contrast
    teacher_data: Value | None

    @property
    def decades(self) -> float:
        """log10 of the largest share divided by the smallest share."""
        return float(np.log10(max(self.shares) / min(self.shares)))


def fraction_curves(results: pd.DataFrame, factors: Factors, correct: Correct | None = None) -> pd.DataFrame:
    """Mean test macro accuracy by data fraction: one row for each point of a curve.

    There is a curve for each init method and each `teacher_data` (missing if that is no factor). Other
    factors are averaged over the cells that all points share (`analysis.statistics.matching`), seed by seed.
    If no cell is shared by all points, the points are left out that lack the cell that most points have.
    Macro is over the languages that all arms share; the 95% interval is over seeds, and over test texts if
    `correct` has them. Arms pair by seed and by text, so the intervals of two points overlap more than their
    difference justifies: compare points by `fraction_interaction` and the effects, not by eye.

    Args:
        results: the `confirmed` table; factors: its factors and their levels; correct: as for
            `analysis.statistics.effects.estimates.effects`.

    Returns:
        Columns `init, teacher_data, data_fraction, estimate, low, high, seeds, texts`; empty if the fraction
        is no factor. Inits and kinds of teacher are in planned order, fractions ascend.
    """
    by = [name for name in CURVE_COLUMNS[:3] if name in factors]
    if "data_fraction" not in by:
        return pd.DataFrame(columns=CURVE_COLUMNS)
    ascending = {**factors, "data_fraction": tuple(sorted(factors["data_fraction"]))}
    return marginal_means(results, ascending, by, correct).reindex(columns=CURVE_COLUMNS)


def fraction_interaction(
    results: pd.DataFrame,
    factors: Factors,
    shares: Mapping[Any, float] | None = None,
    tuning: Tuning | None = None,
    correct: Correct | None = None,
) -> pd.DataFrame:
    """The growth of the effect of init for every tenfold reduction of the data (claim C4 as one number).

    For seed s and share f let ``d_s(f)`` be the macro accuracy at init = teacher minus the macro accuracy at
    init = random, and ``b_s`` the least-squares slope of ``d_s(f)`` on ``log10 f``, averaged over matched
    cells: sets of arms, both inits at every fraction, that agree in all other factors. The estimate is the
    mean of ``-b_s``, in accuracy per factor of ten, with a paired t interval over seeds. A positive estimate
    means that the advantage of the copy grows as the data shrinks. A straight line in the logarithm is a
    summary, not a model: the curves show where the course bends. The estimate is a contrast like those of
    `analysis.statistics.effects`, with the same choice of languages, seeds and cells.

    Args:
        results: the `confirmed` table; factors: its factors and their levels. shares: the share of the
            training rows that each fraction came to; a fraction without one counts as it is. tuning, correct:
            as for `analysis.statistics.effects.estimates.effects`.

    Returns:
        One row for each `teacher_data` (missing if that is no factor) at which matched arms of both inits
        have runs at two fractions or more. Columns: `teacher_data, estimate, low, high, p, p_holm` (corrected
        for the rows; Holm 1979), `seeds, texts, fractions, decades` (log10 of the largest fraction divided by
        the smallest), and the last four as in `analysis.statistics.effects.estimates.effects`;
        `equivalent_within` is for a tenfold reduction too. Of several sets of fractions the largest set with
        a cell is used. A seed counts only if it has every one of the fractions; without such a seed there is
        no row.
    """
    rows, runs = [], runs_of(results, factors, tuning=tuning, correct=correct)
    for found in advantage_slopes(runs, factors, shares):
        of_kind, fractions, _, slope, kind = found
        if not (shared := of_kind.shared(slope.arms)):
            continue
        if paired := slope.on_languages(of_kind, shared):
            interval = interval_of(paired)
            about = {
                "p": interval.p,
                "seeds": interval.n,
                "texts": interval.texts,
                "fractions": len(fractions),
                "decades": found.decades,
                "cells": paired.cells,
                "cells_dropped": paired.dropped,
                "equivalent_within": interval.within,
                "averaged_over": ", ".join(slope.averaged_over(of_kind, paired)),
                "could_be_tuning": could_explain(paired.tuning),
            }
            rows.append({"teacher_data": kind} | _numbers(interval) | about)
    table = pd.DataFrame(rows, columns=INTERACTION_COLUMNS)
    return table.assign(p_holm=holm(table["p"].to_numpy(dtype=float)))


def advantage_slopes(
    runs: Runs, factors: Factors, shares: Mapping[Any, float] | None = None
) -> Iterator[AdvantageSlope]:
    """The contrasts of `fraction_interaction`, one for each `teacher_data` that has a contrast."""
    if not {"init", "data_fraction"} <= factors.keys():
        return
    for kind in factors.get("teacher_data", (None,)):
        of_kind = _of_kind(runs, kind)
        seen = {fraction: float(fraction) for fraction in factors["data_fraction"]} | dict(shares or {})
        fractions, slope = _slope(of_kind, seen)
        if slope is not None:
            yield AdvantageSlope(of_kind, fractions, tuple(seen[f] for f in fractions), slope, kind)


def _of_kind(runs: Runs, kind: Value | None) -> Runs:
    """The arms whose teacher saw the data that `kind` names, and the arms in which that has no effect."""
    kept = [arm for arm, cell in enumerate(runs.cells) if cell.get("teacher_data", kind) == kind]
    arms, cells = tuple(runs.arms[arm] for arm in kept), tuple(runs.cells[arm] for arm in kept)
    texts = runs.texts and runs.texts.mixed(np.eye(len(runs.arms))[kept])
    return replace(runs, arms=arms, values=runs.values[kept], cells=cells, texts=texts)


def _slope(
    runs: Runs, shares: Mapping[Any, float], level: str = "teacher", baseline: str = "random"
) -> tuple[tuple[Value, ...], Contrast | None]:
    """The fractions and the contrast, for the largest set of fractions that has matched cells."""
    for count in range(len(shares), 1, -1):
        for chosen in itertools.combinations(shares, count):
            if len({shares[fraction] for fraction in chosen}) == 1:
                continue  # one sample under several names: a slope has no course over it
            corners = [{"init": init, "data_fraction": f} for f in chosen for init in (level, baseline)]
            cells, absent = matched_cells(runs, corners)
            if cells:
                x = np.log10(np.array([shares[fraction] for fraction in chosen]))
                x -= x.mean()
                weights = tuple(float(w) for b in -x / (x @ x) for w in (b, -b))
                compared = ("init", "data_fraction", "teacher_data")
                text = f"({level} - {baseline}) per tenfold less data"
                groups = ((weights, cells),)
                return chosen, Contrast("slope", "init x data_fraction", text, groups, compared, absent)
    return (), None


def _numbers(interval: Interval) -> dict[str, object]:
    return {"estimate": interval.estimate, "low": interval.low, "high": interval.high}
