"""The outbox: writes to MLflow in a thread of its own, so that training never waits for a tracking server.

A write is a job with a name. A job may run twice without harm. A job that waits is replaced by a later job of
the same name. While the server is away, jobs stay here and are tried again. After a kill no process has the
jobs any more; the next process finds by the marks on disk what is unsent.

While a trial runs, its jobs are `APART` seconds apart. Reports that come faster are sent together: if a trial
takes less than a second, all its reports are sent at once. Ends of trials come first, because their places
wait for them.

If MLflow is a database, jobs that are due together become one transaction: all of them are committed, or none
is. If MLflow is a server, several threads send jobs at once, because each waits for the server's answers.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from study.errors import plain_reason

__all__ = ["BOUND", "Outbox"]

APART = 1.0  # seconds between two jobs of one name, except before the last job of the name
BOUND = 1000  # if the ends of so many trials wait, no new trial is launched
LAST_JOB = 30.0  # seconds that a running job has left when the outbox is left
GROUP = 0.2  # seconds after which no more jobs join a transaction
SENDERS = 4  # threads that send jobs to a server
RETRY = (0.5, 10.0)  # seconds between attempts while the server is away: the first pause, and the longest


@dataclass(frozen=True, eq=False)
class _Job:
    """One job: `run` is called once `due` has come. `mark`: the file that is removed after the job.

    last: whether this is the last job of its name, for all that is known now.
    """

    run: Callable[[], None]
    mark: Path | None
    due: float
    last: bool


class Outbox:
    """Runs jobs while it is entered: one after another, unless `several` was called.

    holds: whether this process holds the study's lease. Without the lease no job runs, so that of two drivers
    only one writes.
    """

    def __init__(self, holds: Callable[[], bool] = lambda: True) -> None:
        self.holds = holds
        self.together: Callable[[], AbstractContextManager[None] | None] = lambda: None
        """Returns a block within which jobs are one transaction; None if each job is sent by itself."""
        self.away: str | None = None
        """Why the last attempt failed; None while all goes well."""
        self._jobs: dict[str, _Job] = {}
        self._begun: dict[str, float] = {}  # name -> when its first job came, or its newest job ended
        self._awaited = 0  # calls of `flush` that wait for all jobs
        self._changed = threading.Condition()
        self._closed = False
        self._broken: BaseException | None = None
        self._under_way: set[str] = set()
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Outbox:
        self._start(1)
        return self

    def several(self) -> None:
        """Let `SENDERS` threads run jobs, from now on. No two jobs of one name run at the same time."""
        self._start(SENDERS)

    def _start(self, count: int) -> None:
        while len(self._threads) < count:
            self._threads.append(threading.Thread(target=self._work, name="outbox", daemon=True))
            self._threads[-1].start()

    def __exit__(self, *exception: object) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        until = time.monotonic() + LAST_JOB
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))

    def __len__(self) -> int:
        return len(self._jobs)

    @property
    def ends(self) -> int:
        """How many last jobs of their names wait. (Each trial that runs may have another job.)"""
        with self._changed:
            return sum(job.last for job in self._jobs.values())

    def waits(self, name: str) -> bool:
        """Return whether a job of this name has not run yet."""
        return name in self._jobs

    def put(self, name: str, run: Callable[[], None], mark: Path | None = None, last: bool = True) -> None:
        """Let the outbox call `run` soon, in place of a job of the same name that waits.

        mark: a file that is made now, and removed when the `last` job of the name has run.
        last: whether no more jobs of this name will come soon; such a job is due at once. Other jobs of one
        name run at most every `APART` seconds.
        """
        with self._changed:
            if mark is not None:
                mark.touch()
            due = 0.0 if last else self._begun.setdefault(name, time.monotonic()) + APART
            self._jobs[name] = _Job(run, mark if last else None, due, last)
            self._changed.notify_all()

    def flush(self, patience: float, even_away: bool = False, only: str | None = None) -> bool:
        """Wait until every job has run; returns whether they have.

        Returns False after `patience` seconds, or at once if the server is away (unless `even_away`).
        only: the name of the only job to wait for; this job then runs next.

        Raises:
            BaseException: what a job has raised that is no `Exception`; the outbox then runs no more jobs.
        """
        until = time.monotonic() + patience
        with self._changed:
            if only is not None and only in self._jobs:
                self._jobs = {only: self._jobs[only], **self._jobs}
            self._awaited += only is None
            self._changed.notify_all()
            try:
                while True:
                    if self._broken is not None:
                        raise self._broken
                    waits = bool(self._jobs) if only is None else only in self._jobs
                    left = until - time.monotonic()
                    if not waits or left <= 0 or not (even_away or self.away is None):
                        return not waits
                    self._changed.wait(left)
            finally:
                self._awaited -= only is None

    def finish(self, patience: float) -> bool:
        """Wait until every job has run, even if the server is away; returns whether they have.

        Returns False if no job has run for `patience` seconds.
        """
        left = len(self) + 1
        while len(self) < left:
            left = len(self)
            if self.flush(patience, even_away=True):
                return True
        return False

    def _work(self) -> None:
        pause, singly = RETRY[0], 0  # singly: jobs that run one by one, after they failed together
        while due := self._take():
            name, job = due[0]
            try:
                if not self.holds():
                    self._wait(RETRY[0])
                elif singly == 0 and len(due) > 1 and (block := self.together()) is not None:
                    ran = self._in_one(block, due)
                    singly = 0 if ran else len(due)
                    for each in ran:
                        self._settle(*each)
                else:
                    singly = max(0, singly - 1)
                    job.run()
                    self._settle(name, job)
                    pause = RETRY[0]
            except Exception as error:  # any error of a client that cannot reach its server
                with self._changed:
                    self.away = plain_reason(error)
                    self._jobs.setdefault(name, self._jobs.pop(name))  # next time the other jobs run first
                    self._changed.notify_all()
                self._wait(pause)
                pause = min(RETRY[1], pause * 2)
            except BaseException as error:
                with self._changed:
                    self._broken = error
                    self._changed.notify_all()
                return
            finally:
                with self._changed:
                    self._under_way -= {name for name, _ in due}
                    self._changed.notify_all()

    def _in_one(
        self, block: AbstractContextManager[None], due: list[tuple[str, _Job]]
    ) -> list[tuple[str, _Job]]:
        """Run jobs within `block`; returns those that ran: none, if one of them or the block's end failed."""
        ran, until = [], time.monotonic() + GROUP
        try:
            with block:
                for name, job in due:
                    job.run()
                    ran.append((name, job))
                    if time.monotonic() > until:
                        break
        except Exception:  # the jobs will show which of them it was, one by one
            return []
        return ran

    def _wait(self, pause: float) -> None:
        until = time.monotonic() + pause
        with self._changed:
            while not self._closed and (left := until - time.monotonic()) > 0:
                self._changed.wait(left)

    def _settle(self, name: str, job: _Job) -> None:
        """Remove `job`, which has run, and its mark; keep both if another job of the name came meanwhile."""
        with self._changed:
            self.away = None
            if job.last:
                self._begun.pop(name, None)
            else:
                self._begun[name] = time.monotonic()
            if self._jobs.get(name) is job:
                if job.mark is not None:
                    job.mark.unlink(missing_ok=True)
                del self._jobs[name]
            self._changed.notify_all()

    def _take(self) -> list[tuple[str, _Job]]:
        """Wait for jobs that are due, and take all of them, or only the first if there are several threads.

        Returns nothing when the outbox is closed.
        """
        with self._changed:
            while not self._closed:
                now = time.monotonic()
                free = [each for each in self._jobs.items() if each[0] not in self._under_way]
                due = [each for each in free if each[1].due <= now or self._awaited]
                if due:
                    due.sort(key=lambda each: not each[1].last)
                    taken = due if len(self._threads) == 1 else due[:1]
                    self._under_way |= {name for name, _ in taken}
                    return taken
                soonest = min((job.due for _, job in free), default=None)
                self._changed.wait(None if soonest is None else soonest - now)
        return []
