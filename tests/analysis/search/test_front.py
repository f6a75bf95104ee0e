"""The front of a record: which students are on it, what they are worth on fresh seeds, and what is said."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from analysis.report.sections.front import front, front_drawing
from analysis.search.front import devices, front_table, searched
from analysis.verdict.answer import answer
from analysis.verdict.results import Results


def costs(parameters: int, ms: float = 2.0, device: str = "a CPU, 1 thread") -> dict[str, Any]:
    return {"parameters": parameters, "latency": {"ms": ms, "device": device}}


@pytest.fixture
def costly(make_recorder: Callable[..., Any]) -> Any:
    """Two arms. Random students have 35% at size 10 and 25% at 5; copies 65% at 20, 55% at 10, 45% at 30.

    Macro accuracy of a recorded trial is 5 points above its value.
    """
    recorder = make_recorder(scientific={"init": ("random", "teacher")}, costs=("parameters",))
    recorder.teacher(0.8)
    tried = {
        (arm, number): recorder.trial(arm, number, value, costs=costs(size))
        for arm, number, value, size in [
            (0, 0, 0.3, 10),
            (0, 1, 0.2, 5),
            (1, 0, 0.6, 20),
            (1, 1, 0.5, 10),
            (1, 2, 0.4, 30),
        ]
    }
    for (arm, number), test in {(0, 0): 0.28, (0, 1): 0.18, (1, 0): 0.55, (1, 1): 0.45}.items():
        for seed in (1, 2, 3):
            recorder.trial(
                *(arm, number, test),
                seed=seed,
                test=test + seed / 100,
                costs=costs(10),
                tried=tried[arm, number],
            )
    recorder.tracker.finish()
    return recorder


def test_the_front_is_that_of_all_arms_together(costly: Any) -> None:
    table = front_table(costly.read())
    assert list(table["student"]) == [1, 2, 3]
    assert table["score"].tolist() == pytest.approx([0.65, 0.55, 0.25])
    assert list(table["parameters"]) == [20, 10, 5]
    assert list(table["arm"]) == ["init=teacher", "init=teacher", "init=random"]


def test_each_student_has_the_mean_of_its_own_confirm_runs(costly: Any) -> None:
    table = front_table(costly.read())
    assert table["estimate"].tolist() == pytest.approx([0.62, 0.52, 0.25])
    assert list(table["seeds"]) == [3, 3, 3]
    assert (table["low"] < table["estimate"]).all()


def test_an_arm_is_its_student_with_the_highest_score(costly: Any) -> None:
    record = costly.read()
    results = Results(record)
    assert [record.trials.set_index("key")["learning_rate"][key] for key in record.best.values()] == [
        "0.0001"
    ] * 2
    macro = results.confirmed[results.confirmed["language"] == "macro"].groupby("arm")["value"].mean()
    assert macro.to_dict() == pytest.approx({"init=random": 0.35, "init=teacher": 0.62})
    assert not [text for text in results.caveats if "no longer" in text]


def test_arms_are_compared_and_the_front_is_said(costly: Any) -> None:
    said = answer(Results(costly.read()))
    assert "The arm init=teacher has the highest mean macro test accuracy" in said[0] or "findings" in said[0]
    assert said[-1].startswith("**3 of 5 students are on the Pareto front of accuracy and parameters.**")
    assert "62.00 points of macro test accuracy (3 seeds" in said[-1]
    assert "at 20 parameters; the cheapest one has 25.00 points" in said[-1]


def test_students_that_left_the_front_are_named_among_the_caveats(make_recorder: Callable[..., Any]) -> None:
    recorder = make_recorder(scientific={"init": ("teacher",)}, costs=("parameters",))
    old = recorder.trial(0, 0, 0.3, costs=costs(10))
    new = recorder.trial(0, 1, 0.5, costs=costs(10))
    for tried, number in ((old, 0), (new, 1)):
        recorder.trial(0, number, 0.4, seed=1, test=0.4, costs=costs(10), tried=tried)
    recorder.tracker.finish()
    results = Results(recorder.read())
    assert list(results.front["key"]) == [new]
    assert any(
        text.startswith("1 confirm runs are of students that are no longer") for text in results.caveats
    )


def test_without_confirm_runs_the_answer_says_that_scores_are_of_the_search(
    make_recorder: Callable[..., Any],
) -> None:
    recorder = make_recorder(scientific={}, costs=("latency_ms",))
    recorder.trial(0, 0, 0.3, costs=costs(10, 4.0))
    recorder.tracker.finish()
    results = Results(recorder.read())
    (said, *_) = answer(results)
    assert said.startswith("**1 of 1 student is on the Pareto front of accuracy and latency.**")
    assert "35.00 points of macro validation accuracy (search, one seed) at 4 ms" in said
    assert said.endswith("latency of one text on a CPU, 1 thread.")
    assert any("biased upwards" in text for text in results.caveats)


def test_latencies_of_several_devices_are_a_caveat(make_recorder: Callable[..., Any]) -> None:
    recorder = make_recorder(scientific={}, costs=("latency_ms",))
    recorder.trial(0, 0, 0.3, costs=costs(10, 4.0))
    recorder.trial(0, 1, 0.2, costs=costs(10, 1.0, "a GPU"))
    recorder.tracker.finish()
    results = Results(recorder.read())
    assert devices(results.record) == ["a CPU, 1 thread", "a GPU"]
    assert any("2 kinds of devices (a CPU, 1 thread; a GPU)" in text for text in results.caveats)


def test_a_trial_without_a_latency_is_not_on_the_front(make_recorder: Callable[..., Any]) -> None:
    recorder = make_recorder(scientific={}, costs=("latency_ms",))
    recorder.trial(0, 0, 0.9)
    recorder.trial(0, 1, 0.2, costs=costs(10, 1.0))
    recorder.tracker.finish()
    record = recorder.read()
    assert list(searched(record)["score"]) == list(front_table(record)["score"]) == [0.25]


def test_the_section_has_a_row_for_each_student_and_the_figure_all_trials(costly: Any) -> None:
    results = Results(costly.read())
    (table,) = front(results).tables
    assert [row[0] for row in table.rows] == ["1", "2", "3"]
    assert "arm" in table.columns
    drawing = front_drawing(results)
    assert drawing is not None
    axes = drawing.draw().axes[0]
    assert axes.get_xlabel() == "parameters"
    dots: Any = axes.collections[:2]
    assert sum(len(each.get_offsets()) for each in dots) == 5


def test_a_study_with_one_objective_has_no_front(finished: Any) -> None:
    results = Results(finished.read())
    assert results.front.empty
    assert front_drawing(results) is None
    assert not front(results).tables
    assert isinstance(results.front, pd.DataFrame)
