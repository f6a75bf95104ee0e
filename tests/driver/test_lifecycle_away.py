"""MLflow or the ledger is away: running trials go on, nothing is lost, and nothing is written twice."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from mlflow import MlflowClient
from sqlalchemy.exc import OperationalError

from study.errors import StudyStopped
from study.ledger import patience
from study.ledger.memory import Remembered
from study.tracking import outbox, posts
from study.tracking.journal import find_unsent, unsent_mark
from tests.driver.driving import (
    MLFLOW_WRITES,
    Driver,
    Late,
    Server,
    steps,
    trial_runs,
)

pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")


# MLflow is away


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    """The MLflow server."""
    found = Server(monkeypatch, MlflowClient, MLFLOW_WRITES, ConnectionError("connection refused"))
    monkeypatch.setattr(outbox, "RETRY", (0.01, 0.02))
    return found


@pytest.mark.parametrize("sends", ["this process", "the next process"])
def test_while_mlflow_is_away_trials_go_on_and_mlflow_gets_everything_later(
    new_driver: Callable[..., Driver], server: Server, sends: str
) -> None:
    space = {"trials": 4}
    driver = new_driver(**space)
    cycle = driver.phase()
    server.away = True
    played = [driver.play(cycle), driver.play(cycle, "failed"), driver.play(cycle, "diverged")]
    runs_on = cycle.next()
    records = [record for record in (*played, runs_on) if record]
    assert [r.outcome for r in driver.ledger.records()] == ["complete", "failed", "diverged", None]
    assert driver.outbox.away == "connection refused"
    assert {folder.name for folder in find_unsent(driver.trials)} == {r.key for r in records}
    if sends == "the next process":
        driver.leave()
        server.away = False
        driver = new_driver(**space)
        assert driver.sent == 4
    server.away = False
    runs = trial_runs(driver)
    states = ["FINISHED", "FAILED", "FINISHED", "RUNNING" if sends == "this process" else "SCHEDULED"]
    assert [runs[r.key].info.status for r in records] == states
    reported = [steps(driver, runs[r.key], "validation/accuracy/macro") for r in records]
    assert reported == [[3, 6], [], [3], []]
    path = driver.tracker.runs.client.download_artifacts(runs[records[1].key].info.run_id, "traceback.txt")
    assert Path(path).read_text("utf-8").endswith("ValueError: no")
    left = [folder.name for folder in find_unsent(driver.trials)]
    assert left == ([records[3].key] if sends == "this process" else [])


def test_while_mlflow_is_away_a_study_does_not_run_ahead_without_bound(
    new_driver: Callable[..., Driver], server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(posts, "BOUND", 2)
    driver = new_driver()
    cycle = driver.phase()
    server.away = True
    assert not cycle.paused()
    driver.play(cycle)
    assert not cycle.paused()
    driver.play(cycle)
    assert cycle.paused()
    server.away = False
    driver.sync()
    assert not cycle.paused()


def test_what_a_former_process_left_unsent_is_sent_and_runs_are_scheduled(
    new_driver: Callable[..., Driver],
) -> None:
    """The process was killed between a write to the ledger and a write of its outbox."""
    driver = new_driver(Late)
    cycle = driver.phase()
    driver.play(cycle)
    unsent = cycle.next()
    assert unsent is not None
    cycle.report(unsent.key, 1, next(driver.reports(unsent)))
    (driver.trials / "nobody's").mkdir()
    unsent_mark(driver.trials / "nobody's").touch()
    driver = new_driver()
    assert driver.sent == 1
    runs = trial_runs(driver)
    assert runs[unsent.key].info.status == "SCHEDULED"
    assert steps(driver, runs[unsent.key], "loss") == [3]


# The ledger is away


@pytest.fixture
def database(monkeypatch: pytest.MonkeyPatch) -> Server:
    """The ledger's database."""
    names = ("get_trial", "get_all_trials", "set_trial_intermediate_value", "set_trial_user_attr")
    refusal = OperationalError("select 1", {}, ConnectionError("connection refused"))
    found = Server(monkeypatch, Remembered, names, refusal)
    monkeypatch.setattr(patience, "RETRY", 0.0)
    monkeypatch.setattr(patience, "PAUSE", (0.001, 0.01))
    return found


def test_while_the_ledger_is_away_running_trials_go_on_and_no_other_starts(
    new_driver: Callable[..., Driver], database: Server
) -> None:
    driver = new_driver(trials=3, pruner="median")
    cycle = driver.phase()
    ends, runs_on, fails = cycle.next(), cycle.next(), cycle.next()
    assert ends is not None
    assert runs_on is not None
    assert fails is not None
    database.away = True
    for report in driver.reports(ends):
        assert not cycle.report(ends.key, 1, report)
    cycle.end(ends.key)
    cycle.end(fails.key, "ValueError: no")
    assert not cycle.report(runs_on.key, 1, next(driver.reports(runs_on)))
    assert cycle.paused()
    assert cycle.away == "connection refused"
    database.away = False
    assert [r.outcome for r in driver.ledger.records()] == [None] * 3
    assert not cycle.paused()
    assert cycle.away is None
    assert [r.outcome for r in driver.ledger.records()] == ["complete", None, "failed"]
    assert driver.ledger.storage.get_trial(runs_on.trial_id).intermediate_values.keys() == {1}
    runs = trial_runs(driver)
    assert steps(driver, runs[ends.key], "loss") == [3, 6]
    assert steps(driver, runs[runs_on.key], "loss") == [3]


@pytest.mark.parametrize("over", [False, True], ids=["runs on", "has ended"])
def test_a_trial_that_ran_on_without_its_pruner_is_pruned_at_the_same_report(
    new_driver: Callable[..., Driver], database: Server, over: bool
) -> None:
    """The ledger was away when the pruner would have stopped the trial: all later reports are dropped."""
    driver = new_driver(trials=4, pruner="halving")
    cycle = driver.phase()
    driver.play(cycle)
    worse = cycle.next()
    assert worse is not None
    database.away = True
    first, last = driver.reports(worse)
    assert not cycle.report(worse.key, 1, first)
    if over:
        assert not cycle.report(worse.key, 1, last)
        cycle.end(worse.key)
    database.away = False
    if not over:
        assert cycle.report(worse.key, 1, last)
        cycle.end(worse.key)
    assert not cycle.paused()
    assert [r.outcome for r in driver.ledger.records()] == ["complete", "pruned"]
    run = trial_runs(driver)[worse.key]
    assert (run.info.status, steps(driver, run, "loss")) == ("KILLED", [3])
    assert driver.folder(worse) == ["progress.jsonl", "result.json"]


def test_while_the_ledger_is_away_nothing_waits_for_it(
    new_driver: Callable[..., Driver], database: Server
) -> None:
    """Neither the next trial nor a trial whose worker died waits: other trials have reports to make."""
    driver = new_driver(trials=3)
    cycle = driver.phase()
    dies, runs_on = cycle.next(), cycle.next()
    assert dies is not None
    assert runs_on is not None
    database.away = True
    assert cycle.next() is None
    assert cycle.paused()
    assert cycle.away == "connection refused"
    cycle.lost(dies.key, "its node died")
    assert not cycle.report(runs_on.key, 1, next(driver.reports(runs_on)))
    assert cycle.next() is None
    database.away = False
    assert cycle.next() == dies
    assert cycle.attempts[dies.key] == 2
    assert not cycle.paused()
    third = cycle.next()
    assert third not in (None, dies, runs_on)
    assert steps(driver, trial_runs(driver)[runs_on.key], "loss") == [3]


def test_a_ledger_that_is_away_between_trials_stops_the_study_in_the_end(
    new_driver: Callable[..., Driver], database: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "PATIENCE", 0.0)
    cycle = new_driver().phase()
    database.away = True
    assert cycle.next() is None
    with pytest.raises(StudyStopped, match=r"^the ledger's database: connection refused$"):
        cycle.next()


def test_a_study_that_the_user_stops_is_not_paused(
    new_driver: Callable[..., Driver], database: Server
) -> None:
    """The study would wait for a ledger, or for MLflow, without a need."""
    cycle = new_driver().phase()
    database.away = True
    assert cycle.next() is None
    assert cycle.paused()
    cycle.stop()
    assert not cycle.paused()
    assert cycle.next() is None


def test_a_study_that_stops_while_the_ledger_is_away_loses_no_trial(
    new_driver: Callable[..., Driver], database: Server
) -> None:
    driver = new_driver(trials=2)
    cycle = driver.phase()
    record = cycle.next()
    assert record is not None
    database.away = True
    for report in driver.reports(record):
        cycle.report(record.key, 1, report)
    cycle.end(record.key)
    cycle.stop()
    cycle.let_go()
    database.away = False
    assert trial_runs(driver)[record.key].info.status == "SCHEDULED"
    driver = new_driver(trials=2)
    again = driver.play(driver.phase())
    assert again == record
    assert [r.outcome for r in driver.ledger.records()] == ["complete"]
    assert steps(driver, trial_runs(driver)[record.key], "loss") == [3, 6]


def test_a_ledger_that_stays_away_stops_the_study_in_one_line(
    new_driver: Callable[..., Driver], database: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "PATIENCE", 0.0)
    driver = new_driver(pruner="halving")
    cycle = driver.phase()
    record = cycle.next()
    assert record is not None
    database.away = True
    first, last = driver.reports(record)
    assert not cycle.report(record.key, 1, first)
    with pytest.raises(StudyStopped, match=r"^the ledger's database: connection refused$"):
        cycle.report(record.key, 1, last)
