"""Languages by arms: the order of the rows, and cells without data."""

from __future__ import annotations

import numpy as np
from matplotlib.patches import Rectangle

from analysis.report.figures.heatmap import heat_map
from tests.analysis.drawings import accuracies, texts


def test_a_cell_without_data_is_hatched() -> None:
    table = accuracies(("deu", "yor"), 3)
    table.iloc[0, 1] = table.iloc[2, 2] = np.nan
    axes = heat_map(table, ["a", "b", "c"], "arm", "accuracy").axes[0]
    hatched = {patch.get_xy() for patch in axes.patches if isinstance(patch, Rectangle) and patch.get_hatch()}
    assert hatched == {(1, 0), (2, 2)}


def test_languages_stand_by_script_and_macro_and_worst_last() -> None:
    figure = heat_map(accuracies(("rus", "deu", "kat", "eng"), 2), ["a", "b"], "arm", "accuracy")
    shown = [tick.get_text() for tick in figure.axes[0].get_yticklabels()]
    assert shown == ["deu", "eng", "rus", "kat", "macro", "worst"]
    assert {"Latin", "Cyrillic", "Georgian"} <= set(texts(figure))
