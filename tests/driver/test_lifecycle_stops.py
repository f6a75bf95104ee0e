"""A phase that the user stops, that an error stops, or that another driver has taken over."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from study.driver.lifecycle import WORKER_DEATHS
from study.errors import StudyStopped
from study.ledger.memory import Remembered
from study.tracking.journal import Journal
from tests.driver.driving import Driver, MakeReport, steps, trial_runs

pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")


def test_after_a_stop_each_trial_goes_to_its_next_report_and_no_other_trial_starts(
    new_driver: Callable[..., Driver], make_report: MakeReport
) -> None:
    driver = new_driver(trials=3)
    cycle = driver.phase()
    one, over = cycle.next(), cycle.next()
    assert one
    assert over
    assert not cycle.report(one.key, 1, make_report(1, 0.4))
    cycle.stop()
    assert not cycle.has_next()
    assert cycle.next() is None
    assert cycle.report(one.key, 1, make_report(2, 0.5))  # a checkpoint was written before the report
    cycle.end(one.key)
    assert not cycle.report(over.key, 1, make_report(1, 0.6, "complete"))  # it is over anyway
    cycle.end(over.key)
    assert cycle.running == {}
    cycle.let_go()
    assert (cycle.stopping, cycle.halted) == (True, None)
    runs = trial_runs(driver)
    assert [runs[r.key].info.status for r in (one, over)] == ["SCHEDULED", "FINISHED"]
    assert [r.outcome for r in driver.ledger.records()] == [None, "complete"]

    driver = new_driver(trials=3)
    cycle = driver.phase()
    assert cycle.next() == one
    for number, outcome in ((1, None), (2, None), (3, "complete")):
        assert not cycle.report(one.key, 2, make_report(number, 0.5, outcome))
    cycle.end(one.key)
    run = trial_runs(driver)[one.key]
    assert (run.info.status, steps(driver, run, "loss")) == ("FINISHED", [3, 6, 9])


def test_trials_that_still_run_at_the_end_become_scheduled(
    new_driver: Callable[..., Driver], make_report: MakeReport
) -> None:
    """So are the trials that wait to start again."""
    driver = new_driver(trials=3)
    cycle = driver.phase()
    runs_on, lost = cycle.next(), cycle.next()
    assert runs_on is not None
    assert lost is not None
    cycle.report(lost.key, 1, make_report(1, 0.4))
    cycle.lost(lost.key, "lost")
    cycle.let_go()
    runs = trial_runs(driver)
    assert {runs[r.key].info.status for r in (runs_on, lost)} == {"SCHEDULED"}
    assert steps(driver, runs[lost.key], "loss") == [3]
    assert {r.outcome for r in driver.ledger.records()} == {None}
    again = new_driver(trials=3).phase()
    assert [again.next(), again.next()] == [runs_on, lost]


def test_a_stop_that_has_a_reason_keeps_the_first(new_driver: Callable[..., Driver]) -> None:
    cycle = new_driver().phase()
    cycle.stop()
    assert cycle.halted is None
    cycle.stop("no space left on device")
    cycle.stop("something later")
    assert cycle.stopping
    assert str(cycle.halted) == "no space left on device"


def test_a_worker_that_dies_while_the_study_stops_fails_no_trial(
    new_driver: Callable[..., Driver], make_report: MakeReport
) -> None:
    """A terminal's Ctrl-C reaches the workers too."""
    driver = new_driver()
    cycle = driver.phase()
    record = cycle.next()
    assert record is not None
    for _ in range(WORKER_DEATHS):
        cycle.lost(record.key, "died")
        assert cycle.next() == record
    cycle.stop()
    assert cycle.lost(record.key, "died")
    cycle.let_go()
    assert not cycle.has_next()
    assert driver.ledger.records()[0].running


def test_a_driver_that_was_taken_over_writes_nothing_more(
    new_driver: Callable[..., Driver], make_report: MakeReport
) -> None:
    driver = new_driver()
    cycle = driver.phase()
    record = cycle.next()
    assert record is not None
    driver.lease._lost = "process 7 on elsewhere, since today"
    calls: list[Callable[[], Any]] = [
        lambda: cycle.report(record.key, 1, make_report(1, 0.4)),
        lambda: cycle.end(record.key, "ValueError: no"),
        cycle.has_next,
        cycle.next,
    ]
    for call in calls:
        with pytest.raises(StudyStopped, match=r"^study .* was taken over by process 7 on elsewhere, "):
            call()
    assert Journal(driver.trials / record.key).reports == []
    assert driver.ledger.records() == [record]


# An error stops the study


def test_a_ledger_that_breaks_keeps_no_trial_from_becoming_scheduled_in_mlflow(
    new_driver: Callable[..., Driver], make_report: MakeReport, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ledger's disk is full when the study stops, and still full when the running trials are left."""

    def broken(*values: Any, **more: Any) -> Any:
        full = sqlite3.OperationalError("database or disk is full")
        raise OperationalError("update", {}, full)

    driver = new_driver(trials=3, pruner="median")
    cycle = driver.phase()
    reports, runs_on = cycle.next(), cycle.next()
    assert reports is not None
    assert runs_on is not None
    with monkeypatch.context() as patch:
        patch.setattr(Remembered, "set_trial_intermediate_value", broken)
        with pytest.raises(StudyStopped, match=r"^the ledger's database: database or disk is full$"):
            cycle.report(reports.key, 1, make_report(1, 0.4))
        cycle.let_go()
    runs = trial_runs(driver)
    assert {runs[record.key].info.status for record in (reports, runs_on)} == {"SCHEDULED"}
    assert {record.outcome for record in driver.ledger.records()} == {None}
    again = new_driver(trials=3, pruner="median").phase()
    assert [again.next(), again.next()] == [reports, runs_on]


def test_a_journal_that_cannot_be_read_is_the_error_to_show_and_other_trials_become_scheduled(
    new_driver: Callable[..., Driver],
) -> None:
    driver = new_driver(trials=3)
    cycle = driver.phase()
    left = [cycle.next(), cycle.next()]
    spoilt, other = left
    assert spoilt is not None
    assert other is not None
    driver = new_driver(trials=3)  # the driver before was killed
    journal = driver.trials / spoilt.key / "progress.jsonl"
    journal.mkdir()
    cycle = driver.phase()
    with pytest.raises(IsADirectoryError):
        cycle.next()
    assert cycle.running == {}
    cycle.let_go()
    assert trial_runs(driver)[other.key].info.status == "SCHEDULED"
    journal.rmdir()
    cycle = new_driver(trials=3).phase()
    assert [cycle.next(), cycle.next()] == left
    assert cycle.attempts[spoilt.key] == 2, "no attempt was counted"
