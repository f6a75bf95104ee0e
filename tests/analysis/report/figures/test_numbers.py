"""The numbers in the cells are the numbers of the table."""

from __future__ import annotations

import numpy as np
from matplotlib.collections import PathCollection

from analysis.report.figures.heatmap import heat_map
from tests.analysis.drawings import accuracies


def test_numbers_in_cells_are_those_of_the_table() -> None:
    """Each digit is a mark: read them back from left to right in every cell."""
    table = accuracies(("deu", "yor"), 2)
    table.iloc[1, 1] = np.nan
    axes = heat_map(table, ["a", "b"], "arm", "accuracy").axes[0]
    marks = [c for c in axes.collections if isinstance(c, PathCollection)]
    count = sum(len(np.asarray(mark.get_offsets())) for mark in marks)
    assert count == 4 * table.notna().to_numpy().sum()  # "12.3" in each
    middles = {tuple(offset) for mark in marks for offset in np.asarray(mark.get_offsets()).tolist()}
    assert middles == {(j + 0.5, i + 0.5) for i in range(4) for j in range(2) if (i, j) != (1, 1)}
