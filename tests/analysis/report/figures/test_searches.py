"""The figure of the searches: a panel and a line for each arm, with its points and the selected point."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from analysis.report.figures.searches import searches
from analysis.report.sections.tuning import search_drawing, tuning
from analysis.verdict.results import Results
from tests.analysis.drawings import texts
from tests.analysis.invented import invented_study


@pytest.fixture(scope="module")
def results() -> Results:
    return Results(invented_study({"init": ("random", "teacher"), "alpha": (1.0, 0.2)}, search=8))


def test_each_panel_marks_the_selected_rates(results: Results) -> None:
    drawing = search_drawing(results)
    assert drawing is not None
    figure = drawing.draw()
    assert [axes.get_title(loc="left") or axes.get_title() for axes in figure.axes] == [
        "alpha=1",
        "alpha=0.2",
    ]
    for axes, alpha in zip(figure.axes, (1.0, 0.2), strict=True):
        along = [np.asarray(line.get_xdata(), dtype=float) for line in axes.lines]
        upright = {float(x[0]) for x in along if len(set(x.tolist())) == 1}
        for init in ("random", "teacher"):
            assert results.record.selected[f"init={init} alpha={alpha}", 0]["learning_rate"] in upright
    figure.draw_without_rendering()
    assert "0.001" in texts(figure)  # no power of ten in a markup that is not drawn


def test_the_section_has_the_shortfall_of_each_arm(results: Results) -> None:
    section = tuning(results)
    (table,) = section.tables
    assert [row[0] for row in table.rows] == list(results.tuning)
    assert all(float(row[2]) > float(row[1]) > 0 for row in table.rows)


def test_a_search_of_one_arm_without_a_complete_trial_in_a_panel_is_drawn() -> None:
    rows = [
        ("", "all", "all", "tried", 1e-4, 0.4, None, None),
        ("", "all", "all", "diverged", 1e-3, None, None, None),
    ]
    columns = ["panel", "line", "arm", "what", "x", "value", "low", "high"]
    figure = searches(pd.DataFrame(rows, columns=columns), "learning_rate", True)
    assert len(figure.axes) == 1
