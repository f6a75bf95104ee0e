"""A trial's life in the driver: ask, start, reports, end; and the order in which all this is written.

ask      ledger (key last) -> the trial's folder is marked unsent -> MLflow run made or opened again
report   journal line -> MLflow, by the outbox -> value in the ledger -> the pruner's decision
end      result on disk (by the worker) -> MLflow run closed, mark deleted -> the ledger's row closed

If many trials run, nobody waits for MLflow: the ledger's rows of all trials whose runs were closed meanwhile
are closed in one transaction.

A kill between two writes leaves something that the next start repeats without a second effect: RUNNING trials
start again with their number, key, folder and run; what is marked unsent is sent again. While MLflow is away,
the ledger's row is closed first, and the mark shows that MLflow lacks something. While the ledger is away,
running trials go on: their reports and ends wait here, in order, and nothing new starts. PROTOCOL.md
describes all of this.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from study.driver.endings import Endings
from study.errors import masked
from study.front import front_of, fronts_of_arms
from study.ledger.lease import Lease
from study.ledger.ledger import End, Ledger
from study.ledger.patience import Deferred
from study.ledger.records import Phase, Record, State
from study.planning.costs import costs_of
from study.selection import value_of
from study.storage.attempts import tidy_mirror, tidy_trial
from study.tracking.journal import Journal
from study.tracking.posts import Posts
from study.trial.progress import Progress

__all__ = ["WORKER_DEATHS", "Lifecycle"]

WORKER_DEATHS = 3
"""Deaths of its workers that a trial survives between two reports. (To run out of memory is a death too.)"""
FEW = 8  # if more trials run, nothing waits while a trial ends

log = logging.getLogger(__name__)


class Lifecycle:
    """The trials of one phase. `ask_new` starts the next trial, or returns None if there is none."""

    def __init__(
        self, ledger: Ledger, lease: Lease, posts: Posts, phase: Phase, ask_new: Callable[[], Record | None]
    ) -> None:
        self.ledger, self.lease, self.posts, self.ask_new = ledger, lease, posts, ask_new
        plan = ledger.require_plan()
        self.select_on, self.costs = plan.select_on, plan.space.costs
        records = ledger.records()
        self.again = deque(r for r in records if r.running and r.phase == phase)
        """Trials that a former run or a dead worker left: they are started before new ones."""
        self.running: dict[str, Record] = {}
        self.attempts: dict[str, int] = {}
        self.reports: dict[str, Progress] = {}
        """Key -> the newest report of a trial that runs."""
        self.changes = 0
        """Counts everything that happens to a trial."""
        self.stopping = False
        self.halted: str | None = None
        self._deferred = Deferred()
        self._journals: dict[str, Journal] = {}
        self._pruned: set[str] = set()
        self._endings = Endings(posts.outbox)
        self._best = fronts_of_arms(r for r in records if r.phase == "search")
        self._tidy(*records)  # a kill may have come between a trial's end and its tidying

    @property
    def away(self) -> str | None:
        """Why the ledger could not be reached at the last attempt; None while all goes well."""
        return self._deferred.away

    def folder(self, key: str) -> Path:
        """Return the folder of the trial `key`."""
        return self.posts.trials / key

    def stop(self, why: str | None = None) -> None:
        """Start nothing more, and end each running trial at its next report, which follows a checkpoint.

        why: what makes it impossible to go on, such as a full disk; None if the user wants to stop.
        """
        self.stopping = True
        self.halted = self.halted or why

    def paused(self) -> bool:
        """Return whether nothing starts for now: the ledger is away, or too much waits for MLflow."""
        self._deferred.settle()
        return not self.stopping and (self.away is not None or self.posts.full)

    def has_next(self) -> bool:
        """Return whether there is a trial to start. Waits for trials that end, and for the ledger."""
        self._close_all()
        return self._deferred.wait_for(self._has_next)

    def _has_next(self) -> bool:
        if self.stopping:
            return False
        self._deferred.settle_now()
        self.lease.check()
        if not self.again and (record := self.ask_new()) is not None:
            self.again.append(record)
        return bool(self.again)

    def next(self) -> Record | None:
        """Start the next trial: first the trials that a former run or a dead worker left, then new trials.

        Returns None at the end, and while the phase is `paused`.
        """
        self._deferred.settle()
        return None if self.posts.full else self._deferred.reach(self._next)

    def _next(self) -> Record | None:
        if not self._has_next():
            return None
        record = self.again[0]
        key = record.key
        journal = Journal(self.folder(key))
        self.attempts[key] = self.ledger.begin_attempt(record)
        self.again.popleft()
        self.running[key], self._journals[key] = record, journal
        self._post(record, State.RUNNING)
        self.changes += 1
        return record

    def report(self, key: str, attempt: int, report: Progress, seen: Mapping[str, Any] | None = None) -> bool:
        """Take one report; returns whether the trial must stop. Reports of a former attempt are dropped.

        seen: the machine that made the report, and its use (`study/trial/machine.py`).

        While the ledger is away, the trial goes on. When the ledger is back, the pruner decides on this
        report. If the pruner stops the trial, all later reports are dropped, as if the trial had stopped at
        once.
        """
        if self.attempts.get(key) != attempt or key not in self.running:
            return True
        self._deferred.put(partial(self._report, key, report, seen))
        return key in self._pruned or (self.stopping and report.result is None)

    def _report(self, key: str, report: Progress, seen: Mapping[str, Any] | None) -> None:
        if key in self._pruned:
            return
        self.lease.check()
        record, written = self.running[key], self._journals[key].add(report, seen)
        self.reports[key] = written
        self.changes += 1
        self._post(record, State.RUNNING)
        value = value_of(written.validation, self.select_on)
        if value is None:
            return
        stops = self.ledger.report(record, written.report, value)
        if stops and written.result is None:
            self._pruned.add(key)

    def lost(self, key: str, why: str) -> bool:
        """Take note that the trial's worker or node has died; returns whether the trial starts again."""
        self._deferred.put(partial(self._lost, key, why))
        return any(record.key == key for record in self.again)

    def _lost(self, key: str, why: str) -> None:
        record, last = self.running[key], self._journals[key].last
        reported = last.report if last else 0
        # What dies while the study stops may have died of the same signal, through no fault of the trial.
        if not self.stopping and self.ledger.count_death(record, reported) > WORKER_DEATHS:
            self._end(key, why)
            return
        self._again(key)

    def not_started(self, key: str) -> None:
        """Take note that the trial's worker could not start; the trial starts again, and no death counts."""
        self._deferred.put(partial(self._again, key))

    def _again(self, key: str) -> None:
        record = self.running[key]
        self._forget(key)
        self.again.append(record)

    def end(self, key: str, traceback: str | None = None) -> None:
        """End the trial: it has a result, was pruned, failed with `traceback`, or the study stops."""
        self._deferred.put(partial(self._end, key, traceback))

    def _end(self, key: str, traceback: str | None) -> None:
        record, last = self.running[key], self._journals[key].last
        if traceback is not None:
            outcome, traceback = State.FAILED, masked(traceback)
            self.folder(key).mkdir(parents=True, exist_ok=True)
            (self.folder(key) / "traceback.txt").write_text(traceback, encoding="utf-8")
        elif key in self._pruned:
            outcome = State.PRUNED
        elif last is not None and last.result is not None:
            outcome = State(last.result["outcome"])
        else:
            assert self.stopping, f"trial {key} ended without a result"
            self._post(record, State.SCHEDULED)
            self._forget(key)
            return
        self.lease.check()
        self._post(record, outcome)
        why = traceback.strip().splitlines()[-1] if traceback else None
        self._endings.add(key, outcome, why)
        if len(self.running) <= FEW:
            self._endings.wait()
            self._close_ready()

    def close_ended(self) -> None:
        """Close the ledger's rows of all trials whose runs in MLflow are closed, in one transaction.

        Called many times a second.
        """
        if self._endings.due():
            self._put_close()

    def _close_all(self) -> None:
        """Wait for MLflow, and close the rows of all trials that have ended."""
        if self._endings:
            self._endings.wait()
            self._put_close()

    def _put_close(self) -> None:
        if self.away is not None:
            self._deferred.settle()  # what waits there comes first
        else:
            self._deferred.put(self._close_ready)

    def _close_ready(self) -> None:
        ends = [self._end_of(key) for key in self._endings.ready()]
        if not ends:
            return
        self.lease.check()  # again, after the wait
        for record in self.ledger.tell_all(ends):
            self._forget(record.key)
            self._tidy_ended(record)

    def _end_of(self, key: str) -> End:
        record, last, ending = self.running[key], self._journals[key].last, self._endings[key]
        complete = last is not None and ending.outcome == State.COMPLETE
        value = value_of(last.validation, self.select_on) if last is not None and complete else None
        searched = complete and record.phase == "search"
        costs = costs_of(last.result) if last is not None and last.result and searched else {}
        of_trial = tuple(costs[name] for name in self.costs if costs)
        run = None if self.posts.outbox.waits(key) else self.posts.run_of(key)
        return End(record, ending.outcome, value, ending.why, run, of_trial)

    def let_go(self) -> None:
        """Leave the trials that still run as they are, because the study stops: a resume starts them again.

        Calls that wait for the ledger are dropped if the ledger is away: at a resume the trials make all
        their reports again. An error here keeps no other trial from becoming SCHEDULED in MLflow.
        """
        _try(self._deferred.settle_now)
        _try(self._close_all)
        self._deferred.clear()
        for key, record in list(self.running.items()):
            _try(partial(self._post, record, State.SCHEDULED))
            self._forget(key)
        for record in self.again:
            _try(partial(self.posts.trial_as_it_stands, record))

    def _post(self, record: Record, state: State) -> None:
        self.posts.trial(record, self._journals[record.key], state)

    def _forget(self, key: str) -> None:
        self.running.pop(key, None)
        self._journals.pop(key, None)
        self._endings.remove(key)
        self.reports.pop(key, None)
        self.changes += 1

    def _tidy_ended(self, ended: Record) -> None:
        """Tidy a trial that has just ended, and the trials that were its arm's best so far."""
        with_it = [*self._best.get(ended.arm, ()), ended]
        if ended.phase == "search":
            self._best[ended.arm] = front_of(with_it)
        self._tidy(*with_it)

    def _tidy(self, *records: Record) -> None:
        """Remove the optimiser state of ended trials; keep weights of each arm's best and of confirm runs.

        The best are the arm's Pareto front: one trial, if the study has no costs.
        """
        ended = [record for record in records if record.outcome not in (None, State.FAILED)]
        best = {one.key for record in ended for one in self._best.get(record.arm, ())}
        keep = {r.key: r.phase == "confirm" or r.key in best for r in ended}
        for key in keep:
            tidy_trial(self.folder(key), keep_student=keep[key])
        if self.posts.store.mirror is not None:
            tidy_mirror(self.posts.store.mirror, self.posts.trials, keep)


def _try(call: Callable[[], None]) -> None:
    """Make `call`. An error is only logged: the study stops anyway, and has a reason to show already."""
    try:
        call()
    except Exception:
        log.debug("this was left undone, because the study stops:", exc_info=True)
