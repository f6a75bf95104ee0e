"""Languages x arms: each cell is a mean, as a number and as a colour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from analysis.record.languages import SUMMARIES, ordered, script_of
from analysis.report.figures.numbers import write_numbers
from analysis.report.figures.style import POINTS, SIZE, labels, new_figure, styled

__all__ = ["hatched", "heat_map"]

NUMBERS = 16  # arms up to which a cell has room for its number


@styled
def heat_map(
    table: pd.DataFrame,
    names: Sequence[str],
    heading: str,
    title: str,
    marks: Mapping[str, str] | None = None,
) -> Figure:
    """A heat map of `table`: languages (and macro, worst) x arms, shares of 1. A missing value is a hatched
    cell.

    names: the text above each column. marks: the text beside the row of a language, if it is not its code.
    heading: the meaning of the names, such as the factors in their order.
    """
    table = table.reindex(ordered(map(str, table.index)))
    rows, columns = table.shape
    upright = columns <= 3
    above = labels(names, width=48, lines=1) if columns > NUMBERS else labels(names, width=30, lines=2)
    longest = max(len(line) for text in above for line in text.splitlines())
    figure = new_figure(1.15 + 0.165 * rows + (0.3 if upright else 0.068 * longest))
    axes = figure.add_subplot()
    values = table.to_numpy(dtype=float)
    mesh = axes.pcolormesh(np.ma.masked_invalid(values), cmap="cividis", edgecolors="white", linewidth=0.4)
    for i, j in np.argwhere(np.isnan(values)):
        hatched(axes, j, i)
    if columns <= NUMBERS:
        write_numbers(axes, np.argwhere(values == values)[:, ::-1] + 0.5, values[values == values], mesh)
    axes.set_xticks(np.arange(columns) + 0.5, above, rotation=0 if upright else 90)
    axes.xaxis.tick_top()
    axes.xaxis.set_label_position("top")
    axes.set_xlabel(heading)
    texts = [(marks or {}).get(name, name) for name in table.index]
    axes.set_yticks(np.arange(rows) + 0.5, labels(texts, width=24, lines=1))
    axes.invert_yaxis()
    axes.tick_params(length=0)
    axes.grid(False)
    axes.spines[:].set_visible(False)
    _name_scripts(axes, list(table.index))
    if not np.isnan(values).all():
        bar = figure.colorbar(
            mesh, ax=axes, location="bottom", shrink=0.45, aspect=32, pad=0.015, format=POINTS
        )
        bar.set_label(title + ("; hatched: not measured" if np.isnan(values).any() else ""))
        bar.outline.set_visible(False)
    return figure


def hatched(axes: Axes, column: float, row: float, width: float = 1.0) -> None:
    """Draws a cell without data."""
    axes.add_patch(
        Rectangle((column, row), width, 1, facecolor="white", edgecolor="#888888", hatch="////", linewidth=0)
    )


def _name_scripts(axes: Axes, languages: list[str]) -> None:
    """Draws lines between scripts, and the names of the scripts at the right."""
    groups = ["" if name in SUMMARIES else script_of(name) for name in languages]
    starts = [i for i, group in enumerate(groups) if i == 0 or group != groups[i - 1]]
    for start, end in zip(starts, [*starts[1:], len(groups)], strict=True):
        if start:
            axes.axhline(start, color="black", linewidth=0.8 if not groups[start] else 0.5)
        axes.text(
            1.008,
            (start + end) / 2,
            groups[start],
            transform=axes.get_yaxis_transform(),
            va="center",
            fontsize=SIZE - 1.5,
            color="#444444",
        )
