"""Curves: panels, missing points, the legend."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import PathCollection
from matplotlib.colors import to_hex

from analysis.report.figures.lines import MOST_PANELS, lines
from analysis.report.figures.style import PALETTE
from tests.analysis.drawings import curves


def test_curves_have_a_panel_each_up_to_a_limit() -> None:
    figure = lines(curves(MOST_PANELS + 3), "data", "accuracy", "share")
    visible = [axes for axes in figure.axes if axes.get_visible()]
    assert len(visible) == MOST_PANELS
    assert all(len(axes.lines) == 2 for axes in visible)
    assert [tick.get_text() for tick in figure.axes[-4].get_xticklabels()] == ["1%", "10%", "100%"]


@pytest.mark.parametrize("panels", [1, 3])
def test_a_legend_stays_within_the_figure(panels: int) -> None:
    """That of one panel is narrower than the page."""
    names = [f"{seeds} confirm seeds ({seeds} replays)" for seeds in (3, 4, 5)]
    rows = [(f"panel {p}", name, x, 0.5) for p in range(panels) for name in names for x in (1, 2)]
    table = pd.DataFrame(rows, columns=["panel", "line", "x", "mean"]).assign(low=0.4, high=0.6)
    figure = lines(table, "x", "y")
    figure.draw_without_rendering()
    (legend,) = figure.legends
    box = legend.get_window_extent()
    assert box.x0 >= 0
    assert box.x1 <= figure.bbox.x1


def test_a_line_skips_what_is_missing() -> None:
    table = curves()
    table.loc[1, "mean"] = np.nan
    first = lines(table, "data", "accuracy").axes[0].lines[0]
    assert np.asarray(first.get_xdata()).tolist() == [0.01, 1.0]


def test_a_seed_is_a_dot_in_its_panel_and_in_the_colour_of_its_line() -> None:
    seeds = pd.DataFrame(
        [
            ("alpha=0", "init=random", 0.1, 0.5),
            ("alpha=1", "init=teacher", 1.0, 0.7),
            ("alpha=1", "x", 1.0, 0.1),
        ],
        columns=["panel", "line", "x", "value"],
    )
    first, second = lines(curves(2), "data", "accuracy", "share", seeds).axes
    dots = [
        (number, *map(float, offset), to_hex(tuple(np.asarray(each.get_facecolor())[0])).upper())
        for number, axes in enumerate((first, second))
        for each in axes.collections
        if isinstance(each, PathCollection)
        for offset in np.asarray(each.get_offsets())
    ]
    assert dots == [(0, 0.1, 0.5, PALETTE[0]), (1, 1.0, 0.7, PALETTE[1])]


def test_the_dots_of_a_run_are_a_thin_line_in_the_colour_of_its_arm() -> None:
    rows = [("alpha=0", "init=teacher", run, x, 0.5 + x) for run in ("a", "b") for x in (1.0, 0.1)]
    runs = pd.DataFrame(rows, columns=["panel", "line", "run", "x", "value"])
    first, second = lines(curves(2), "data", "accuracy", seeds=runs).axes
    thin = [line for line in first.lines if line.get_linewidth() < 1]
    assert [np.asarray(line.get_xdata()).tolist() for line in thin] == [[0.1, 1.0]] * 2
    assert {to_hex(line.get_color()).upper() for line in thin} == {PALETTE[1]}
    assert not [line for line in second.lines if line.get_linewidth() < 1]
