"""The search of each arm: tried points, the curve through them, and the selected point."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, NullFormatter

from analysis.report.figures.lines import MOST_PANELS
from analysis.report.figures.style import POINTS, WIDTH, label, labels, legend_below, look, new_figure, styled

__all__ = ["searches"]


@styled
def searches(table: pd.DataFrame, xlabel: str, log: bool) -> Figure:
    """One curve for each (panel, line): `panel, line`, and the columns of `analysis.search.curves`.

    Markers are the tried points; crosses at the lower edge are diverged trials. A ring with a vertical line
    is the selected point. The band is the 95% band of the curve. log: the x axis is logarithmic.
    """
    panels = list(dict.fromkeys(table["panel"]))[:MOST_PANELS]
    names = list(dict.fromkeys(table["line"]))
    columns = min(len(panels), 2 if len(panels) in (2, 4) else 3)
    rows = math.ceil(len(panels) / max(1, columns))
    figure = new_figure(2.9 if rows == 1 else 0.8 + 2.0 * rows, WIDTH if columns > 1 else 5.2)
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    shown = dict(zip(names, labels(names, 40, 1), strict=True))
    values = table.loc[table["what"] == "tried", "value"]
    floor = float(values.min()) - 0.04 * max(0.05, float(values.max() - values.min()))
    for axes, panel in zip(grid.flat, panels, strict=False):
        of_panel = table[table["panel"] == panel]
        for number, name in enumerate(names):
            _search(axes, of_panel[of_panel["line"] == name], number, shown[name], floor)
        axes.set_title(label(panel, 100 // columns, 2) if panel else "")
        axes.set_xlabel(xlabel)
        axes.tick_params(labelbottom=True)
    for axes in list(grid.flat)[len(panels) :]:
        axes.set_visible(False)
    if log:
        grid[0, 0].set_xscale("log")
        grid[0, 0].xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        grid[0, 0].xaxis.set_minor_formatter(NullFormatter())
    grid[0, 0].set_ylim(bottom=floor - 0.01)
    for axes in grid.flat:
        axes.yaxis.set_major_formatter(POINTS)
    figure.supylabel("macro validation accuracy, points", fontsize="medium")
    legend_below(figure, list(grid.flat), "")
    return figure


def _search(axes: Axes, rows: pd.DataFrame, number: int, name: str, floor: float) -> None:
    style = look(number)
    colour, marker = style["color"], style["marker"]
    if rows.empty:
        return
    handle = Line2D([], [], label=name, **style)
    axes.add_line(handle)
    fit, tried, selected = (rows[rows["what"] == what] for what in ("fit", "tried", "selected"))
    x, value, low, high = (fit[c].to_numpy(float) for c in ("x", "value", "low", "high"))
    axes.plot(x, value, color=colour, linestyle=style["linestyle"])
    axes.fill_between(x, low, high, where=np.isfinite(value).tolist(), color=colour, alpha=0.16, linewidth=0)
    axes.plot(tried["x"], tried["value"], color=colour, marker=marker, markersize=4, linestyle="none")
    diverged = rows[rows["what"] == "diverged"]
    axes.plot(diverged["x"], np.full(len(diverged), floor), color=colour, marker="x", linestyle="none")
    for at, height in zip(selected["x"], selected["value"], strict=True):
        axes.axvline(float(at), color=colour, linewidth=0.8, linestyle=style["linestyle"], alpha=0.7)
        ring = {"markerfacecolor": "none", "markeredgecolor": colour, "markeredgewidth": 1.4}
        axes.plot([at], [height], marker="o", markersize=9, linestyle="none", **ring)
