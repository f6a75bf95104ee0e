"""The search of each arm as a picture: validation score against the hyperparameter that matters most."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from analysis.record.domain import Domain
from analysis.record.study_record import StudyRecord
from analysis.search.axes import Axis
from analysis.search.optimum import Searched, searched
from analysis.search.response import FAR

__all__ = ["CURVE_COLUMNS", "main_hyperparameter", "search_curves"]

CURVE_COLUMNS = ["arm", "what", "x", "value", "low", "high"]
POINTS = 61
MAIN = "learning_rate"
Z = 1.96


def main_hyperparameter(record: StudyRecord) -> str | None:
    """The tuned hyperparameter that the picture has as its x axis: the learning rate, or the first range."""
    ranges = [name for name, domain in record.nuisance.items() if domain.is_range]
    if MAIN in record.nuisance and record.nuisance[MAIN].is_numeric:
        return MAIN
    return ranges[0] if ranges else None


def search_curves(record: StudyRecord) -> pd.DataFrame:
    """Rows of `what`, for each arm that tuned the main hyperparameter, x:

    tried      a complete trial: its validation macro accuracy
    diverged   a diverged trial, without a value
    fit        the response of `analysis.search.response` at this x and the selected values of all else, with
               its 95% band; missing where it lies more than `FAR` below the best score
    selected   the selected x, with the response there, and the mean of the highest response in `high`
    """
    name = main_hyperparameter(record)
    rows = [row for each in searched(record) for row in _of_arm(each, name, record.nuisance)] if name else []
    return pd.DataFrame(rows, columns=CURVE_COLUMNS)


def _of_arm(found: Searched, name: str, nuisance: dict[str, Domain]) -> Iterator[tuple[Any, ...]]:
    if name not in [axis.name for axis in found.axes.axes]:
        return
    trials, domain = found.trials, nuisance[name]
    x = pd.to_numeric(trials[name], errors="coerce")
    for at, value, outcome in zip(x, trials["value"], trials["outcome"], strict=True):
        what = "tried" if outcome == "complete" else "diverged"
        yield found.arm, what, at, value, np.nan, np.nan
    along = _values(domain)
    rows = found.selected.iloc[np.zeros(len(along), dtype=int)].assign(**{name: [repr(v) for v in along]})
    mean, sd = found.response.moments(found.axes.at(rows))
    low_down = mean < trials["value"].max() - 0.9 * FAR
    for at, value, error in zip(along, np.where(low_down, np.nan, mean), Z * sd, strict=True):
        yield found.arm, "fit", at, value, value - error, value + error
    selected = found.selected[name].iloc[0]
    mean, _ = found.response.moments(found.axes.at(found.selected))
    best = float(mean[0]) + found.shortfall.mean
    yield found.arm, "selected", selected, float(mean[0]), np.nan, best


def _values(domain: Domain) -> list[float]:
    if domain.low is None or domain.high is None:
        return [float(level) for level in Axis("", domain).levels]
    between = np.geomspace if domain.log else np.linspace
    return [float(at) for at in between(domain.low, domain.high, POINTS)]
