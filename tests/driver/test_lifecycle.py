"""A trial's life in the driver, with a real ledger and a real MLflow store; and killed at any point of it."""

from __future__ import annotations

import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient
from mlflow.entities import Run
from optuna.storages import RDBStorage
from sqlalchemy.exc import OperationalError

from study.driver import lifecycle
from study.driver.lifecycle import WORKER_DEATHS, Lifecycle
from study.errors import StudyStopped
from study.ledger import patience
from study.ledger.lease import Lease
from study.ledger.ledger import Ledger
from study.ledger.progress import confirm_wanted, summary
from study.ledger.records import Record
from study.planning.plan import Plan
from study.storage.artifacts import Store
from study.storage.attempts import attempt_folder, tidy_trial, write_ending
from study.tracking import outbox, posts
from study.tracking.journal import Journal, find_unsent, unsent_mark
from study.tracking.outbox import Outbox
from study.tracking.posts import Posts
from study.tracking.tracker import Tracker
from study.trial.progress import Progress

MakePlan = Callable[..., Plan]
MakeReport = Callable[..., Progress]

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
]
"""What a driver writes besides three kinds of files; a kill comes before one write, or after the last."""
LONG = 60.0  # seconds; nothing here waits for so long unless it fails


class Killed(BaseException):
    """Not an Exception: nobody may catch it."""


class Writes:
    """Counts a driver's writes, those of its outbox's thread too, and kills it before one of them."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.left = math.inf
        self.dead = False
        self._one = threading.Lock()

    def before(self, name: str) -> None:
        """No thread of a process that was killed writes anything more."""
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


class Prompt(Outbox):
    """Does each job before the driver goes on, in its own thread: the order of writes is always the same."""

    def put(self, *job: Any, **more: Any) -> None:
        super().put(*job, **more)
        self.flush(LONG)


class Late(Outbox):
    """Does nothing before it is waited for: the driver is as far ahead of MLflow as it can be."""

    def __init__(self) -> None:
        super().__init__()
        self._waiting: dict[str, outbox._Job] = {}

    def put(self, name: str, run: Callable[[], None], mark: Path | None = None, last: bool = True) -> None:
        if mark is not None:
            mark.touch()
        self._waiting[name] = outbox._Job(run, mark if last else None, 0.0, last)

    def flush(self, patience: float, even_away: bool = False, only: str | None = None) -> bool:
        with self._changed:
            self._jobs |= self._waiting
            self._waiting.clear()
            self._changed.notify_all()
        return super().flush(patience, even_away, only)


@dataclass
class Driver:
    """One process that drives a study, its trials played by hand: two reports each, the last with a result.

    Trial n scores 0.9 / (n + 1), so that the first of an arm is its best and a halving pruner stops the rest.
    """

    plan: Plan
    home: Path
    tracking_uri: str
    make_report: MakeReport
    outbox: Outbox = field(default_factory=Outbox)

    def __post_init__(self) -> None:
        self.stack = ExitStack()
        self.ledger = Ledger(f"sqlite:///{self.home / 'optuna.db'}", self.plan.name)
        self.lease = self.stack.enter_context(Lease(self.ledger.storage.engine, self.plan.name))
        self.plan = self.ledger.open(self.plan)
        self.ledger.mend()
        self.tracker = Tracker(self.tracking_uri, self.home.as_uri(), self.plan, self.ledger.study_id)
        self.tracker.begin()
        self.stack.enter_context(self.outbox)
        self.posts = Posts(self.outbox, self.tracker, self.home, Store(self.home / "artifacts"))
        self.sent = self.posts.unsent(self.ledger.records())

    @property
    def trials(self) -> Path:
        return self.home / "trials"

    def leave(self) -> None:
        """The process is gone: its outbox does nothing more, and it holds no lease."""
        self.stack.close()
        self.outbox._thread.join(LONG)

    def sync(self) -> None:
        """Wait until MLflow has everything."""
        assert self.outbox.flush(LONG, even_away=True), self.outbox.away

    def phase(self, phase: Any = "search") -> Lifecycle:
        ask: Callable[[], Record | None] = self.ledger.ask_search
        if phase == "confirm":
            wanted = confirm_wanted(self.plan, self.ledger.records())
            ask = lambda: self.ledger.ask_confirm(wanted)  # noqa: E731
        return Lifecycle(self.ledger, self.lease, self.posts, phase, ask)

    def play(self, cycle: Lifecycle, outcome: str = "complete") -> Record | None:
        """Start the next trial of `cycle` and play it to its end."""
        record = cycle.next()
        if record is None:
            return None
        if outcome == "failed":
            cycle.end(record.key, "Traceback ...\n  in a line\nValueError: no")
            return record
        for report in self.reports(record, "complete" if outcome == "pruned" else outcome):
            if cycle.report(record.key, cycle.attempts[record.key], report):
                break
        cycle.end(record.key)
        return record

    def reports(self, record: Record, outcome: str = "complete") -> Iterator[Progress]:
        """As a trial makes them, from the start; its checkpoints and its weights are there by then."""
        folder, value = attempt_folder(self.trials / record.key, 1), 0.9 / (record.number + 1)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "checkpoint-00000003.pt").touch()
        yield self.make_report(1, value)
        if outcome == "complete":
            (folder / "student").mkdir(exist_ok=True)
        test = value if record.phase == "confirm" else None
        last = self.make_report(2, value if outcome == "complete" else None, outcome, test)
        write_ending(folder, [], asdict(last))
        yield last

    def folder(self, record: Record) -> list[str]:
        """What is left of the trial, without the names of its attempts."""
        folder = self.trials / record.key
        own = [path.name for path in folder.iterdir() if not path.name.startswith("attempt-")]
        return sorted(own + [path.name for path in folder.glob("attempt-*/*")])


@pytest.fixture
def new_driver(
    make_plan: MakePlan,
    make_report: MakeReport,
    fast_sqlite: None,
    tracking_uri: str,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> Iterator[Callable[..., Driver]]:
    """`new_driver(...)`: a new process on the study of this test, the one before it being gone.

    The keywords are its space's.
    """
    drivers: list[Driver] = []

    def new(outbox: Callable[[], Outbox] = Outbox, **roles: Any) -> Driver:
        for driver in drivers:
            driver.leave()
        drivers.clear()
        name = request.node.name.replace("[", " ").replace("]", "")
        drivers.append(Driver(make_plan(name=name, **roles), tmp_path, tracking_uri, make_report, outbox()))
        return drivers[-1]

    yield new
    for driver in drivers:
        driver.leave()


def trial_runs(driver: Driver) -> dict[str, Run]:
    """The MLflow runs of the study's trials by key, once all is sent; each key has one."""
    driver.sync()
    client = driver.tracker.runs.client
    found = [
        run
        for phase in ("search", "confirm")
        for run in client.search_runs([driver.tracker.runs.experiment], f"tags.kdstudy.phase = '{phase}'")
    ]
    by_key = {run.data.tags["kdstudy.key"]: run for run in found}
    assert len(by_key) == len(found)
    return by_key


def steps(driver: Driver, run: Run, metric: str) -> list[int]:
    return [row.step for row in driver.tracker.runs.client.get_metric_history(run.info.run_id, metric)]


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
    driver = new_driver(Prompt, pruner="halving")
    cycle = driver.phase()
    writes.done.clear()
    driver.play(cycle)
    ask = ["_create_new_trial", "_set_trial_param", *["set_trial_user_attr"] * 5]
    start = ["mark", "create_run", "log_batch"]
    said = ["add", "mark", "log_batch", "set_trial_intermediate_value"]
    decided = ["set_trial_user_attr", "set_trial_system_attr"]
    closed = ["mark", "log_batch", "set_terminated", "unmark"]
    told = ["set_trial_user_attr", "set_trial_state_values"]
    assert writes.done == [*ask, *start, *said, *decided, *said, *decided, *closed, *told, "tidy_trial"]


def test_while_mlflow_lags_its_run_is_closed_before_the_ledger_is_told_all_the_same(
    new_driver: Callable[..., Driver], writes: Writes
) -> None:
    """All that it had not got yet it gets at once. Without a pruner, so does the ledger."""
    driver = new_driver(Late)
    cycle = driver.phase()
    writes.done.clear()
    driver.play(cycle)
    ask = ["_create_new_trial", "_set_trial_param", *["set_trial_user_attr"] * 5]
    said = ["add", "mark"]
    sent = ["create_run", "log_batch", "set_terminated", "unmark"]
    told = [*["set_trial_intermediate_value"] * 2, "set_trial_user_attr", "set_trial_state_values"]
    assert writes.done == [*ask, "mark", *said, *said, "mark", *sent, *told, "tidy_trial"]


@pytest.mark.parametrize(
    ("outcome", "outbox", "first"),
    [("complete", Prompt, 0), ("pruned", Prompt, 0), ("failed", Prompt, 0), ("complete", Late, 7)],
)
def test_a_kill_before_any_write_of_a_trial_leaves_no_trace(
    new_driver: Callable[..., Driver], writes: Writes, outcome: str, outbox: Callable[[], Outbox], first: int
) -> None:
    """Trial after trial is killed one write later, until one has ended first; each is then gone on with.

    The first writes, of an ask and an attempt, come before any of the outbox's.
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


def test_what_a_former_process_left_running_comes_first(new_driver: Callable[..., Driver]) -> None:
    driver = new_driver(scientific={"init": ("random", "teacher")}, trials=2)
    cycle = driver.phase()
    left = [cycle.next(), cycle.next()]
    again = new_driver(scientific={"init": ("random", "teacher")}, trials=2)
    cycle = again.phase()
    assert cycle.has_next()
    assert [cycle.next(), cycle.next()] == left
    assert [cycle.attempts[r.key] for r in left if r] == [2, 2]
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
        cycle.report(lost.key, cycle.attempts[lost.key], make_report(1, 0.4))
        assert cycle.lost(lost.key, "its worker died 4 times")
        assert lost.key not in cycle.reports
        assert cycle.next() == lost
    assert cycle.attempts[lost.key] == WORKER_DEATHS + 1
    assert not cycle.lost(lost.key, "its worker died 4 times")
    assert not cycle.has_next()
    assert [r.outcome for r in driver.ledger.records()] == ["failed", None]
    assert driver.ledger.records()[0].why == "its worker died 4 times"
    assert other is not None
    assert steps(driver, trial_runs(driver)[lost.key], "validation/accuracy/macro") == [3]


def test_a_trial_that_gets_on_between_deaths_is_asked_again_however_many_there_are(
    new_driver: Callable[..., Driver], make_report: MakeReport
) -> None:
    """Long trials outlive many nodes."""
    driver = new_driver(trials=1)
    cycle = driver.phase()
    record = cycle.next()
    assert record is not None
    for number in range(1, 2 * WORKER_DEATHS):
        assert cycle.lost(record.key, "its node died")
        assert cycle.next() == record
        cycle.report(record.key, cycle.attempts[record.key], make_report(number, 0.4))
    assert driver.ledger.records() == [record]


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
    cycle.report(record.key, 1, make_report(1, 0.4))
    cycle.report(record.key, 1, make_report(2, 0.5))
    assert {key: report.report for key, report in cycle.reports.items()} == {record.key: 2}
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
    assert not cycle.report(record.key, 1, replace(last, report=1))
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
    assert driver.folder(record) == ["progress.jsonl", "result.json"]


def test_a_failed_trial_says_why_and_keeps_its_checkpoints(
    new_driver: Callable[..., Driver], make_report: MakeReport
) -> None:
    driver = new_driver()
    cycle = driver.phase()
    record = cycle.next()
    assert record is not None
    cycle.report(record.key, 1, next(driver.reports(record)))
    cycle.end(record.key, "Traceback ...\n  in a line\nValueError: no")
    (failed,) = driver.ledger.records()
    assert (failed.outcome, failed.why, failed.value) == ("failed", "ValueError: no", None)
    assert driver.folder(record) == ["checkpoint-00000003.pt", "progress.jsonl", "traceback.txt"]
    run = trial_runs(driver)[record.key]
    path = driver.tracker.runs.client.download_artifacts(run.info.run_id, "traceback.txt")
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
    folder = attempt_folder(driver.trials / better.key, 1)
    (folder / "student").mkdir(parents=True)
    write_ending(folder, [], {})
    cycle.report(better.key, 1, make_report(1, 0.95, "complete"))
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
        for attempt in (1, 2):
            folder = attempt_folder(driver.trials / record.key, attempt)
            (folder / "student").mkdir(parents=True, exist_ok=True)
            (folder / "checkpoint-00000009.pt").touch()
    driver = new_driver(trials=3)
    driver.phase()
    driver.sync()
    assert driver.folder(best) == ["progress.jsonl", "result.json", "student"]
    assert driver.folder(weak) == ["progress.jsonl", "result.json"]
    assert driver.folder(runs_on) == ["checkpoint-00000009.pt"] * 2 + ["student"] * 2


# Attempts


def test_what_a_former_attempt_says_is_dropped(
    new_driver: Callable[..., Driver], make_report: MakeReport
) -> None:
    """Its node was lost, and not to itself; it is told to stop, and its successor is not."""
    driver = new_driver()
    cycle = driver.phase()
    record = cycle.next()
    assert record is not None
    assert not cycle.report(record.key, 1, make_report(1, 0.4))
    assert cycle.lost(record.key, "lost")
    assert cycle.report(record.key, 1, make_report(2, 0.1))  # nobody has taken its place yet
    assert cycle.next() == record
    assert cycle.report(record.key, 1, make_report(2, 0.1))
    assert [report.report for report in Journal(driver.trials / record.key).reports] == [1]
    assert not cycle.report(record.key, 2, make_report(1, 0.4))
    assert not cycle.report(record.key, 2, make_report(2, 0.6, "complete"))
    cycle.end(record.key)
    assert cycle.report(record.key, 1, make_report(3, 0.1))
    assert driver.ledger.records()[0].value == pytest.approx(0.65)
    assert steps(driver, trial_runs(driver)[record.key], "validation/accuracy/macro") == [3, 6]


def test_attempts_and_deaths_are_counted_across_processes(new_driver: Callable[..., Driver]) -> None:
    """A trial that ends its workers again and again is not asked for ever by ever new drivers."""
    attempts = []
    for deaths in range(WORKER_DEATHS + 1):
        driver = new_driver()
        cycle = driver.phase()
        record = cycle.next()
        assert record is not None
        attempts.append(cycle.attempts[record.key])
        assert cycle.lost(record.key, "lost its worker") is (deaths < WORKER_DEATHS)
    assert attempts == [1, 2, 3, 4]
    assert driver.ledger.records()[0].outcome == "failed"


def test_a_failed_trial_that_is_tried_again_goes_on_in_its_folder_and_run(
    new_driver: Callable[..., Driver], make_report: MakeReport
) -> None:
    """Its new attempt writes where none before it did: one of those may still run somewhere."""
    driver = new_driver(trials=2)
    cycle = driver.phase()
    failed = cycle.next()
    assert failed is not None
    cycle.report(failed.key, 1, make_report(1, 0.4))
    cycle.end(failed.key, "ValueError: no")
    (run,) = trial_runs(driver).values()
    driver.play(cycle)

    driver = new_driver(trials=2)
    (again,) = driver.ledger.retry_failed()
    cycle = driver.phase()
    assert cycle.next() == again
    assert (again.key, again.config) == (failed.key, failed.config)
    attempt = cycle.attempts[again.key]
    for number, outcome in ((1, None), (2, "complete")):
        cycle.report(again.key, attempt, make_report(number, 0.4, outcome))
    cycle.end(again.key)
    assert cycle.next() is None
    assert Counter(r.outcome for r in driver.ledger.records()) == {"complete": 2}
    runs = trial_runs(driver)
    assert len(runs) == 2
    ended = runs[failed.key]
    assert (ended.info.run_id, ended.info.status) == (run.info.run_id, "FINISHED")
    assert ended.data.tags["kdstudy.outcome"] == "complete"
    assert steps(driver, ended, "validation/accuracy/macro") == [3, 6]
    assert attempt == 2


# Told to stop


def test_told_to_stop_each_trial_goes_to_its_next_report_and_no_other_starts(
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
    assert cycle.report(one.key, 1, make_report(2, 0.5))  # where it has a checkpoint
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


def test_what_still_runs_at_the_end_is_let_go(
    new_driver: Callable[..., Driver], make_report: MakeReport
) -> None:
    """Also what waits to be asked again."""
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


# MLflow is away


class Server:
    """A server which can be away: then each of the methods `names` of `owner` raises `refusal`."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, owner: Any, names: Iterable[str], refusal: Exception
    ) -> None:
        self.away, self.refusal = False, refusal
        for name in names:
            monkeypatch.setattr(owner, name, self._guard(getattr(owner, name)))

    def _guard(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def access(*values: Any, **more: Any) -> Any:
            if self.away:
                raise self.refusal
            return original(*values, **more)

        return access


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    """The MLflow server."""
    names = [name for owner, name in WRITES if owner is MlflowClient]
    found = Server(monkeypatch, MlflowClient, names, ConnectionError("connection refused"))
    monkeypatch.setattr(outbox, "RETRY", (0.01, 0.02))
    return found


@pytest.mark.parametrize("sends", ["this process", "the next one"])
def test_while_mlflow_is_away_trials_go_on_and_it_gets_everything_afterwards(
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
    if sends == "the next one":
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
    """It was killed between the ledger's write and its outbox's."""
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
    found = Server(monkeypatch, RDBStorage, names, refusal)
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
def test_a_trial_that_ran_past_its_pruner_is_pruned_where_it_would_have_been(
    new_driver: Callable[..., Driver], database: Server, over: bool
) -> None:
    """The ledger was away when it would have been stopped: what came later is dropped."""
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
    """Neither the next trial nor one whose worker died: other trials have reports to make."""
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


def test_a_study_that_is_told_to_stop_is_not_paused(
    new_driver: Callable[..., Driver], database: Server
) -> None:
    """It would wait for a ledger, or for MLflow, from which it wants nothing any more."""
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


# Spoilt by a disk


def test_a_spoilt_line_of_a_journal_is_written_again_and_the_trial_ends_as_it_did(
    new_driver: Callable[..., Driver], make_report: MakeReport
) -> None:
    """The driver was killed at the trial's end; the trial has its result, and says everything again."""
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
    """Set before the second report, after a kill, and before the end: each report keeps its first time."""
    now, ahead = time.time, [0.0]
    monkeypatch.setattr(time, "time", lambda: now() + ahead[0])

    def made(reports: Iterable[Progress]) -> list[Progress]:
        """Each with the time of day, as a trial makes it, a jump after the one before."""
        stamped = []
        for report in reports:
            stamped.append(replace(report, time_ms=int(time.time() * 1000)))
            ahead[0] += jump
        return stamped

    driver = new_driver(trials=2)
    cycle = driver.phase()
    record = cycle.next()
    assert record is not None
    first, _ = told = made(driver.reports(record))
    assert (told[1].time_ms > first.time_ms) is (jump > 0)
    assert not cycle.report(record.key, 1, first)
    driver.sync()
    ahead[0] += jump
    driver = new_driver(trials=2)  # the one before it was killed
    assert summary(driver.plan, driver.ledger.records())["running"] == 1
    cycle = driver.phase()
    assert cycle.next() == record, "it is asked again first, whatever the time"
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
