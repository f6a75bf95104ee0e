"""A trial's life in the driver: asked, started, reported, ended; and in which order that is written down.

ask      ledger (key last) -> MLflow run made or opened again
report   journal line -> MLflow -> ledger -> the pruner's decision
end      result on disk (by the trial itself) -> MLflow run closed -> ledger told

A kill between any two leaves something that the next start repeats without a second effect: RUNNING trials
are asked again with their number, key, folder and run; MLflow runs of ended trials are closed.
"""

from __future__ import annotations

import shutil
from collections import Counter, deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from study.journal import Journal
from study.ledger import Ledger, Outcome, Phase, Record
from study.selection import BestValidation
from study.tracking import Tracker
from study.trial.training import drop_checkpoints

__all__ = ["WORKER_DEATHS", "Lifecycle"]

WORKER_DEATHS = 3  # of one trial, after each of which it is asked again


class Lifecycle:
    """The trials of one phase. `ask_new` starts the next of them, or says that there is none."""

    def __init__(
        self,
        ledger: Ledger,
        tracker: Tracker,
        trials: Path,
        phase: Phase,
        ask_new: Callable[[], Record | None],
    ) -> None:
        self.ledger, self.tracker, self.trials, self.ask_new = ledger, tracker, trials, ask_new
        records = ledger.records()
        self.again = deque(r for r in records if r.running and r.phase == phase)
        self.running: dict[str, Record] = {}
        self.reports: dict[str, dict[str, Any]] = {}
        self._journals: dict[str, Journal] = {}
        self._pruned: set[str] = set()
        self._deaths: Counter[str] = Counter()
        self._tidy(records)

    def folder(self, key: str) -> Path:
        return self.trials / key

    def has_next(self) -> bool:
        """Whether there is a trial to start."""
        if not self.again and (record := self.ask_new()) is not None:
            self.again.append(record)
        return bool(self.again)

    def next(self) -> Record | None:
        """The next trial: those that a former run or a dead worker left, then new ones; none at the end."""
        if not self.has_next():
            return None
        record = self.again.popleft()
        self.running[record.key] = record
        self._journals[record.key] = Journal(self.folder(record.key))
        self.tracker.start(record)
        return record

    def report(self, key: str, report: dict[str, Any]) -> bool:
        """Take one report; whether the trial is to stop."""
        record, journal = self.running[key], self._journals[key]
        line = journal.add(report)
        self.reports[key] = line
        self.tracker.report(record, line)
        value = _value(line)
        if value is None:
            return False
        stop = self.ledger.report(record, line["report"], value)
        if stop and line["result"] is None:
            self._pruned.add(key)
            return True
        return False

    def lost(self, key: str) -> bool:
        """The trial's worker or node died; whether it is asked again, from its checkpoint."""
        self._deaths[key] += 1
        if self._deaths[key] > WORKER_DEATHS:
            return False
        self.again.append(self.running.pop(key))
        del self._journals[key]
        self.reports.pop(key, None)
        return True

    def end(self, key: str, traceback: str | None = None) -> None:
        """The trial is over: by itself, stopped by the pruner, or failed with `traceback`."""
        record, journal = self.running.pop(key), self._journals.pop(key)
        self.reports.pop(key, None)
        last = journal.lines[-1] if journal.lines else None
        outcome: Outcome
        if traceback is not None:
            outcome = "failed"
            self.tracker.failed(record, traceback)
        elif key in self._pruned:
            outcome = "pruned"
        else:
            assert last is not None, f"trial {key} ended without a report"
            outcome = last["result"]["outcome"]
        self.tracker.close(record, outcome, last)
        why = traceback.strip().splitlines()[-1] if traceback else None
        self.ledger.tell(record, outcome, _value(last) if outcome == "complete" else None, why)
        self._tidy([r for r in self.ledger.records() if r.arm == record.arm])

    def _tidy(self, records: list[Record]) -> None:
        """Optimiser state goes when a trial ends; weights stay for each arm's best and for confirm runs."""
        best = BestValidation().best_of_arms(r for r in records if r.phase == "search")
        for record in records:
            if record.outcome not in (None, "failed"):
                drop_checkpoints(self.folder(record.key))
            if record.phase == "search" and not record.running and record is not best.get(record.arm):
                shutil.rmtree(self.folder(record.key) / "student", ignore_errors=True)


def _value(line: dict[str, Any] | None) -> float | None:
    """What trials are compared by: validation macro accuracy."""
    if line is None or line["validation"] is None:
        return None
    return float(line["validation"]["accuracy"]["macro"])
