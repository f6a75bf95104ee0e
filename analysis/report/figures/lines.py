"""Curves with bands, in one panel or several that share their axes."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from analysis.report.figures.style import (
    POINTS,
    SEED,
    WIDTH,
    label,
    labels,
    legend_below,
    look,
    new_figure,
    styled,
)

__all__ = ["MOST_PANELS", "lines"]

MOST_PANELS = 24

Scale = Literal["linear", "log", "share"]


@styled
def lines(
    table: pd.DataFrame,
    xlabel: str,
    ylabel: str,
    scale: Scale = "linear",
    seeds: pd.DataFrame | None = None,
) -> Figure:
    """One curve for each (panel, line), with its band if it has a band.

    table: `panel, line, x, mean, low, high` in drawing order; means are shares of 1. scale: the scale of the
    x axis; `share` is logarithmic, with the levels themselves as ticks, in per cent. seeds: `panel, line, x,
    value`, a small dot each; if there is a column `run` too, a thin line for each run. Only the first 24
    panels are drawn.
    """
    panels = list(dict.fromkeys(table["panel"]))[:MOST_PANELS]
    names = list(dict.fromkeys(table["line"]))
    columns = min(len(panels), 2 if len(panels) in (2, 4) else 3 if len(panels) <= 9 else 4)
    rows = math.ceil(len(panels) / max(1, columns))
    height = 2.9 if rows == 1 else 0.6 + 1.7 * rows
    figure = new_figure(height, WIDTH if columns > 1 else 5.2)
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    shown = dict(zip(names, labels(names, 40, 1), strict=True))
    for axes, panel in zip(grid.flat, panels, strict=False):
        of_panel = table[table["panel"] == panel]
        for number, name in enumerate(names):
            _line(axes, of_panel[of_panel["line"] == name], number, shown[name])
            if seeds is not None:
                own = seeds[(seeds["panel"] == panel) & (seeds["line"] == name)]
                _seeds(axes, own, look(number)["color"])
        if panel:
            axes.set_title(label(panel, 100 // columns, 2))
    for axes in list(grid.flat)[len(panels) :]:
        axes.set_visible(False)
    _scale(grid[0, 0], table["x"], scale)
    for axes in grid.flat:
        axes.yaxis.set_major_formatter(POINTS)
    for axes in list(grid.flat)[max(0, len(panels) - columns) : len(panels)]:  # nothing is below these
        axes.set_xlabel(xlabel)
        axes.tick_params(labelbottom=True)
    figure.supylabel(ylabel, fontsize="medium")
    legend_below(figure, list(grid.flat), "")
    return figure


def _line(axes: Axes, rows: pd.DataFrame, number: int, name: str) -> None:
    rows = rows.dropna(subset=["x", "mean"]).sort_values("x", kind="stable")
    if rows.empty:
        return
    x, mean, low, high = (rows[c].to_numpy(dtype=float) for c in ("x", "mean", "low", "high"))
    style = look(number)
    axes.plot(x, mean, label=name, markevery=max(1, len(x) // 8), **style)
    axes.fill_between(x, low, high, color=style["color"], alpha=0.16, linewidth=0)
    if len(x) <= 8:  # a band between few points is easier to read with its bars
        axes.vlines(x, low, high, color=style["color"], linewidth=0.8)


def _seeds(axes: Axes, rows: pd.DataFrame, color: str) -> None:
    if "run" not in rows:
        axes.scatter(rows["x"], rows["value"], color=color, **SEED)
        return
    for _, run in rows.dropna(subset=["x", "value"]).sort_values("x", kind="stable").groupby("run"):
        axes.plot(run["x"], run["value"], color=color, linewidth=0.5, alpha=0.55, zorder=1.5)


def _scale(axes: Axes, x: pd.Series, scale: Scale) -> None:
    levels = np.unique(x.dropna().to_numpy(dtype=float))
    if np.array_equal(levels, levels.round()):  # layers, steps, trials
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    if scale == "linear" or not len(levels) or levels[0] <= 0:
        return
    axes.set_xscale("log")
    if scale == "share":
        axes.xaxis.set_major_locator(FixedLocator(levels.tolist()))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:g}%"))
