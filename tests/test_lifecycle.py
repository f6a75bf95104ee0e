"""A trial's life in the driver, with a real ledger and a real MLflow store; and killed at any point of it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient
from mlflow.entities import Run
from optuna.storages import RDBStorage

from study import lifecycle
from study.journal import Journal
from study.ledger import Ledger, Record
from study.lifecycle import WORKER_DEATHS, Lifecycle
from study.plan import Plan
from study.status import confirm_wanted
from study.tracking import Tracker

MakePlan = Callable[..., Plan]
MakeReport = Callable[..., dict[str, Any]]

pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")

WRITES: list[tuple[Any, str]] = [
    (RDBStorage, "_create_new_trial"),
    (RDBStorage, "_set_trial_param"),
    (RDBStorage, "set_trial_user_attr"),
    (RDBStorage, "set_trial_system_attr"),
    (RDBStorage, "set_trial_intermediate_value"),
    (RDBStorage, "set_trial_state_values"),
    (MlflowClient, "create_run"),
    (MlflowClient, "update_run"),
    (MlflowClient, "log_batch"),
    (MlflowClient, "log_text"),
    (MlflowClient, "set_terminated"),
    (Journal, "add"),
    (lifecycle, "drop_checkpoints"),
]
"""Everything that a driver writes; a kill comes before one of them, or after the last."""


class Killed(BaseException):
    """Not an Exception: nobody may catch it."""


class Writes:
    """Counts the driver's writes, and kills it before one of them."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.left = math.inf

    def before(self, name: str) -> None:
        if self.left == 0:
            self.left = math.inf
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
    return counted


@dataclass
class Driver:
    """One process that drives a study, its trials played by hand: two reports each, the last with a result.

    Trial n scores 0.9 / (n + 1), so that the first of an arm is its best and a halving pruner stops the rest.
    """

    plan: Plan
    home: Path
    tracking_uri: str
    make_report: MakeReport

    def __post_init__(self) -> None:
        self.ledger = Ledger(f"sqlite:///{self.home / 'optuna.db'}", self.plan.name)
        self.plan = self.ledger.open(self.plan)
        self.ledger.mend()
        self.tracker = Tracker(self.tracking_uri, self.home.as_uri(), self.plan, self.ledger.study_id)
        self.tracker.close_ended(self.ledger.records())

    def phase(self, phase: Any = "search") -> Lifecycle:
        ask: Callable[[], Record | None] = self.ledger.ask_search
        if phase == "confirm":
            wanted = confirm_wanted(self.plan, self.ledger.records())
            ask = lambda: self.ledger.ask_confirm(wanted)  # noqa: E731
        return Lifecycle(self.ledger, self.tracker, self.home / "trials", phase, ask)

    def play(self, cycle: Lifecycle, outcome: str = "complete") -> Record | None:
        """Start the next trial of `cycle` and play it to its end."""
        record = cycle.next()
        if record is None:
            return None
        if outcome == "failed":
            cycle.end(record.key, "Traceback ...\n  in a line\nValueError: no")
            return record
        for report in self.reports(record, "complete" if outcome == "pruned" else outcome):
            if cycle.report(record.key, report):
                break
        cycle.end(record.key)
        return record

    def reports(self, record: Record, outcome: str = "complete") -> Iterator[dict[str, Any]]:
        """As a trial makes them, from the start; its checkpoints and its weights are there by then."""
        folder, value = self.home / "trials" / record.key, 0.9 / (record.number + 1)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "checkpoint-00000003.pt").touch()
        yield self.make_report(1, value)
        if outcome == "complete":
            (folder / "student").mkdir(exist_ok=True)
        test = value if record.phase == "confirm" else None
        yield self.make_report(2, value if outcome == "complete" else None, outcome, test)

    def folder(self, record: Record) -> list[str]:
        return sorted(path.name for path in (self.home / "trials" / record.key).iterdir())


@pytest.fixture
def new_driver(
    make_plan: MakePlan,
    make_report: MakeReport,
    fast_sqlite: None,
    tracking_uri: str,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> Callable[..., Driver]:
    """`new_driver(...)`: a new process on the study of this test; the keywords are its space's."""

    def new(**roles: Any) -> Driver:
        name = request.node.name.replace("[", " ").replace("]", "")
        return Driver(make_plan(name=name, **roles), tmp_path, tracking_uri, make_report)

    return new


def trial_runs(driver: Driver) -> dict[str, Run]:
    """The MLflow runs of the study's trials by key; each key has one."""
    client = driver.tracker.client
    found = [
        run
        for phase in ("search", "confirm")
        for run in client.search_runs([driver.tracker.experiment], f"tags.kdstudy.phase = '{phase}'")
    ]
    by_key = {run.data.tags["kdstudy.key"]: run for run in found}
    assert len(by_key) == len(found)
    return by_key


def steps(driver: Driver, run: Run, metric: str) -> list[int]:
    return [row.step for row in driver.tracker.client.get_metric_history(run.info.run_id, metric)]


def test_a_search_and_its_confirm_runs(new_driver: Callable[..., Driver]) -> None:
    """The whole of a study: two arms, three trials each, two fresh seeds of each arm's best."""
    driver = new_driver(scientific={"init": ("random", "teacher")}, trials=3)
    search = driver.phase()
    while driver.play(search) is not None:
        pass
    confirm = driver.phase("confirm")
    while driver.play(confirm) is not None:
        pass
    records = driver.ledger.records()
    assert [r.phase for r in records] == ["search"] * 6 + ["confirm"] * 4
    assert {r.outcome for r in records} == {"complete"}
    runs = trial_runs(driver)
    assert runs.keys() == {r.key for r in records}
    for record in records:
        run = runs[record.key]
        assert (run.info.status, run.data.tags["kdstudy.phase"]) == ("FINISHED", record.phase)
        assert run.data.metrics["validation/accuracy/macro"] == pytest.approx(record.value)
        assert ("test/accuracy/macro" in run.data.metrics) is (record.phase == "confirm")


def test_an_end_is_written_in_the_order_that_makes_a_kill_harmless(
    new_driver: Callable[..., Driver], writes: Writes
) -> None:
    """A report: journal, MLflow, ledger. An end: MLflow's run is closed before the ledger is told."""
    driver = new_driver(pruner="halving")
    cycle = driver.phase()
    writes.done.clear()
    driver.play(cycle)
    ask = ["_create_new_trial", "_set_trial_param", *["set_trial_user_attr"] * 3]
    start = ["create_run", "log_batch", "update_run"]
    said = ["add", "log_batch", "set_trial_intermediate_value"]
    decided = ["set_trial_user_attr", "set_trial_system_attr"]
    end = ["log_batch", "log_batch", "set_terminated", "set_trial_user_attr", "set_trial_state_values"]
    assert writes.done == [*ask, *start, *said, *decided, *said, *decided, *end, "drop_checkpoints"]


@pytest.mark.parametrize("outcome", ["complete", "pruned", "failed"])
def test_a_kill_before_any_write_of_a_trial_leaves_no_trace(
    new_driver: Callable[..., Driver], writes: Writes, outcome: str
) -> None:
    """Trial after trial is killed one write later, until one has ended first; each is then gone on with."""
    space = {"trials": 60, "pruner": "halving" if outcome == "pruned" else "none"}
    driver = new_driver(**space)
    cycle = driver.phase()
    driver.play(cycle)  # the best, which none of the others replaces
    kills = 0
    while writes.left == math.inf:
        writes.left = kills
        try:
            driver.play(cycle, outcome)
        except Killed:
            kills += 1
            driver = new_driver(**space)
            cycle = driver.phase()
            driver.play(cycle, outcome)
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
        assert run.data.params["learning_rate"] == str(record.config["learning_rate"])
        assert steps(driver, run, "validation/accuracy/macro") == reported
        assert steps(driver, run, "seconds") == ([6] if outcome == "complete" else [])
        assert outcome == "failed" or driver.folder(record) == ["progress.jsonl"]


def test_what_a_former_process_left_running_comes_first(new_driver: Callable[..., Driver]) -> None:
    driver = new_driver(scientific={"init": ("random", "teacher")}, trials=2)
    cycle = driver.phase()
    left = [cycle.next(), cycle.next()]
    again = new_driver(scientific={"init": ("random", "teacher")}, trials=2)
    cycle = again.phase()
    assert cycle.has_next()
    assert [cycle.next(), cycle.next()] == left
    assert len(trial_runs(again)) == 2
    new = [cycle.next(), cycle.next()]
    assert cycle.next() is None
    assert not cycle.has_next()
    assert len({r.key for r in [*left, *new] if r}) == 4


def test_a_trial_whose_worker_died_is_asked_again_until_it_has_died_too_often(
    new_driver: Callable[..., Driver], make_report: MakeReport
) -> None:
    driver = new_driver(trials=2)
    cycle = driver.phase()
    lost, other = cycle.next(), cycle.next()
    assert lost is not None
    assert not cycle.has_next()
    for _ in range(WORKER_DEATHS):
        cycle.report(lost.key, make_report(1, 0.4))
        assert cycle.lost(lost.key)
        assert lost.key not in cycle.reports
        assert cycle.next() == lost
    assert not cycle.lost(lost.key)
    cycle.end(lost.key, "its worker died 4 times")
    assert not cycle.has_next()
    assert [r.outcome for r in driver.ledger.records()] == ["failed", None]
    assert other is not None
    assert steps(driver, trial_runs(driver)[lost.key], "validation/accuracy/macro") == [3]


def test_a_phase_leaves_the_other_phases_trials_alone(new_driver: Callable[..., Driver]) -> None:
    driver = new_driver(trials=1, confirm_seeds=1)
    driver.play(driver.phase())
    left = driver.phase("confirm").next()
    again = new_driver(trials=1, confirm_seeds=1)
    assert again.phase().next() is None
    assert again.phase("confirm").next() == left


def test_whether_there_is_a_next_trial_may_be_asked_twice(new_driver: Callable[..., Driver]) -> None:
    cycle = new_driver(trials=1).phase()
    assert cycle.has_next()
    assert cycle.has_next()
    assert cycle.next() is not None
    assert not cycle.has_next()


def test_the_last_report_of_every_running_trial_is_at_hand(
    new_driver: Callable[..., Driver], make_report: MakeReport
) -> None:
    cycle = new_driver().phase()
    record = cycle.next()
    assert record is not None
    assert cycle.reports == {}
    cycle.report(record.key, make_report(1, 0.4))
    cycle.report(record.key, make_report(2, 0.5))
    assert {key: line["report"] for key, line in cycle.reports.items()} == {record.key: 2}
    cycle.end(record.key, "ValueError: no")
    assert cycle.reports == {}


def test_the_pruner_cannot_stop_a_trial_that_is_over(new_driver: Callable[..., Driver]) -> None:
    """The last report carries a result: the trial is complete however weak it is."""
    driver = new_driver(trials=3, pruner="halving", reports=3)
    cycle = driver.phase()
    driver.play(cycle)
    record = cycle.next()
    assert record is not None
    *_, last = driver.reports(record)
    assert not cycle.report(record.key, last | {"report": 1})
    cycle.end(record.key)
    assert driver.ledger.records()[-1].outcome == "complete"


def test_a_diverged_trial_is_over_without_a_value(new_driver: Callable[..., Driver]) -> None:
    driver = new_driver()
    record = driver.play(driver.phase(), "diverged")
    assert record is not None
    (ended,) = driver.ledger.records()
    assert (ended.outcome, ended.value) == ("diverged", None)
    run = trial_runs(driver)[record.key]
    assert (run.info.status, run.data.tags["kdstudy.outcome"]) == ("FINISHED", "diverged")
    assert steps(driver, run, "validation/accuracy/macro") == [3]
    assert driver.folder(record) == ["progress.jsonl"]


def test_a_failed_trial_says_why_and_keeps_its_checkpoints(
    new_driver: Callable[..., Driver], make_report: MakeReport
) -> None:
    driver = new_driver()
    cycle = driver.phase()
    record = cycle.next()
    assert record is not None
    cycle.report(record.key, next(driver.reports(record)))
    cycle.end(record.key, "Traceback ...\n  in a line\nValueError: no")
    (failed,) = driver.ledger.records()
    assert (failed.outcome, failed.why, failed.value) == ("failed", "ValueError: no", None)
    assert "checkpoint-00000003.pt" in driver.folder(record)
    run = trial_runs(driver)[record.key]
    path = driver.tracker.client.download_artifacts(run.info.run_id, "traceback.txt")
    assert Path(path).read_text("utf-8").endswith("ValueError: no")


def test_weights_stay_for_each_arms_best_and_for_confirm_runs(new_driver: Callable[..., Driver]) -> None:
    driver = new_driver(scientific={"init": ("random", "teacher")}, trials=3, confirm_seeds=1)
    search = driver.phase()
    while driver.play(search) is not None:
        pass
    confirm = driver.phase("confirm")
    while driver.play(confirm) is not None:
        pass
    kept = [r.number for r in driver.ledger.records() if "student" in driver.folder(r)]
    assert kept == [0, 0, 0, 1]  # two arms' first trials, and both confirm runs
    assert not [r for r in driver.ledger.records() if any("checkpoint" in f for f in driver.folder(r))]


def test_a_better_trial_takes_the_weights_of_the_one_before(
    new_driver: Callable[..., Driver], make_report: MakeReport
) -> None:
    driver = new_driver(trials=2)
    cycle = driver.phase()
    weaker = driver.play(cycle)
    better = cycle.next()
    assert weaker is not None
    assert better is not None
    assert "student" in driver.folder(weaker)
    (driver.home / "trials" / better.key / "student").mkdir(parents=True)
    cycle.report(better.key, make_report(1, 0.95, "complete"))
    cycle.end(better.key)
    assert ("student" in driver.folder(weaker), "student" in driver.folder(better)) == (False, True)


def test_what_a_kill_left_lying_is_tidied_at_the_next_start(new_driver: Callable[..., Driver]) -> None:
    """Between the end of a trial and the removal of what it needs no longer."""
    driver = new_driver(trials=3)
    cycle = driver.phase()
    best, weak = driver.play(cycle), driver.play(cycle)
    runs_on = cycle.next()
    assert best is not None
    assert weak is not None
    assert runs_on is not None
    for record in (best, weak, runs_on):
        folder = driver.home / "trials" / record.key
        (folder / "student").mkdir(parents=True, exist_ok=True)
        (folder / "checkpoint-00000009.pt").touch()
    new_driver(trials=3).phase()
    assert driver.folder(best) == ["progress.jsonl", "student"]
    assert driver.folder(weak) == ["progress.jsonl"]
    assert driver.folder(runs_on) == ["checkpoint-00000009.pt", "student"]
