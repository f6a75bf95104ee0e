"""Response curves: a panel for each factor, with a band around the mean and the runs as dots."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullFormatter, NullLocator

from analysis.record.formats import number
from analysis.report.figures.style import POINTS, SEED, labels, legend_below, look, new_figure, styled

__all__ = ["responses"]

COLUMNS = 3
FEW = 8
"""Of at most so many values, each has its tick."""


@styled
def responses(curves: pd.DataFrame, runs: pd.DataFrame, logarithmic: set[str], ylabel: str) -> Figure:
    """Draws a panel for each factor of `curves`; the panels share the axis of the score.

    Args:
        curves: `factor, line, value, mean, low, high` (`analysis.sweep.curves`).
        runs: a row for each run: a column for each factor, `line`, and `score`; drawn as dots.
        logarithmic: the factors whose axis is logarithmic.
    """
    factors = list(dict.fromkeys(curves["factor"]))
    lines = list(dict.fromkeys(curves["line"]))
    columns = min(COLUMNS, len(factors))
    rows = math.ceil(len(factors) / columns)
    figure = new_figure(2.1 * rows + 0.5)
    grid = figure.subplots(rows, columns, sharey=True, squeeze=False)
    shown = dict(zip(lines, labels(lines, 30, 1), strict=True))
    for axes, factor in zip(grid.flat, factors, strict=False):
        of_factor = curves[curves["factor"] == factor]
        for place, line in enumerate(lines):
            own = runs[runs["line"] == line] if "line" in runs else runs
            of_line = of_factor[of_factor["line"] == line]
            _panel(axes, of_line, own[[factor, "score"]].dropna(), place, shown[line], factor in logarithmic)
        axes.set_xlabel(factor)
        axes.yaxis.set_major_formatter(POINTS)
    for axes in list(grid.flat)[len(factors) :]:
        axes.set_visible(False)
    figure.supylabel(ylabel, fontsize="medium")
    if len(lines) > 1:
        legend_below(figure, list(grid.flat), "")
    return figure


def _panel(axes: Axes, curve: pd.DataFrame, runs: pd.DataFrame, place: int, name: str, log: bool) -> None:
    style, numeric = look(place), all(isinstance(value, int | float) for value in curve["value"])
    x = curve["value"].to_numpy(float) if numeric else np.arange(len(curve), dtype=float)
    mean, low, high = (curve[column].to_numpy(float) for column in ("mean", "low", "high"))
    if not numeric:
        places = {value: at for at, value in enumerate(curve["value"])}
        axes.errorbar(x, mean, [mean - low, high - mean], linestyle="", label=name, color=style["color"])
        axes.plot(x, mean, linestyle="", marker=style["marker"], color=style["color"])
        axes.set_xticks(x, labels([number(value) for value in curve["value"]], 14, 1))
        axes.set_xlim(-0.5, len(x) - 0.5)
        axes.scatter(
            [places[value] - 0.2 for value in runs.iloc[:, 0]], runs["score"], color=style["color"], **SEED
        )
        return
    if log:
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(10, subs=(1.0, 2.0, 5.0), numticks=8))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
    if len(x) <= FEW:
        axes.xaxis.set_major_locator(FixedLocator(x.tolist()))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.plot(x, mean, label=name, markevery=max(1, len(x) // 6), **style)
    axes.fill_between(x, low, high, color=style["color"], alpha=0.16, linewidth=0)
    axes.scatter(runs.iloc[:, 0].astype(float), runs["score"], color=style["color"], **SEED)
