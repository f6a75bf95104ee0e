"""A confusion matrix: labels x predictions, each cell the share of the texts of its label."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure

from analysis.report.figures.numbers import write_numbers
from analysis.report.figures.style import POINTS, SIZE, labels, new_figure, styled

__all__ = ["confusion_matrix"]

NUMBERS = 20  # labels up to which a cell has room for its number
CELL = (0.34, 0.13)  # inches: the size of a cell with its number, and of a cell without it
SMALLEST = 2.4  # inches: the side of a matrix of few labels
MOST_NAMES = 100  # with more labels, only every second or third one is named


@styled
def confusion_matrix(counts: pd.DataFrame, title: str) -> Figure:
    """A matrix of `counts`: labels (rows) x predicted labels, numbers of texts.

    The colour of a cell, and its number if there are at most 20 labels, is the share of the texts of the
    label, in per cent. A row of a label without texts is empty.
    """
    n = len(counts)
    texts = counts.to_numpy(float)
    with np.errstate(invalid="ignore"):
        shares = texts / texts.sum(axis=1, keepdims=True)
    names = labels(counts.index, width=24, lines=1)
    room = 0.062 * max(map(len, names))  # of the names, in inches
    side = max(SMALLEST, n * CELL[n > NUMBERS])
    figure = new_figure(side + room + 0.9, side + room + 1.2)
    axes = figure.add_subplot()
    rare = PowerNorm(0.5, 0, 1)  # a mistake of one text in a hundred has a colour of its own
    drawn = axes.imshow(np.ma.masked_invalid(shares), cmap="cividis", norm=rare, extent=(0, n, n, 0))
    if n <= NUMBERS:
        there = np.argwhere(texts > 0)
        write_numbers(axes, there[:, ::-1] + 0.5, shares[texts > 0], drawn)
    every = -(-n // MOST_NAMES)
    places = np.arange(0, n, every) + 0.5
    axes.set_xticks(places, names[::every], rotation=90)
    axes.set_yticks(places, names[::every])
    axes.tick_params(length=0, labelsize=SIZE - 0.5 if n <= NUMBERS else SIZE - 2)
    axes.set_xlabel("predicted")
    axes.set_ylabel("label")
    axes.set_title(title)
    axes.grid(False)
    axes.spines[:].set_visible(False)
    bar = figure.colorbar(drawn, ax=axes, location="right", shrink=0.6, aspect=30, pad=0.02, format=POINTS)
    bar.set_label("per cent of the texts of a label")
    bar.outline.set_visible(False)
    return figure
