"""Arms one under the other: a dot for each seed, the mean with its interval, and the teacher as a line."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.report.figures.style import (
    PALETTE,
    POINTS,
    SEED,
    SIZE,
    labels,
    legend_below,
    look,
    new_figure,
    styled,
)

__all__ = ["MOST_ARMS", "dots"]

MOST_ARMS = 48
"""So many arms fit on a page. The caller leaves further arms out and names their number."""

BELOW = 0.27
"""The dots of the seeds lie below the mean by this share of the distance between two arms."""


@styled
def dots(arms: pd.DataFrame, seeds: pd.DataFrame, heading: str, xlabel: str) -> Figure:
    """One row for each arm, from the top.

    arms: `arm, name, line, estimate, low, high, teacher`; accuracies are shares of 1. Arms of one `line` have
    one colour and one marker. A missing interval or teacher is not drawn. If all arms have the same teacher,
    the teacher is a line over all arms, otherwise a mark in the row of each arm. seeds: `arm, value`.
    heading: the meaning of the names, such as the factors in their order.
    """
    figure = new_figure(0.95 + (0.27 if len(arms) <= 12 else 0.175) * max(2, len(arms)))
    axes = figure.add_subplot()
    lines = list(dict.fromkeys(arms["line"]))
    place = {arm: number for number, arm in enumerate(arms["arm"])}
    for number, (line, name) in enumerate(zip(lines, labels(lines, 40, 1), strict=True)):
        rows, style = arms[arms["line"] == line], look(number) | {"linestyle": "none"}
        y = rows["arm"].map(place).to_numpy(dtype=float)
        own = seeds[seeds["arm"].isin(rows["arm"])]
        below = own["arm"].map(place).to_numpy(dtype=float) + BELOW
        axes.hlines(y, rows["low"], rows["high"], color=style["color"], linewidth=1.3)
        axes.plot(rows["estimate"], y, label=name if len(lines) > 1 else None, zorder=3, **style)
        axes.scatter(own["value"], below, color=style["color"], **SEED)
    _teacher(axes, arms)
    for row in arms.itertuples():
        _write(axes, float(row.estimate), float(row.low), float(row.high), place[str(row.arm)])
    _group(axes, list(arms["line"]))
    axes.set_yticks(np.arange(len(arms)), labels(arms["name"], 46, 1))
    axes.set_ylim(len(arms) - 0.4, -0.6)
    low, high = axes.get_xlim()  # the interval of two seeds may reach beyond all accuracies
    axes.set_xlim(max(low, -0.02), min(high, 1.02))
    axes.grid(False, axis="y")
    axes.tick_params(axis="y", length=0)
    axes.xaxis.set_major_formatter(POINTS)
    axes.set_xlabel(xlabel)
    axes.set_title(heading)
    legend_below(figure, [axes], "")
    return figure


def _teacher(axes: Axes, arms: pd.DataFrame) -> None:
    known = arms["teacher"].dropna()
    if known.empty:
        return
    style: dict[str, Any] = {"color": PALETTE[-1], "label": "the teacher itself"}
    if len(known) == len(arms) and known.max() - known.min() < 1e-6:
        axes.axvline(known.iloc[0], linewidth=1.0, linestyle=(0, (4, 2)), zorder=1, **style)
        return
    y = np.flatnonzero(arms["teacher"].notna())
    axes.plot(known, y, linestyle="none", marker="|", markersize=9, markeredgewidth=1.3, zorder=2, **style)


def _group(axes: Axes, lines: list[str]) -> None:
    """Draws a faint line above an arm of another `line`, unless every arm has a line of its own."""
    if len(set(lines)) == len(lines):
        return
    for number, (one, next_one) in enumerate(itertools.pairwise(lines)):
        if one != next_one:
            axes.axhline(number + 0.5, color="#cccccc", linewidth=0.6, zorder=0)


def _write(axes: Axes, mean: float, low: float, high: float, y: int) -> None:
    """Writes the numbers at the right of the drawing."""
    bounds = "" if np.isnan(low) else f"  [{100 * low:.1f}, {100 * high:.1f}]"
    text = f"{100 * mean:.1f}{bounds}"
    at = axes.get_yaxis_transform()
    axes.text(1.01, y, text, transform=at, va="center", fontsize=SIZE - 1.5)
