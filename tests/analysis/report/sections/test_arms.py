"""The table of selected values: what was confirmed in each arm, what was tried, and by which rule."""

from __future__ import annotations

from typing import Any

import pytest

from analysis.report.sections.arms import arms
from analysis.verdict.results import Results
from study.optimum import interpolate


@pytest.mark.parametrize("selection", ["interpolated", "best tried"])
def test_selected_values_are_those_of_the_confirm_runs(make_recorder: Any, selection: str) -> None:
    recorder = make_recorder(scientific={"init": ("random", "teacher")}, selection=selection)
    recorder.teacher(0.8)
    search = ((1, 0.50), (3, 0.60), (5, 0.56))
    rates = [{"learning_rate": 1e-4 * (number + 1)} for number, _ in search]
    optimum = interpolate(rates, [value for _, value in search], {"learning_rate": True}).point
    for arm in (0, 1):
        for number, value in search:
            recorder.trial(arm, number, value)
        for seed in (1, 2, 3):
            chosen = optimum if selection == "interpolated" else rates[1]
            recorder.trial(arm, 3, 0.5, seed=seed, test=0.5, **chosen)
    recorder.tracker.finish()
    (table,) = (one for one in arms(Results(recorder.read())).tables if one.name == "selected")
    if selection == "interpolated":
        assert table.columns == ("arm", "learning_rate", "best tried", "selected by")
        selected = f"{optimum['learning_rate']:.4g}"
        assert selected != "0.0004"
        assert table.rows[0] == ("init=random", selected, "0.0004", "parabola")
        assert "the parabola through the best tried point" in table.note
    else:
        assert table.columns == ("arm", "learning_rate")
        assert table.rows[0] == ("init=random", "0.0004")
        assert "the best search trial of each arm" in table.note
