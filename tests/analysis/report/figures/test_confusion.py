"""A confusion matrix: the numbers of few labels, and many labels without numbers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure

from analysis.report.figures.confusion import MOST_NAMES, NUMBERS, confusion_matrix


def matrix(labels: int) -> pd.DataFrame:
    names = [f"label {number}" for number in range(labels)]
    return pd.DataFrame(np.eye(labels, dtype=int) * 8 + np.eye(labels, k=1, dtype=int) * 2, names, names)


def numbers(figure: Figure) -> int:
    """How many marks, which are the characters of numbers, the figure has."""
    marks = [each for each in figure.axes[0].collections if isinstance(each, PathCollection)]
    return sum(len(np.asarray(each.get_offsets())) for each in marks)


def test_a_row_is_a_label_and_its_cells_are_shares_of_its_texts() -> None:
    counts = matrix(3)
    counts.iloc[2] = 0  # no text has this label
    figure = confusion_matrix(counts, "an arm, seed 1")
    shown = figure.axes[0].images[0].get_array()
    assert shown is not None
    assert np.ma.filled(shown, -1).tolist() == [[0.8, 0.2, 0.0], [0.0, 0.8, 0.2], [-1, -1, -1]]
    assert [t.get_text() for t in figure.axes[0].get_yticklabels()] == ["label 0", "label 1", "label 2"]
    assert (figure.axes[0].get_ylabel(), figure.axes[0].get_xlabel()) == ("label", "predicted")
    assert numbers(figure) == 2 * len("80.0") + 2 * len("20.0")


@pytest.mark.parametrize("labels", [2, NUMBERS, NUMBERS + 1, 60, MOST_NAMES + 1])
def test_every_matrix_fits_into_its_figure(labels: int) -> None:
    figure = confusion_matrix(matrix(labels), "an arm, seed 1")
    figure.draw_without_rendering()
    assert (numbers(figure) > 0) == (labels <= NUMBERS)
    axes = figure.axes[0]
    assert len(axes.get_yticklabels()) == (labels if labels <= MOST_NAMES else (labels + 1) // 2)
    assert axes.bbox.width == pytest.approx(axes.bbox.height)
    assert axes.bbox.width > 0.6 * figure.bbox.width
