"""A driver that is killed before any of its writes, a journal that a disk spoils, and a clock that is set."""

from __future__ import annotations

import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from study.driver import lifecycle
from study.ledger.memory import Remembered
from study.ledger.progress import summary
from study.storage.attempts import tidy_trial
from study.tracking import posts
from study.tracking.journal import Journal, find_unsent, unsent_mark
from study.tracking.outbox import Outbox
from study.trial.progress import Progress
from tests.driver.driving import (
    LONG,
    MLFLOW_WRITES,
    Driver,
    Late,
    MakeReport,
    Prompt,
    steps,
    trial_runs,
)

pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")


WRITES: list[tuple[Any, str]] = [
    (Remembered, "create_new_trial"),
    (Remembered, "set_trial_param"),
    (Remembered, "set_trial_user_attr"),
    (Remembered, "set_trial_system_attr"),
    (Remembered, "set_trial_intermediate_value"),
    (Remembered, "set_trial_state_values"),
    *((MlflowClient, name) for name in MLFLOW_WRITES),
    (Journal, "add"),
]
"""What a driver writes besides three kinds of files. A kill comes before one write, or after the last."""


class Killed(BaseException):
    """Not an Exception, because nobody may catch it."""


class Writes:
    """Counts the writes of a driver and of its outbox, and kills the driver before one of them."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.left = math.inf
        self.dead = False
        self._one = threading.Lock()

    def before(self, name: str) -> None:
        """Count a write, or kill the driver. No thread of a killed process writes anything more."""
        with self._one:
            if self.dead or self.left == 0:
                self.left, self.dead = math.inf, True
                raise Killed
            self.left -= 1
            self.done.append(name)


@pytest.fixture
def writes(monkeypatch: pytest.MonkeyPatch) -> Writes:
    counted = Writes()

    def watch(owner: Any, name: str) -> None:
        original = getattr(owner, name)

        def write(*values: Any, **more: Any) -> Any:
            counted.before(name)
            return original(*values, **more)

        monkeypatch.setattr(owner, name, write)

    for owner, name in WRITES:
        watch(owner, name)

    class Mark(type(Path())):  # type: ignore[misc]
        def touch(self, *values: Any, **more: Any) -> None:
            counted.before("mark")
            super().touch(*values, **more)

        def unlink(self, *values: Any, **more: Any) -> None:
            counted.before("unmark")
            super().unlink(*values, **more)

    monkeypatch.setattr(posts, "unsent_mark", lambda folder: Mark(unsent_mark(folder)))
    write_text = Path.write_text

    def write(self: Path, *values: Any, **more: Any) -> int:
        if self.name == "traceback.txt":
            counted.before("traceback")
        return write_text(self, *values, **more)

    monkeypatch.setattr(Path, "write_text", write)

    def tidy(folder: Path, keep_student: bool) -> None:
        if any(folder.rglob("checkpoint-*")) or (any(folder.rglob("student")) and not keep_student):
            counted.before("tidy_trial")
        tidy_trial(folder, keep_student)

    monkeypatch.setattr(lifecycle, "tidy_trial", tidy)
    return counted


def test_an_end_is_written_in_the_order_that_makes_a_kill_harmless(
    new_driver: Callable[..., Driver], writes: Writes
) -> None:
    """A report: journal, MLflow, ledger. An end: MLflow's run is closed before the ledger's row."""
    driver = new_driver(Prompt, pruner="halving")
    cycle = driver.phase()
    writes.done.clear()
    driver.play(cycle)
    ask = ["create_new_trial", "set_trial_param", *["set_trial_user_attr"] * 5]
    start = ["mark", "create_run", "log_batch"]
    report = ["add", "mark", "log_batch", "set_trial_intermediate_value"]
    decided = ["set_trial_user_attr", "set_trial_system_attr"]
    closed = ["mark", "log_batch", "set_terminated", "unmark"]
    end = [*["set_trial_user_attr"] * 2, "set_trial_state_values"]  # the outcome, and MLflow's run
    assert writes.done == [*ask, *start, *report, *decided, *report, *decided, *closed, *end, "tidy_trial"]


def test_if_mlflow_lags_the_run_is_closed_before_the_ledger_s_row_all_the_same(
    new_driver: Callable[..., Driver], writes: Writes
) -> None:
    """MLflow gets everything at once. Without a pruner, so does the ledger."""
    driver = new_driver(Late)
    cycle = driver.phase()
    writes.done.clear()
    driver.play(cycle)
    ask = ["create_new_trial", "set_trial_param", *["set_trial_user_attr"] * 5]
    report = ["add", "mark"]
    sent = ["create_run", "log_batch", "set_terminated", "unmark"]
    end = [*["set_trial_intermediate_value"] * 2, *["set_trial_user_attr"] * 2, "set_trial_state_values"]
    assert writes.done == [*ask, "mark", *report, *report, "mark", *sent, *end, "tidy_trial"]


@pytest.mark.parametrize(
    ("outcome", "outbox", "first"),
    [("complete", Prompt, 0), ("pruned", Prompt, 0), ("failed", Prompt, 0), ("complete", Late, 7)],
)
def test_a_kill_before_any_write_of_a_trial_leaves_no_trace(
    new_driver: Callable[..., Driver], writes: Writes, outcome: str, outbox: Callable[[], Outbox], first: int
) -> None:
    """Trial after trial is killed one write later, until a trial ends first. Each trial is then continued.

    The first writes, those of an ask and an attempt, come before any write of the outbox.
    """
    space = {"trials": 80, "pruner": "halving" if outcome == "pruned" else "none"}
    driver = new_driver(outbox, **space)
    cycle = driver.phase()
    driver.play(cycle)  # the best, which none of the others replaces
    kills = 0
    while writes.left == math.inf:
        writes.left = first + kills
        try:
            assert driver.play(cycle, outcome) is not None
            driver.outbox.flush(LONG)
        except Killed:
            kills += 1
            driver.leave()
            writes.dead = False
            driver = new_driver(outbox, **space)
            cycle = driver.phase()
            assert driver.play(cycle, outcome) is not None
    assert kills > 12
    records = driver.ledger.records()
    assert Counter(r.outcome for r in records[1:]) == {outcome: len(records) - 1}
    assert len(records) > kills - 12  # the earliest kills come before a trial has started
    runs = trial_runs(driver)
    assert runs.keys() == {r.key for r in records}
    status = {"complete": "FINISHED", "pruned": "KILLED", "failed": "FAILED"}[outcome]
    reported = {"complete": [3, 6], "pruned": [3], "failed": []}[outcome]
    for record in records[1:]:
        run = runs[record.key]
        assert (run.info.status, run.data.tags["kdstudy.outcome"]) == (status, outcome)
        assert run.data.params["learning_rate"] == str(record.config.learning_rate)
        assert steps(driver, run, "validation/accuracy/macro") == reported
        assert steps(driver, run, "seconds") == ([6] if outcome == "complete" else [])
        left = ["traceback.txt"] if outcome == "failed" else ["progress.jsonl"]
        assert driver.folder(record) == left + (["result.json"] if outcome == "complete" else [])
    assert find_unsent(driver.trials) == []


# Spoilt by a disk


def test_a_spoilt_line_of_a_journal_is_written_again_and_the_trial_ends_as_it_did(
    new_driver: Callable[..., Driver], make_report: MakeReport
) -> None:
    """The driver was killed at the trial's end. The trial has its result, and makes all reports again."""
    reports = [make_report(1, 0.4), make_report(2, 0.5), make_report(3, 0.6, "complete")]
    driver = new_driver()
    cycle = driver.phase()
    record = cycle.next()
    assert record is not None
    for report in reports:
        cycle.report(record.key, 1, report)
    driver.sync()
    journal = Journal(driver.trials / record.key).path
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(lines[0] + b"\0" * 20 + lines[1][20:] + lines[2])
    driver = new_driver()
    cycle = driver.phase()
    assert cycle.next() == record
    for report in reports:
        assert not cycle.report(record.key, 2, report)
    cycle.end(record.key)
    (ended,) = driver.ledger.records()
    assert ended.outcome == "complete"
    assert ended.value == pytest.approx(0.65)
    run = trial_runs(driver)[record.key]
    assert run.data.metrics["validation/accuracy/macro"] == pytest.approx(0.65)
    assert steps(driver, run, "seconds") == [9]
    history = driver.tracker.runs.client.get_metric_history(run.info.run_id, "validation/accuracy/macro")
    assert [row.step for row in history] == [3, 6, 9], "the spoilt line has no second row"


# A clock that is set


@pytest.mark.parametrize("jump", [-86_400.0, 86_400.0], ids=["back", "forward"])
def test_a_clock_that_is_set_between_two_reports_changes_no_record(
    new_driver: Callable[..., Driver], monkeypatch: pytest.MonkeyPatch, jump: float
) -> None:
    """The clock is set before the second report, after a kill, and before the end."""
    now, ahead = time.time, [0.0]
    monkeypatch.setattr(time, "time", lambda: now() + ahead[0])

    def made(reports: Iterable[Progress]) -> list[Progress]:
        """The reports with the time of day. The clock jumps after each report."""
        stamped = []
        for report in reports:
            stamped.append(replace(report, time_ms=int(time.time() * 1000)))
            ahead[0] += jump
        return stamped

    driver = new_driver(trials=2)
    cycle = driver.phase()
    record = cycle.next()
    assert record is not None
    first, second = made(driver.reports(record))
    assert (second.time_ms > first.time_ms) is (jump > 0)
    assert not cycle.report(record.key, 1, first)
    driver.sync()
    ahead[0] += jump
    driver = new_driver(trials=2)  # the driver before was killed
    assert summary(driver.plan, driver.ledger.records())["running"] == 1
    cycle = driver.phase()
    assert cycle.next() == record, "the trial starts again first, whatever the time"
    again, last = made(driver.reports(record))  # trained once more, its checkpoint was lost
    assert again.time_ms != first.time_ms
    assert not cycle.report(record.key, 2, again)
    assert not cycle.report(record.key, 2, last)
    cycle.end(record.key)
    assert driver.play(cycle) is not None
    assert cycle.next() is None

    journal = Journal(driver.trials / record.key).reports
    assert [(report.report, report.time_ms) for report in journal] == [
        (1, first.time_ms),
        (2, last.time_ms),
    ]
    runs = trial_runs(driver)
    assert runs.keys() == {r.key for r in driver.ledger.records()}
    assert {run.info.status for run in runs.values()} == {"FINISHED"}
    run = runs[record.key]
    for metric in ("loss", "validation/accuracy/macro"):
        rows = driver.tracker.runs.client.get_metric_history(run.info.run_id, metric)
        assert sorted((row.step, row.timestamp) for row in rows) == [
            (3, first.time_ms),
            (6, last.time_ms),
        ]
    found = summary(driver.plan, driver.ledger.records())
    assert {name: found[name] for name in ("complete", "failed", "running")} == {
        "complete": 2,
        "failed": 0,
        "running": 0,
    }
    assert found["best"]["key"] == record.key
    assert run.data.metrics["validation/accuracy/macro"] == pytest.approx(found["best"]["value"])
    assert find_unsent(driver.trials) == []
