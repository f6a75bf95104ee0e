"""How a running study is shown: lines where nobody watches, a view that is redrawn on a terminal."""

from __future__ import annotations

import io
import time
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from study.cli.live import LineView, LiveView, view_for
from study.planning.shares import Share
from study.trial.data.findings.reading import Count, Reading
from study.trial.progress import Progress


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, as `now[0]`."""
    clock = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    return clock


def summary(complete: int, running: int = 1, best: float | None = None) -> dict[str, Any]:
    arm = "init=base"
    found = None if best is None else {"value": best, "arm": arm, "key": "k" * 64}
    counts = {"planned": 4, "complete": complete, "pruned": 0, "diverged": 0, "failed": 0}
    counts |= {"running": running, "waiting": 4 - complete - running}
    return {**counts, "best": found, "arms": [{"arm": arm, **counts, "best": found}]}


def lines(file: io.StringIO) -> list[str]:
    return file.getvalue().splitlines()


def test_the_view_fits_where_it_is_written() -> None:
    assert isinstance(view_for(Console(file=io.StringIO())), LineView)
    assert isinstance(view_for(Console(file=io.StringIO(), force_terminal=True)), LiveView)


def test_a_terminal_that_cannot_redraw_gets_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    assert isinstance(view_for(Console(file=io.StringIO(), force_terminal=True)), LineView)


def test_a_log_has_a_line_for_every_trial_that_ended_and_no_other(now: list[float]) -> None:
    file = io.StringIO()
    with view_for(Console(file=file)) as view:
        view.phase("search")
        for complete, best in ((0, None), (0, None), (1, 0.25), (1, 0.25), (3, 0.5)):
            now[0] += 30
            view.progress(summary(complete, best=best), {})
    assert lines(file) == [
        "[0:00] search",
        "[0:30] 0/4 done, 1 running, 0 failed",
        "[1:30] 1/4 done, 1 running, 0 failed, best 0.250 (init=base), 3:00 left",
        "[2:30] 3/4 done, 1 running, 0 failed, best 0.500 (init=base), 0:40 left",
    ]


def test_time_left_is_judged_by_what_ended_while_watching(now: list[float]) -> None:
    """A study that is gone on with has many trials behind it that took none of this process's time."""
    file = io.StringIO()
    with view_for(Console(file=file)) as view:
        view.progress(summary(2), {})
        now[0] += 3600
        view.progress(summary(3), {})
    assert lines(file)[1] == "[1:00:00] 3/4 done, 1 running, 0 failed, 1:00:00 left"


def test_a_terminal_shows_arms_and_what_runs() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=80, color_system=None)
    view = LiveView(console)
    scores = {"accuracy": {"macro": 0.4321}}
    reports = {
        "a" * 64: Progress(report=1, step=30, loss=0.5, seconds=1.0, time_ms=0, validation=scores),
        "b" * 64: Progress(report=2, step=60, loss=None, seconds=2.0, time_ms=0),
    }
    view.phase("search")
    view.progress(summary(1, running=2, best=0.5), reports)
    with console.capture() as capture:
        console.print(view._render())
    shown = [line.split() for line in capture.get().splitlines()]
    assert shown[0][0] == "search"
    assert shown[2] == ["1/4", "done", "2", "running", "0", "pruned", "0", "diverged", "0", "failed"]
    assert ["init=base", "1/4", "0.500"] in shown
    assert ["aaaaaaaa", "30", "0.500", "0.432"] in shown
    assert ["bbbbbbbb", "60", "-", "-"] in shown


def test_a_terminal_shows_the_phase_before_there_is_anything_to_count() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=80, color_system=None)
    with view_for(console) as view:
        view.phase("preparing the teacher")
        with console.capture() as capture:
            console.print(view._render())  # type: ignore[union-attr]
    assert capture.get().startswith("preparing the teacher  0:00")


@pytest.mark.parametrize("terminal", [False, True])
def test_the_data_of_a_study_that_begins_are_counted_and_what_weakens_it_is_noted(terminal: bool) -> None:
    share = Share(0.02, 4, 0.05, {"yor": 0.05}, ("yor",))
    resolved: Any = SimpleNamespace(
        task=SimpleNamespace(notes=("of the task",)),
        findings=("of the tokenizer",),
        reading=Reading({"train": {"yor": Count(80, 4, 1, 0.25, 50)}}),
        shares=[share],
    )
    file = io.StringIO()
    with view_for(Console(file=file, force_terminal=terminal, width=80, color_system=None)) as view:
        view.data(resolved)
    shown = [line.split() for line in lines(file)]
    assert ["yor", "80", "4", "1", "25"] in shown
    assert ["0.02", "4", "5.0%", "5.0%", "yor", "5.0%", "yor"] in shown
    for text in (
        "emp and unk are of 50 texts of each language and split, evenly spaced",
        "note: of the tokenizer",
    ):
        assert text in file.getvalue()
    assert "of the task" not in file.getvalue()  # the driver shows these
