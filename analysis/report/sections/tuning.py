"""The section on the tuning: where each arm was tuned, and how much of a difference tuning could explain."""

from __future__ import annotations

import numpy as np
import pandas as pd

from analysis.record.formats import points
from analysis.report.figures.panels import placed
from analysis.report.figures.searches import searches
from analysis.report.sections.section import Drawing, Section
from analysis.report.tables import make_table
from analysis.search.curves import main_hyperparameter, search_curves
from analysis.statistics.effects.tuning import could_explain, variance_of
from analysis.verdict.results import Results

__all__ = ["search_drawing", "tuning"]

WHAT = (
    "An arm is confirmed at its selected values, and its best values are not known. Curves that could have "
    "given the scores of the search show how far the selected values may lie below the best ones. Every "
    "interval of a difference of arms includes this. `analysis/README.md` has the simulations behind it."
)


def tuning(results: Results) -> Section:
    """The shortfall of each arm. The figure of its search is on the first screen."""
    title = "Tuning"
    if not results.tuning:
        return Section(title)
    found = results.tuning
    alone = [could_explain(variance_of(np.ones(1), [arm], found)) for arm in found]
    table = pd.DataFrame(
        {"arm": list(found), "expected": [each.mean for each in found.values()], "up to": alone}
    )
    note = (
        "How far macro accuracy at the selected values may lie below the best of the arm, in points: the "
        "mean, and a number that 95% of cases do not exceed."
    )
    tables = (
        make_table("tuning", "Shortfall of each arm", table, {"expected": points, "up to": points}, note),
    )
    return Section(title, (WHAT,), tables)


def search_drawing(results: Results) -> Drawing | None:
    """Validation score against the main tuned hyperparameter, for each arm; None if no arm tuned it."""
    if results.sweep is not None:
        return None
    name = main_hyperparameter(results.record)
    curves = search_curves(results.record)
    if name is None or curves.empty:
        return None
    where = placed(results.cells, results.factors)
    table = curves.assign(**{column: curves["arm"].map(where[column]) for column in where})
    caption = (
        f"The search of each arm: macro validation accuracy against {name}. Markers: the tried points; "
        "crosses: diverged trials. Curves with 95% bands: what the tried points show of the points between "
        "them. Rings with a vertical line: the selected point."
    )
    log = results.record.nuisance[name].log or _spans_decades(table["x"])
    return Drawing("search", caption, lambda: searches(table, name, log))


def _spans_decades(x: pd.Series) -> bool:
    return bool(x.min() > 0 and x.max() / x.min() >= 30)
