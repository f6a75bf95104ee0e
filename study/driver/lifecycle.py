"""A trial's life in the driver: asked, started, reported, ended; and in which order that is written down.

ask      ledger (key last) -> the trial's folder is marked unsent -> MLflow run made or opened again
report   journal line -> MLflow, by the outbox -> ledger -> the pruner's decision
end      result on disk (by the trial itself) -> MLflow run closed, mark gone -> ledger told

A kill between any two leaves something that the next start repeats without a second effect: RUNNING trials
are asked again with their number, key, folder and run; what is marked unsent is sent again. While MLflow is
away the ledger is told first, and the mark remembers what MLflow lacks. While the ledger is away, running
trials go on: their reports and ends wait here, in order, and nothing new starts. PROTOCOL.md has it all.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from study.errors import Away, StudyStopped
from study.ledger.lease import Lease
from study.ledger.ledger import Ledger
from study.ledger.patience import PATIENCE, patiently
from study.ledger.records import Outcome, Phase, Record
from study.selection import BestValidation
from study.storage.attempts import tidy_mirror, tidy_trial
from study.storage.mirror import Mirror
from study.tracking.journal import Journal
from study.tracking.outbox import BOUND, Outbox
from study.tracking.posts import post_as_it_stands, post_trial
from study.tracking.tracker import Tracker

T = TypeVar("T")

__all__ = ["WORKER_DEATHS", "Lifecycle"]

WORKER_DEATHS = 3  # of a trial between two reports, out of memory included, after which it is asked again
SLOW_MLFLOW = 10.0  # seconds that a trial's end waits for MLflow before the ledger is told
RETRY = 2.0  # seconds between two looks at a ledger that is away


class Lifecycle:
    """The trials of one phase. `ask_new` starts the next of them, or says that there is none."""

    def __init__(
        self,
        ledger: Ledger,
        lease: Lease,
        tracker: Tracker,
        outbox: Outbox,
        trials: Path,
        phase: Phase,
        ask_new: Callable[[], Record | None],
        mirror: Mirror | None = None,
    ) -> None:
        self.ledger, self.lease, self.tracker, self.outbox = ledger, lease, tracker, outbox
        self.trials, self.ask_new, self.mirror = trials, ask_new, mirror
        records = ledger.records()
        self.again = deque(r for r in records if r.running and r.phase == phase)
        self.running: dict[str, Record] = {}
        self.attempts: dict[str, int] = {}
        self.reports: dict[str, dict[str, Any]] = {}
        self.changes = 0
        """Counts whatever happens to a trial."""
        self.stopping = False
        self.halted: str | None = None
        self.away: str | None = None
        """Why the ledger could not be reached when it was last tried; none while all goes well."""
        self._waiting: deque[Callable[[], None]] = deque()
        self._away_since = self._next_try = 0.0
        self._journals: dict[str, Journal] = {}
        self._pruned: set[str] = set()
        self._best = BestValidation().best_of_arms(r for r in records if r.phase == "search")
        self._tidy(*records)  # a kill may have come between a trial's end and this

    def folder(self, key: str) -> Path:
        return self.trials / key

    def stop(self, why: str | None = None) -> None:
        """Start nothing more, and let each running trial go at its next report, where it has a checkpoint.

        `why` names what makes going on impossible, such as a full disk; none where the user said so.
        """
        self.stopping = True
        self.halted = self.halted or why

    def paused(self) -> bool:
        """Whether nothing is launched for now: the ledger is away, or too much waits for MLflow."""
        self._settle()
        return not self.stopping and (self.away is not None or len(self.outbox) >= BOUND)

    def has_next(self) -> bool:
        """Whether there is a trial to start. A ledger that is away is waited for."""
        there = patiently(self._has_next)
        self.away = None
        return there

    def _has_next(self) -> bool:
        if self.stopping:
            return False
        self._settle_now()
        self.lease.check()
        if not self.again and (record := self.ask_new()) is not None:
            self.again.append(record)
        return bool(self.again)

    def next(self) -> Record | None:
        """The next trial: those that a former run or a dead worker left, then new ones.

        None at the end, and while it is `paused`.
        """
        self._settle()
        return None if len(self.outbox) >= BOUND else self._reach(self._next)

    def _next(self) -> Record | None:
        if not self._has_next():
            return None
        record = self.again[0]
        key = record.key
        self.attempts[key] = self.ledger.begin_attempt(record)
        self.again.popleft()
        self.running[key] = record
        self._journals[key] = Journal(self.folder(key))
        self._post(record, "RUNNING")
        self.changes += 1
        return record

    def report(self, key: str, attempt: int, report: dict[str, Any]) -> bool:
        """Take one report; whether the trial is to stop. Those of a former attempt are dropped.

        With the ledger away the trial goes on. What its pruner says of this report, it says later; the
        trial stops then, and what it reported in the meantime is dropped: as if it had stopped at once.
        """
        if self.attempts.get(key) != attempt or key not in self.running:
            return True
        self._settle(partial(self._report, key, report))
        return key in self._pruned or (self.stopping and report["result"] is None)

    def _report(self, key: str, report: dict[str, Any]) -> None:
        if key in self._pruned:
            return
        self.lease.check()
        record, journal = self.running[key], self._journals[key]
        line = journal.add(report)
        self.reports[key] = line
        self.changes += 1
        self._post(record, "RUNNING")
        value = _value(line)
        if value is not None and self.ledger.report(record, line["report"], value) and line["result"] is None:
            self._pruned.add(key)

    def lost(self, key: str, why: str) -> bool:
        """The trial's worker or node died; whether it is asked again, from its checkpoint."""
        self._settle(partial(self._lost, key, why))
        return any(record.key == key for record in self.again)

    def _lost(self, key: str, why: str) -> None:
        record, last = self.running[key], self._journals[key].last
        reported = int(last["report"]) if last else 0
        if self.ledger.count_death(record, reported) > WORKER_DEATHS and not self.stopping:
            self._end(key, why)
            return
        self._forget(key)
        self.again.append(record)

    def end(self, key: str, traceback: str | None = None) -> None:
        """The trial is over: by itself, stopped by the pruner, failed with `traceback`, or let go."""
        self._settle(partial(self._end, key, traceback))

    def _end(self, key: str, traceback: str | None) -> None:
        record, journal = self.running[key], self._journals[key]
        last = journal.last
        outcome: Outcome
        if traceback is not None:
            outcome = "failed"
            self.folder(key).mkdir(parents=True, exist_ok=True)
            (self.folder(key) / "traceback.txt").write_text(traceback, encoding="utf-8")
        elif key in self._pruned:
            outcome = "pruned"
        elif last is not None and last["result"] is not None:
            outcome = last["result"]["outcome"]
        else:
            assert self.stopping, f"trial {key} ended without a result"
            self._post(record, "SCHEDULED")
            self._forget(key)
            return
        self.lease.check()
        self._post(record, outcome)
        self.outbox.flush(SLOW_MLFLOW, only=key)
        self.lease.check()  # once more, after a wait
        why = traceback.strip().splitlines()[-1] if traceback else None
        ended = self.ledger.tell(record, outcome, _value(last) if outcome == "complete" else None, why)
        self._forget(key)
        self._tidy_ended(ended)

    def let_go(self) -> None:
        """The study stops here: what still runs is left as it is, to be asked again.

        So is what could not be told to the ledger: a trial that has ended says all its reports again.
        """
        with suppress(Away):
            self._settle_now()
        self._waiting.clear()
        for key, record in list(self.running.items()):
            self._post(record, "SCHEDULED")
            self._forget(key)
        for record in self.again:
            post_as_it_stands(self.outbox, self.tracker, self.folder(record.key), record)

    def _settle(self, event: Callable[[], None] | None = None) -> None:
        """Do what waits for the ledger, `event` last of it, as far as the ledger is there."""
        if event is not None:
            self._waiting.append(event)
        if self._waiting:
            self._reach(self._settle_now)

    def _settle_now(self) -> None:
        while self._waiting:
            self._waiting[0]()  # in full once more where the ledger answers too late
            self._waiting.popleft()

    def _reach(self, call: Callable[[], T]) -> T | None:
        """`call()`, which needs the ledger; none where that is away, or was a moment ago.

        Raises:
            StudyStopped: where it has been away for longer than `PATIENCE`, or is broken.
        """
        now = time.monotonic()
        if self.away is not None and now < self._next_try:
            return None
        try:
            answer = call()
        except Away as away:
            if self.away is None:
                self._away_since = now
            elif now - self._away_since > PATIENCE:
                raise StudyStopped(f"the ledger's database: {away}") from away
            self.away, self._next_try = str(away), time.monotonic() + RETRY
            return None
        self.away = None
        return answer

    def _post(self, record: Record, state: str) -> None:
        key = record.key
        post_trial(self.outbox, self.tracker, self.folder(key), record, self._journals[key], state)

    def _forget(self, key: str) -> None:
        for memory in (self.running, self._journals, self.reports):
            memory.pop(key, None)
        self.changes += 1

    def _tidy_ended(self, ended: Record) -> None:
        """Tidy a trial that has just ended, and the one that it is better than."""
        two = [record for record in (self._best.get(ended.arm), ended) if record is not None]
        if ended.phase == "search" and BestValidation().best(two) is ended:
            self._best[ended.arm] = ended
        self._tidy(*two)

    def _tidy(self, *records: Record) -> None:
        """Optimiser state goes when a trial ends; weights stay for each arm's best and for confirm runs."""
        over = [record for record in records if record.outcome not in (None, "failed")]
        keep = {r.key: r.phase == "confirm" or r is self._best.get(r.arm) for r in over}
        for key in keep:
            tidy_trial(self.folder(key), keep_student=keep[key])
        if self.mirror is not None:
            tidy_mirror(self.mirror, self.trials, keep)


def _value(line: dict[str, Any] | None) -> float | None:
    """What trials are compared by: validation macro accuracy."""
    if line is None or line["validation"] is None:
        return None
    return float(line["validation"]["accuracy"]["macro"])
