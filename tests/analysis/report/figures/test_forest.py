"""Effects with intervals: what is marked, and what has no interval."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import LineCollection, PathCollection

from analysis.report.figures.forest import forest
from tests.analysis.drawings import texts


def test_a_forest_marks_what_is_significant_and_draws_each_seed_and_no_interval_that_is_not_known() -> None:
    rows = pd.DataFrame(
        {
            "label": ["a", "b", "c"],
            "series": "these languages",
            "estimate": [0.03, -0.01, 0.02],
            "low": [0.01, -0.03, np.nan],
            "high": [0.05, 0.01, np.nan],
            "marked": [True, False, False],
            "by_seed": [(0.02, 0.04), (), (0.02,)],
        }
    )
    figure = forest(rows, "difference")
    axes = figure.axes[0]
    bars = [c for c in axes.collections if isinstance(c, LineCollection)]
    segments = [np.asarray(segment) for bar in bars for segment in bar.get_segments()]
    ends = [segment[:, 0].tolist() for segment in segments if segment.shape == (2, 2)]
    assert [pytest.approx(end) for end in ends] == [[1, 5], [-3, 1]]
    filled, hollow, *dots = (c for c in axes.collections if isinstance(c, PathCollection))
    assert (len(np.asarray(filled.get_offsets())), len(np.asarray(hollow.get_offsets()))) == (1, 2)
    assert [np.asarray(of_row.get_offsets())[:, 0].tolist() for of_row in dots] == [[2, 4], [], [2]]
    assert np.allclose(np.asarray(hollow.get_facecolor())[0], 1)  # white
    assert {"+3.0  [+1.0, +5.0]", "+2.0"} <= set(texts(figure))
