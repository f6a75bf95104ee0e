"""Two factors crossed: the mean at every pair of their levels, such as alpha x temperature."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from analysis.report.figures.heatmap import hatched
from analysis.report.figures.numbers import write_numbers
from analysis.report.figures.style import POINTS, WIDTH, label, new_figure, styled

__all__ = ["surface"]


@styled
def surface(table: pd.DataFrame, row: str, column: str, title: str) -> Figure:
    """Cells of `row` x `column`, one panel for each `panel`; levels are at equal distances.

    table: `panel, row, column, mean`; means are shares of 1. If the factor of the column has no effect (there
    is no temperature at alpha = 1), its entry is missing, and the cell is as wide as the panel.
    """
    panels = list(dict.fromkeys(table["panel"]))
    ys, xs = (sorted(table[name].dropna().unique()) for name in ("row", "column"))
    columns = min(3, len(panels))
    rows = math.ceil(len(panels) / columns)
    figure = new_figure(0.9 + rows * (0.5 + 0.26 * len(ys)), WIDTH if columns > 1 else 4.6)
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    colours = ScalarMappable(Normalize(table["mean"].min(), table["mean"].max()), colormaps["cividis"])
    for axes, panel in zip(grid.flat, panels, strict=False):
        _cells(axes, table[table["panel"] == panel], ys, xs, colours)
        axes.set_title(label(panel, 100 // columns, 2) if panel else "")
    for axes in list(grid.flat)[len(panels) :]:
        axes.set_visible(False)
    grid[0, 0].set(xlim=(0, len(xs)), ylim=(0, len(ys)))
    grid[0, 0].set_xticks(np.arange(len(xs)) + 0.5, [f"{x:g}" for x in xs])
    grid[0, 0].set_yticks(np.arange(len(ys)) + 0.5, [f"{y:g}" for y in ys])
    for axes in grid[-1]:
        axes.set_xlabel(column)
    figure.supylabel(row, fontsize="medium")
    figure.colorbar(colours, ax=list(grid.flat), label=title, shrink=0.8, aspect=18, format=POINTS)
    return figure


def _cells(axes: Axes, table: pd.DataFrame, ys: list[Any], xs: list[Any], colours: ScalarMappable) -> None:
    for i in range(len(ys)):
        for j in range(len(xs)):
            hatched(axes, j, i)
    table = table.dropna(subset=["mean"])
    middles = []
    for y, x, mean in table[["row", "column", "mean"]].itertuples(index=False):
        left, width = (0, len(xs)) if pd.isna(x) else (xs.index(x), 1)
        bottom, colour = ys.index(y), colours.to_rgba(mean)
        axes.add_patch(Rectangle((left, bottom), width, 1, facecolor=colour, edgecolor="white"))
        middles.append((left + width / 2, bottom + 0.5))
    write_numbers(axes, np.array(middles).reshape(-1, 2), table["mean"].to_numpy(dtype=float), colours)
    axes.grid(False)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
