"""A driver with a real ledger and a real MLflow, its trials played by hand; and servers that go away."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pytest
from mlflow.entities import Run

from study.driver.lifecycle import Lifecycle
from study.ledger.lease import Lease
from study.ledger.ledger import Ledger
from study.ledger.progress import confirm_wanted
from study.ledger.records import Record
from study.planning.plan import Plan
from study.storage.artifacts import Store
from study.storage.attempts import attempt_folder, write_ending
from study.tracking import outbox
from study.tracking.outbox import Outbox
from study.tracking.posts import Posts
from study.tracking.tracker import Tracker
from study.trial.progress import Progress

__all__ = [
    "LONG",
    "MLFLOW_WRITES",
    "Driver",
    "Late",
    "MakePlan",
    "MakeReport",
    "Prompt",
    "Server",
    "steps",
    "trial_runs",
]

MakePlan = Callable[..., Plan]
MakeReport = Callable[..., Progress]

LONG = 60.0  # seconds; nothing here waits for so long unless it fails
MLFLOW_WRITES = ("create_run", "update_run", "log_batch", "log_text", "set_terminated")
"""The methods of MLflow's client with which a driver writes."""


class Prompt(Outbox):
    """An outbox that does each job before the driver goes on: the order of writes is always the same."""

    def put(self, *job: Any, **more: Any) -> None:
        super().put(*job, **more)
        self.flush(LONG)


class Late(Outbox):
    """An outbox that does nothing before the driver waits: MLflow lags as much as possible."""

    def __init__(self) -> None:
        super().__init__()
        self._waiting: dict[str, outbox._Job] = {}

    def put(self, name: str, run: Callable[[], None], mark: Path | None = None, last: bool = True) -> None:
        if mark is not None:
            mark.touch()
        self._waiting[name] = outbox._Job(run, mark if last else None, 0.0, last)

    def waits(self, name: str) -> bool:
        return name in self._waiting or super().waits(name)

    def flush(self, patience: float, even_away: bool = False, only: str | None = None) -> bool:
        with self._changed:
            self._jobs |= self._waiting
            self._waiting.clear()
            self._changed.notify_all()
        return super().flush(patience, even_away, only)


@dataclass
class Driver:
    """One process that drives a study. A trial is played by hand: two reports, the last with a result.

    Trial n scores 0.9 / (n + 1). So the first trial of an arm is the best, and a halving pruner stops all
    others.
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
        """End the process: its outbox does nothing more, and nobody holds the lease."""
        self.stack.close()
        for thread in self.outbox._threads:
            thread.join(LONG)

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
        """The reports of a trial from its start. Its checkpoint and weights are written before them."""
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
        """The names of the files that are left of the trial, without the folders of its attempts."""
        folder = self.trials / record.key
        own = [path.name for path in folder.iterdir() if not path.name.startswith("attempt-")]
        return sorted(own + [path.name for path in folder.glob("attempt-*/*")])


def trial_runs(driver: Driver) -> dict[str, Run]:
    """Key -> the MLflow run of the trial, once everything is sent. Each key has one run."""
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


class Server:
    """A server that can be away: then each of the methods `names` of `owner` raises `refusal`."""

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
