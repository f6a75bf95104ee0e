"""Score against each cost: every trial of the search, and the Pareto front."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter

from analysis.report.figures.style import POINTS, SEED, SIZE, labels, legend_below, look, new_figure, styled

__all__ = ["fronts"]


@styled
def fronts(trials: pd.DataFrame, front: pd.DataFrame, costs: dict[str, str], ylabel: str) -> Figure:
    """One panel for each cost. The front is joined if there is one cost, and its students are numbered.

    trials: `line, score` and a column for each cost, a small dot each. front: `student, score`, the costs,
    and `estimate, low, high`, the mean over confirm runs on test with its interval, which may be missing.
    Scores are shares of 1. costs: name -> label of its axis.
    """
    figure = new_figure(3.4, 5.6 if len(costs) == 1 else 7.0)
    panels = figure.subplots(1, len(costs), sharey=True, squeeze=False)[0]
    lines = list(dict.fromkeys(trials["line"]))
    for axes, (cost, title) in zip(panels, costs.items(), strict=True):
        for number, (line, name) in enumerate(zip(lines, labels(lines, 40, 1), strict=True)):
            own = trials[trials["line"] == line]
            axes.scatter(own[cost], own["score"], color=look(number + 1)["color"], label=name, **SEED)
        _front(axes, front, cost, joined=len(costs) == 1)
        axes.set_xlabel(title)
        axes.xaxis.set_major_formatter(EngFormatter(sep=""))
        axes.yaxis.set_major_formatter(POINTS)
        axes.margins(x=0.1, y=0.12)
    panels[0].set_ylabel(ylabel)
    legend_below(figure, list(panels), "")
    return figure


def _front(axes: Axes, front: pd.DataFrame, cost: str, joined: bool) -> None:
    style = look(0)
    rows = front.sort_values([cost, "score"])
    if joined:
        step = {"where": "post", "linewidth": 1.0, "linestyle": style["linestyle"]}
        axes.step(rows[cost], rows["score"], color=style["color"], **step)
    mark = style | {"linestyle": "none"}
    axes.plot(rows[cost], rows["score"], label="Pareto front, search on validation", **mark)
    if rows["estimate"].notna().any():
        axes.vlines(rows[cost], rows["low"], rows["high"], color="#000000", linewidth=0.9)
        there: dict[str, Any] = {"marker": "_", "linestyle": "none", "color": "#000000", "markersize": 8}
        axes.plot(rows[cost], rows["estimate"], label="its confirm runs, on test", **there)
    for entry in rows.itertuples():
        place = (getattr(entry, cost), entry.score)
        axes.annotate(
            str(entry.student), place, (-6, 5), textcoords="offset points", fontsize=SIZE, ha="right"
        )
