"""Effects with their intervals, one under the other: a dot for each seed, and a line at zero."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.report.figures.style import PALETTE, SEED, SIZE, label, legend_below, new_figure, styled

__all__ = ["forest"]

MARKERS = ("o", "D")

BELOW = 0.3
"""The dots of the seeds lie below the line by this share of the distance between two lines."""


@styled
def forest(rows: pd.DataFrame, xlabel: str) -> Figure:
    """One line for each interval.

    rows: `label, series, estimate, low, high, marked, by_seed`, from the top. Estimates are shares of 1 and
    are drawn as points of accuracy. Lines of one label are close together, each series has its marker, and a
    marked row has a filled marker. A missing interval is not drawn: the estimate is drawn alone. by_seed: the
    estimate of each seed, a tuple that may be empty; the dots of the seeds lie below the line.
    """
    texts = list(dict.fromkeys(rows["label"]))
    series = list(dict.fromkeys(rows["series"]))
    step = 0.8 / max(1, len(series))
    figure = new_figure(0.75 + max(0.21, 0.15 * len(series)) * len(texts))
    axes = figure.add_subplot()
    place = {text: number for number, text in enumerate(texts)}
    for number, name in enumerate(series):
        of_series = rows[rows["series"] == name]
        y = of_series["label"].map(place).to_numpy() + step * (number - (len(series) - 1) / 2)
        x, low, high = (100 * of_series[c].to_numpy(dtype=float) for c in ("estimate", "low", "high"))
        marked = of_series["marked"].to_numpy(dtype=bool)
        colour, marker = PALETTE[number % len(PALETTE)], MARKERS[number % len(MARKERS)]
        axes.hlines(y, low, high, color=colour, linewidth=1.3)
        look: dict[str, Any] = {"marker": marker, "color": colour, "s": 22, "linewidth": 1.1, "zorder": 3}
        axes.scatter(x[marked], y[marked], **look)
        axes.scatter(x[~marked], y[~marked], **look | {"facecolor": "white"})
        for at, seeds in zip(y + BELOW * step, of_series["by_seed"], strict=True):
            axes.scatter([100 * seed for seed in seeds], [at] * len(seeds), color=colour, **SEED)
        if len(series) > 1:
            axes.plot([], [], marker=marker, color=colour, label=name)
        for each in zip(x, low, high, y, strict=True):
            _write(axes, *each)
    axes.axvline(0, color="black", linewidth=0.8)
    axes.set_yticks(np.arange(len(texts)), [label(_unbroken(text), 48, 2) for text in texts])
    axes.set_ylim(len(texts) - 0.5, -0.5)
    axes.grid(False, axis="y")
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel(xlabel)
    legend_below(figure, [axes], "")
    return figure


def _unbroken(text: str) -> str:
    """`text`, in which no line ends within "alpha = 1" or "alpha < 1"."""
    for sign in "=<":
        text = text.replace(f" {sign} ", f"\N{NO-BREAK SPACE}{sign}\N{NO-BREAK SPACE}")
    return text


def _write(axes: Axes, x: float, low: float, high: float, y: float) -> None:
    """Writes the numbers at the right of the drawing."""
    if np.isnan(x):
        return
    bounds = "" if np.isnan(low) else f"  [{low:+.1f}, {high:+.1f}]"
    axes.text(
        1.01,
        y,
        f"{x:+.1f}{bounds}",
        transform=axes.get_yaxis_transform(),
        va="center",
        fontsize=SIZE - 1.5,
    )
