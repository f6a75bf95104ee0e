"""The fault points are there, each has its turn, and a process dies at the call that was chosen."""

from __future__ import annotations

import importlib
import json
import os
import random
import signal
import subprocess
import sys
from dataclasses import asdict
from operator import attrgetter
from pathlib import Path
from typing import Any

import pytest

from study.ledger.records import State
from tests.chaos.chaos import FAULTS
from tests.chaos.points import POINTS, WHEN, Point, Points

EVERYWHERE = {"empty", "beginning", "preparing", "running"}
PROGRAM = """
import marks
for name in ("one", "unsent", "two", "unsent"):
    with marks.writing(name):
        print("in", end=" ")
    marks.Mark(name).touch()
    print("out", end=" ", flush=True)
"""
MARKS = """
from contextlib import contextmanager

class Mark:
    def __init__(self, name):
        self.name = name

    def touch(self):
        print(self.name, end=" ", flush=True)

@contextmanager
def writing(name):
    print("begun", end=" ", flush=True)
    yield
    print("committed", end=" ", flush=True)
"""


@pytest.mark.parametrize("name", POINTS)
def test_every_point_is_a_function(name: str) -> None:
    module, _, function = POINTS[name].target.partition(":")
    assert callable(attrgetter(function)(importlib.import_module(module)))


OF_A_LEDGER = [
    name
    for name, point in POINTS.items()
    if point.target.startswith(("optuna.", "sqlalchemy.", "study.ledger.")) and not name.startswith("lease")
]


def test_no_point_of_a_ledger_is_left_out() -> None:
    """The list above is made from the names of modules: without this test a move would shorten the list."""
    begins = ("ledger:", "ask:", "report:", "pruner:", "tell:", "database:")
    assert [name for name in POINTS if name.startswith(begins)] == OF_A_LEDGER


@pytest.mark.parametrize("name", OF_A_LEDGER)
def test_a_ledger_calls_each_of_its_points(
    name: str, make_plan: Any, open_ledger: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Optuna goes around some of its storage's own functions: there nothing would ever be killed."""
    module, _, function = POINTS[name].target.partition(":")
    *owners, last = function.split(".")
    owner = attrgetter(".".join(owners))(importlib.import_module(module)) if owners else module
    real, calls = attrgetter(function)(importlib.import_module(module)), []

    def counted(*values: Any, **more: Any) -> Any:
        calls.append(values)
        return real(*values, **more)

    if owners:
        monkeypatch.setattr(owner, last, counted)
    else:
        monkeypatch.setattr(f"{module}.{last}", counted)
    ledger = open_ledger(make_plan(pruner="halving", reports=4, trials=6))
    while (record := ledger.ask_search()) is not None:
        stopped = [ledger.report(record, index, 0.1 * (6 - record.number)) for index in (1, 2, 3, 4)]
        ledger.tell(record, State.PRUNED if any(stopped) else State.COMPLETE, 0.5)
    assert calls


def test_some_points_alone_are_asked_for_until_they_have_fired() -> None:
    points = Points(random.Random(0), "ask:")
    for _ in range(4):
        points.fired[points.next(EVERYWHERE)] += 1
    assert points.never_fired() == []
    assert {name for name, _ in points.wanted()} == {"ask: trial made", "ask: parameter"}


def test_all_points_come_before_and_after_until_they_have_fired() -> None:
    points = Points(random.Random(0))
    late = points.next(EVERYWHERE)
    points.put_back(late)
    while points.never_fired():
        fault = points.next(EVERYWHERE)
        assert 1 <= fault.count <= fault.point.counts
        assert (fault.name, fault.when) not in {(f.name, f.when) for f in points.fired}
        points.fired[fault] += 1
    assert {(fault.name, fault.when) for fault in points.fired} == {(n, w) for n in POINTS for w in WHEN}
    assert points.next({"running"}).point.reached == "running", "and then from the beginning"


def test_a_point_that_cannot_be_reached_waits() -> None:
    points = Points(random.Random(0))
    first = [points.next({"running"}) for _ in range(len(POINTS))]
    assert {fault.point.reached for fault in first} == {"running"}
    assert points.next({"beginning", "running"}).point.reached == "beginning"


@pytest.mark.processes
@pytest.mark.parametrize(
    ("target", "file", "when", "count", "said"),
    [
        ("marks:Mark.touch", "", "before", 2, "begun in committed one out begun in committed"),
        ("marks:Mark.touch", "", "after", 1, "begun in committed one"),
        ("marks:Mark.touch", "unsent", "after", 1, "begun in committed one out begun in committed unsent"),
        ("marks:writing", "", "before", 1, "begun in"),
        ("marks:writing", "", "after", 1, "begun in committed"),
    ],
)
def test_a_process_dies_before_or_after_the_chosen_call(
    target: str, file: str, when: str, count: int, said: str, tmp_path: Path
) -> None:
    """Once: a process that comes there later lives. One that runs another program is left alone."""
    (tmp_path / "marks.py").write_text(MARKS)
    (tmp_path / "kdstudy").write_text(PROGRAM)
    (tmp_path / "another").write_text(PROGRAM)
    fault = asdict(Point(target, file=file)) | {
        "when": when,
        "count": count,
        "fired": str(tmp_path / "fired"),
    }
    path = f"{FAULTS}{os.pathsep}{tmp_path}"
    environment = {"KDSTUDY_FAULT": json.dumps(fault), "PYTHONPATH": path, "PYTHONUNBUFFERED": "1"}

    def run(program: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(tmp_path / program)]
        return subprocess.run(
            command, env=os.environ | environment, capture_output=True, text=True, check=False
        )

    assert run("another").returncode == 0
    died = run("kdstudy")
    assert (died.returncode, died.stdout.strip()) == (-signal.SIGKILL, said), died.stderr
    assert (tmp_path / "fired").read_text().isdigit()
    assert run("kdstudy").returncode == 0
