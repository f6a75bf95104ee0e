"""Accuracy against size, and the arms that no other arm beats in both."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, NullFormatter

from analysis.report.figures.style import (
    POINTS,
    SEED,
    SIZE,
    label,
    labels,
    legend_below,
    look,
    new_figure,
    styled,
)

__all__ = ["pareto_front", "sizes"]


def pareto_front(size: np.ndarray, accuracy: np.ndarray) -> np.ndarray:
    """Mask of the Pareto front: points for which no other point is as good in both and better in one."""
    smaller = (size[:, None] <= size) & (accuracy[:, None] >= accuracy)
    better = (size[:, None] < size) | (accuracy[:, None] > accuracy)
    return np.asarray(~(smaller & better).any(axis=0))


@styled
def sizes(table: pd.DataFrame, seeds: pd.DataFrame) -> Figure:
    """One point for each arm, with its interval. The points on the front are joined and named.

    table: `name, line, parameters, mean, low, high`; means are shares of 1. seeds: `line, parameters, value`,
    a small dot each.
    """
    figure = new_figure(3.4, 5.6)
    axes = figure.add_subplot()
    lines = list(dict.fromkeys(table["line"]))
    for number, (line, name) in enumerate(zip(lines, labels(lines, 40, 1), strict=True)):
        rows = table[table["line"] == line]
        style = look(number) | {"linestyle": "none"}
        axes.vlines(rows["parameters"], rows["low"], rows["high"], color=style["color"], linewidth=0.9)
        axes.plot(rows["parameters"], rows["mean"], label=name, **style)
        own = seeds[seeds["line"] == line]
        axes.scatter(own["parameters"], own["value"], color=style["color"], **SEED)
    size, accuracy = (table[c].to_numpy(dtype=float) for c in ("parameters", "mean"))
    front = table[pareto_front(size, accuracy)].sort_values("parameters")
    axes.step(
        front["parameters"],
        front["mean"],
        where="post",
        color="#666666",
        linewidth=0.9,
        linestyle=":",
        label="Pareto front",
        zorder=1,
    )
    for entry in front.itertuples():
        axes.annotate(
            label(entry.name, 20, 3),
            (entry.parameters, entry.mean),
            (0, 7),
            textcoords="offset points",
            fontsize=SIZE - 2,
            ha="center",
        )
    if size.max() > 8 * size.min():
        axes.set_xscale("log")
        axes.xaxis.set_minor_formatter(NullFormatter())
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    axes.yaxis.set_major_formatter(POINTS)
    axes.margins(x=0.18, y=0.14)
    axes.set(xlabel="parameters of the student", ylabel="macro accuracy, points")
    legend_below(figure, [axes], "")
    return figure
