"""The outbox: writes to MLflow in a thread of its own, so that training never waits for a tracking server.

A job is idempotent and named; a later one of the same name replaces it. While the server is away jobs stay
and are tried again. What is in no process any more, after a kill, is found again by its mark on disk.

Jobs of a trial that runs on are `APART`, so that reports which come faster are sent in one batch: a trial of
less than a second is sent in one.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

__all__ = ["BOUND", "Outbox"]

APART = 1.0  # seconds between two jobs of a name that has not had its last
BOUND = 1000  # jobs that may wait before no new trial is launched
LAST_JOB = 30.0  # seconds that one under way has at the end
RETRY = (0.5, 10.0)  # seconds between attempts while the server is away: the first, and the longest


@dataclass(frozen=True, eq=False)
class _Job:
    """What to run, the file that says that it has not, since when it may, and whether more will come."""

    run: Callable[[], None]
    mark: Path | None
    due: float
    last: bool


class Outbox:
    """Runs jobs one after another while it is entered, as long as `holds()`: of two drivers one writes."""

    def __init__(self, holds: Callable[[], bool] = lambda: True) -> None:
        self.holds = holds
        self.away: str | None = None
        """Why the last attempt failed; none while all goes well."""
        self._jobs: dict[str, _Job] = {}
        self._begun: dict[str, float] = {}  # when a name came, or had its last job run but for the last one
        self._awaited = 0
        self._changed = threading.Condition()
        self._closed = False
        self._broken: BaseException | None = None
        self._thread = threading.Thread(target=self._work, name="outbox", daemon=True)

    def __enter__(self) -> Outbox:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join(LAST_JOB)

    def __len__(self) -> int:
        return len(self._jobs)

    def put(self, name: str, run: Callable[[], None], mark: Path | None = None, last: bool = True) -> None:
        """Have `run` called soon, in place of a job of the same name that has not run yet.

        The file `mark` is there from now on; it goes when the job has run, if that is the `last` of its name.
        Others come at most every `APART` seconds.
        """
        with self._changed:
            if mark is not None:
                mark.touch()
            due = 0.0 if last else self._begun.setdefault(name, time.monotonic()) + APART
            self._jobs[name] = _Job(run, mark if last else None, due, last)
            self._changed.notify_all()

    def flush(self, patience: float, even_away: bool = False, only: str | None = None) -> bool:
        """Wait until every job has run, or `only` the one of that name, which then comes next.

        False after `patience` seconds, or at once with the server away.
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
        """Wait until every job has run, server away or not; false once none did for `patience` seconds."""
        left = len(self) + 1
        while len(self) < left:
            left = len(self)
            if self.flush(patience, even_away=True):
                return True
        return False

    def _work(self) -> None:
        pause = RETRY[0]
        while (one := self._next()) is not None:
            name, job = one
            if not self.holds():
                self._wait(RETRY[0])
                continue
            try:
                job.run()
                self._settle(name, job)
            except Exception as error:  # whatever a client raises that cannot reach its server
                with self._changed:
                    self.away = str(error).strip().partition("\n")[0] or type(error).__name__
                    self._jobs.setdefault(name, self._jobs.pop(name))  # the others first, next time
                    self._changed.notify_all()
                self._wait(pause)
                pause = min(RETRY[1], pause * 2)
            except BaseException as error:
                with self._changed:
                    self._broken = error
                    self._changed.notify_all()
                return
            else:
                pause = RETRY[0]

    def _wait(self, pause: float) -> None:
        until = time.monotonic() + pause
        with self._changed:
            while not self._closed and (left := until - time.monotonic()) > 0:
                self._changed.wait(left)

    def _settle(self, name: str, job: _Job) -> None:
        """`job` has run: away with it and with its mark, unless another of its name came meanwhile."""
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

    def _next(self) -> tuple[str, _Job] | None:
        """The first job that is due, waited for; none once closed."""
        with self._changed:
            while not self._closed:
                now = time.monotonic()
                for name, job in self._jobs.items():
                    if job.due <= now or self._awaited:
                        return name, job
                soonest = min((job.due for job in self._jobs.values()), default=None)
                self._changed.wait(None if soonest is None else soonest - now)
        return None
