"""The tables of a study record: trials, scores and curves, from the long tables of its sources."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from analysis.record.metric import curves_of
from analysis.record.shares import MEASURED, TRIAL_COLUMNS, seeds_of
from analysis.record.texts import COUNT

__all__ = ["CURVES", "CURVE_COLUMNS", "SCORE_COLUMNS", "curve_table", "score_table", "trial_table"]

SCORE_COLUMNS = ["key", "phase", "arm", "seed", "split", "metric", "language", "value"]
CURVES = curves_of("accuracy")
"""Column of a learning curve -> metric."""
CURVE_COLUMNS = ["key", "phase", "arm", "seed", "step", *CURVES]
SPLITS = ("validation", "test")


def trial_table(runs: pd.DataFrame, metrics: pd.DataFrame) -> pd.DataFrame:
    """One row for each of `runs`: identity, hyperparameters, and the metrics `MEASURED`."""
    hyper = [name for name in runs.columns if name not in {*TRIAL_COLUMNS, "number", "start", "share"}]
    table = runs[[*TRIAL_COLUMNS, *hyper]].copy()
    for metric, column in MEASURED.items():
        values = metrics[metrics["name"] == metric].set_index("at")["value"]
        table[column] = values.reindex(table.index)
    return table


def score_table(runs: pd.DataFrame, metrics: pd.DataFrame) -> pd.DataFrame:
    """One row for each trial, split, metric and language; `at` in `metrics` is a place in `runs`."""
    names = pd.Index(metrics["name"].unique()).sort_values()
    parts = [name.split("/", 2) for name in names]
    scored = [len(part) == 3 and part[0] in SPLITS and part[1] != COUNT for part in parts]
    names, parts = names[scored], [part for part, is_score in zip(parts, scored, strict=True) if is_score]
    code = names.get_indexer(metrics["name"])
    rows = metrics[code >= 0].assign(code=code[code >= 0]).sort_values(["at", "code"])
    of_name = pd.DataFrame(parts, columns=["split", "metric", "language"], dtype=str)
    table = _identity(runs, rows["at"])
    for column in of_name:
        table[column] = of_name[column].array.take(rows["code"])
    table["value"] = rows["value"].to_numpy(float)
    return table[SCORE_COLUMNS]


def curve_table(
    runs: pd.DataFrame, history: pd.DataFrame, curves: Mapping[str, str] = CURVES
) -> pd.DataFrame:
    """One row for each report in `history`: training loss, and the score on validation, macro and worst.

    curves: column -> metric, as `curves_of` returns it.
    """
    wide = history.pivot(index=["at", "step"], columns="name", values="value").sort_index().reset_index()
    table = _identity(runs, wide["at"])
    table["step"] = wide["step"].to_numpy(int)
    for column, metric in curves.items():
        table[column] = wide[metric].to_numpy(float) if metric in wide else np.nan
    return table[CURVE_COLUMNS]


def _identity(runs: pd.DataFrame, at: pd.Series) -> pd.DataFrame:
    """The identity of the rows `at`: key, phase, arm, seed."""
    of_run = runs[["key", "phase", "arm"]].assign(seed=seeds_of(runs))
    return of_run.iloc[at.to_numpy(int)].reset_index(drop=True)
