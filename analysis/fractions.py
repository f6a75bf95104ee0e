"""Quality by how much data there is, and how the advantage of copied weights changes as data shrinks.

What the teacher saw decides what a small fraction means. With `teacher_data=full` a copy carries the rest
of the data in its weights; with `same` the teacher saw the student's sample alone. The two are kept apart
wherever both were run. At all of the data they are one arm, which is a point of both curves.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from analysis.intervals import Interval, paired_t
from analysis.matching import Factors, matched, means_by_seed

__all__ = ["fraction_curves", "fraction_interaction"]

CURVE_COLUMNS = ["init", "teacher_data", "data_fraction", "estimate", "low", "high", "seeds"]
INTERACTION_COLUMNS = ["teacher_data", "estimate", "low", "high", "p", "seeds", "fractions"]


def fraction_curves(results: pd.DataFrame, factors: Factors) -> pd.DataFrame:
    """Mean test macro accuracy by data fraction: one row a point of one curve.

    There is a curve for each init method and each `teacher_data` (missing where that is no factor). Other
    factors are averaged over the cells that all points share (`analysis.matching`), seed by seed; the 95%
    t interval is over seeds. Intervals of two points overlap more than their difference warrants, since
    arms pair by seed: compare by `fraction_interaction` and the effects, not by eye.

    Args:
        results: the `confirmed` table; factors: its factors and their levels.

    Returns:
        Columns `init, teacher_data, data_fraction, estimate, low, high, seeds`; empty where the fraction
        is no factor.
    """
    by = [name for name in ("init", "teacher_data", "data_fraction") if name in factors]
    if "data_fraction" not in by:
        return pd.DataFrame(columns=CURVE_COLUMNS)
    means = _macro_means(results, factors, by)
    rows = []
    for levels, values in zip(means.index, means.to_numpy(float), strict=True):
        seeds = values[~np.isnan(values)]
        point = dict(zip(by, levels if len(by) > 1 else (levels,), strict=True))
        rows.append(point | _numbers(paired_t(seeds)) | {"seeds": len(seeds)})
    return _in_order(pd.DataFrame(rows, columns=CURVE_COLUMNS), factors)


def fraction_interaction(
    results: pd.DataFrame, factors: Factors, level: str = "teacher", baseline: str = "random"
) -> pd.DataFrame:
    """How much the init effect grows with every tenfold less data (claim C4 as one number).

    For seed s and fraction f let ``d_s(f)`` be the macro accuracy at init `level` minus that at
    `baseline`, averaged over matched cells, and ``b_s`` the least-squares slope of ``d_s(f)`` on
    ``log10 f``. The estimate is the mean of ``-b_s``, in accuracy per factor of ten, with a paired t
    interval over seeds: positive means that the copy's advantage grows as data shrinks. A straight line
    in the logarithm is a summary, not a model: the curves show where it bends.

    Args:
        results: the `confirmed` table; factors: its factors and their levels.

    Returns:
        One row for each `teacher_data` (missing where that is no factor) at which both inits were run at
        two fractions or more; columns `teacher_data, estimate, low, high, p, seeds, fractions`. Only seeds
        that have every one of the fractions count; without one there is no row.
    """
    if not {"init", "data_fraction"} <= factors.keys():
        return pd.DataFrame(columns=INTERACTION_COLUMNS)
    by = [name for name in ("init", "teacher_data", "data_fraction") if name in factors]
    means = _macro_means(results[results["init"].isin((level, baseline))], factors, by).reset_index()
    rows = []
    for kind in factors.get("teacher_data", (None,)):
        of_kind = means if kind is None else means[means["teacher_data"] == kind]
        of_level, of_baseline = (
            of_kind[of_kind["init"] == name].set_index("data_fraction").drop(columns=by[:-1])
            for name in (level, baseline)
        )
        advantage = (of_level - of_baseline).dropna(how="all")  # fractions x seeds
        if len(advantage) < 2:
            continue
        x = np.log10(advantage.index.to_numpy(float))
        x -= x.mean()
        whole = advantage.dropna(axis="columns").to_numpy(float)
        if not whole.size:
            continue
        interval = paired_t(-(x @ whole) / (x @ x))
        counts = {"p": interval.p, "seeds": whole.shape[1], "fractions": len(advantage)}
        rows.append({"teacher_data": kind} | _numbers(interval) | counts)
    return pd.DataFrame(rows, columns=INTERACTION_COLUMNS)


def _macro_means(results: pd.DataFrame, factors: Factors, by: list[str]) -> pd.DataFrame:
    """Macro accuracy: one row a group of `by`, one column a seed."""
    macro = results[results["language"] == "macro"]
    return means_by_seed(matched(macro, factors, by), by)


def _numbers(interval: Interval) -> dict[str, object]:
    return {"estimate": interval.estimate, "low": interval.low, "high": interval.high}


def _in_order(table: pd.DataFrame, factors: Factors) -> pd.DataFrame:
    """Inits and kinds of teacher in planned order, then fractions from the smallest."""

    def rank(column: pd.Series) -> pd.Series:
        planned = list(factors.get(str(column.name), ()))
        return column if column.name == "data_fraction" else column.map(planned.index, na_action="ignore")

    return table.sort_values(CURVE_COLUMNS[:3], key=rank, ignore_index=True)
