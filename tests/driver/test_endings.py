"""Many trials that end: nobody waits for MLflow, and the ledger's rows are closed together."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from study.driver import endings
from study.driver.lifecycle import FEW, Lifecycle
from study.ledger import patience
from study.ledger.ledger import Ledger
from study.ledger.memory import Remembered
from study.ledger.records import Record
from study.tracking.journal import find_unsent
from tests.driver.driving import Driver, Late, Server, steps, trial_runs

pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")

MANY = {"trials": FEW + 4}


def start_many(driver: Driver) -> tuple[Lifecycle, list[Record]]:
    """A phase in which more than a few trials run."""
    cycle = driver.phase()
    started = [cycle.next() for _ in range(FEW + 4)]
    return cycle, [record for record in started if record is not None]


def end(driver: Driver, cycle: Lifecycle, *records: Record) -> None:
    """The trials make all their reports, and end."""
    for record in records:
        for report in driver.reports(record):
            assert not cycle.report(record.key, cycle.attempts[record.key], report)
        cycle.end(record.key)


@contextmanager
def commits(ledger: Ledger) -> Iterator[list[int]]:
    """One entry for each transaction of the ledger's database within the block that is committed."""
    found: list[int] = []
    note: Callable[..., None] = lambda *values: found.append(1)  # noqa: E731
    event.listen(ledger.storage.engine, "commit", note)
    yield found
    event.remove(ledger.storage.engine, "commit", note)


def test_an_end_waits_for_mlflow_and_nobody_waits_for_the_end(
    new_driver: Callable[..., Driver], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endings, "TOGETHER", 0.0)
    driver = new_driver(Late, **MANY)
    cycle, (one, other, *_) = start_many(driver)
    end(driver, cycle, one, other)
    cycle.close_ended()
    assert [record.outcome for record in driver.ledger.records()] == [None] * (FEW + 4)
    assert {one.key, other.key} <= cycle.running.keys(), "their places are not free yet"
    driver.sync()
    with commits(driver.ledger) as found:
        cycle.close_ended()
    assert len(found) == 1
    assert [record.outcome for record in driver.ledger.records()][:2] == ["complete", "complete"]
    assert not {one.key, other.key} & cycle.running.keys()
    stored = driver.ledger.storage.get_trial(one.trial_id).user_attrs
    assert stored["mlflow_run_id"] == trial_runs(driver)[one.key].info.run_id


def test_an_end_waits_for_a_slow_mlflow_for_some_seconds_only(
    new_driver: Callable[..., Driver], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endings, "SLOW_MLFLOW", 0.05)
    driver = new_driver(Late, **MANY)
    cycle, (one, *_) = start_many(driver)
    end(driver, cycle, one)
    time.sleep(0.1)
    cycle.close_ended()
    (ended,) = (record for record in driver.ledger.records() if record.outcome)
    assert ended.key == one.key
    assert "mlflow_run_id" not in driver.ledger.storage.get_trial(one.trial_id).user_attrs
    assert [folder.name for folder in find_unsent(driver.trials) if folder.name == one.key] == [one.key]


def test_a_phase_is_over_when_its_last_ends_are_on_record(new_driver: Callable[..., Driver]) -> None:
    driver = new_driver(**MANY)
    cycle, records = start_many(driver)
    end(driver, cycle, *records)
    assert not cycle.has_next()
    assert {record.outcome for record in driver.ledger.records()} == {"complete"}
    assert cycle.running == {}


@pytest.mark.parametrize("before", ["MLflow", "the ledger"])
def test_a_kill_before_the_common_end_leaves_no_trace(new_driver: Callable[..., Driver], before: str) -> None:
    """The runs are closed, or not; the ledger's rows are open. Each trial is continued, and ends once."""
    driver = new_driver(Late, **MANY)
    cycle, records = start_many(driver)
    end(driver, cycle, *records)
    if before == "the ledger":
        driver.sync()
    driver = new_driver(**MANY)  # the driver before was killed
    cycle, again = start_many(driver)
    assert [record.key for record in again] == [record.key for record in records]
    end(driver, cycle, *again)
    assert not cycle.has_next()
    runs = trial_runs(driver)
    assert runs.keys() == {record.key for record in records}
    for run in runs.values():
        assert run.info.status == "FINISHED"
        assert steps(driver, run, "validation/accuracy/macro") == [3, 6]
    assert {record.outcome for record in driver.ledger.records()} == {"complete"}
    assert find_unsent(driver.trials) == []


def test_ends_that_meet_a_ledger_that_is_away_are_written_when_it_is_back(
    new_driver: Callable[..., Driver], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also the values of their reports, which are written with the end."""
    monkeypatch.setattr(endings, "TOGETHER", 0.0)
    monkeypatch.setattr(patience, "RETRY", 0.0)
    refusal = OperationalError("update", {}, ConnectionError("connection refused"))
    database = Server(monkeypatch, Remembered, ("set_trial_state_values",), refusal)
    driver = new_driver(**MANY)
    cycle, (one, other, third, *_) = start_many(driver)
    end(driver, cycle, one, other)
    driver.sync()
    database.away = True
    for _ in range(3):
        cycle.close_ended()
    assert cycle.away
    end(driver, cycle, third)
    database.away = False
    cycle.close_ended()
    driver.sync()
    cycle.close_ended()
    found: dict[str, Any] = {record.key: record.outcome for record in driver.ledger.records()}
    assert [found[record.key] for record in (one, other, third)] == ["complete"] * 3
    assert driver.ledger.storage.stored.get_trial(one.trial_id).intermediate_values.keys() == {1, 2}


def test_a_study_that_stops_writes_the_ends_that_it_has(new_driver: Callable[..., Driver]) -> None:
    driver = new_driver(**MANY)
    cycle, (one, runs_on, *_) = start_many(driver)
    end(driver, cycle, one)
    cycle.let_go()
    found = {record.key: record.outcome for record in driver.ledger.records()}
    assert (found[one.key], found[runs_on.key]) == ("complete", None)
    runs = trial_runs(driver)
    assert (runs[one.key].info.status, runs[runs_on.key].info.status) == ("FINISHED", "SCHEDULED")
