"""Two factors crossed: cells of a factor that has no effect."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.patches import Rectangle

from analysis.report.figures.surface import surface


def test_where_the_column_has_no_effect_a_cell_is_as_wide_as_the_panel() -> None:
    rows = [("", 0.5, 1.0, 0.6), ("", 0.5, 4.0, 0.7), ("", 1.0, np.nan, 0.5)]
    axes = surface(
        pd.DataFrame(rows, columns=["panel", "row", "column", "mean"]), "alpha", "T", "accuracy"
    ).axes[0]
    cells = [p for p in axes.patches if isinstance(p, Rectangle) and not p.get_hatch()]
    assert [(*cell.get_xy(), cell.get_width()) for cell in cells] == [(0, 0, 1), (1, 0, 1), (0, 1, 2)]
