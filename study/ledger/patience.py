"""What happens while the ledger's database is away: calls wait, and are made again.

A caller that can do something else meanwhile uses `at_once`, or `Deferred` for calls that must keep their
order. All other callers use `patiently`.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import TypeVar

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from study.errors import Away, StudyStopped, plain_reason

__all__ = ["LOCKED", "PATIENCE", "Deferred", "at_once", "patiently", "unlocked"]

PATIENCE = 900.0  # seconds that a database may be away before the study stops
LOCKED = 120.0  # seconds that a command waits for a file that another process has locked
PAUSE = (0.2, 5.0)  # seconds between two attempts: the first pause, and the longest
RETRY = 2.0  # seconds between two attempts of `Deferred`

log = logging.getLogger(__name__)

T = TypeVar("T")


def at_once(call: Callable[[], T]) -> T:
    """Return `call()`, which uses the ledger's database.

    Raises:
        Away: if the database does not answer; a write may have been committed all the same.
        StudyStopped: if the database is broken: full, read-only.
    """
    try:
        return call()
    except Exception as error:
        cause = next(_database_errors(error), None)
        if cause is None:
            raise
        reason = str(cause.orig or cause).strip().partition("\n")[0]
        if _is_away(cause):
            raise Away(reason) from error
        raise StudyStopped(f"the ledger's database: {reason}") from error


def patiently(call: Callable[[], T]) -> T:
    """Return `call()`. While the database is away, call again after pauses that become longer.

    A write that raised may have been committed, so a second `call` must do no harm.

    Raises:
        StudyStopped: if the database is away for longer than `PATIENCE`, or broken: full, read-only.
    """
    until, pause = time.monotonic() + PATIENCE, PAUSE[0]
    waiting = False
    while True:
        try:
            answer = at_once(call)
            if waiting:
                log.warning("the ledger's database is back")
            return answer
        except Away as away:
            if time.monotonic() > until:
                raise StudyStopped(f"the ledger's database: {away}") from away
            if not waiting and pause > 1:  # a file that is locked for a moment is no news
                log.warning("the ledger's database is away, nothing new is started: %s", away)
                waiting = True
        time.sleep(pause)
        pause = min(PAUSE[1], pause * 2)


def unlocked(call: Callable[[], T], what: str) -> T:
    """Return `call()`. While another process has locked the database's file, wait and call again.

    what: the words for the database. A backup may lock a file for a minute; SQLite itself waits 5 seconds.

    Raises:
        StudyStopped: if the file has been locked for longer than `LOCKED`.
    """
    until, waiting = time.monotonic() + LOCKED, False
    while True:
        try:
            return call()
        except Exception as error:
            cause = next(_database_errors(error), None)
            if cause is None or not _is_locked(cause):
                raise
            if time.monotonic() > until:
                raise StudyStopped(f"{what}: {plain_reason(cause)}; try again when that has ended") from error
        if not waiting:
            log.warning("waiting for %s: %s", what, plain_reason(cause))
            waiting = True
        time.sleep(PAUSE[0])


class Deferred:
    """Calls that need the ledger's database, made in the order in which they were put.

    While the database is away, the calls wait in this object, and the driver goes on.
    """

    def __init__(self) -> None:
        self.away: str | None = None
        """Why the database could not be reached at the last attempt; None if the last attempt succeeded."""
        self._calls: deque[Callable[[], None]] = deque()
        self._away_since = self._next_try = 0.0

    def put(self, call: Callable[[], None]) -> None:
        """Make `call`, after all calls that wait; it waits too if the database is away."""
        self._calls.append(call)
        self.settle()

    def settle(self) -> None:
        """Make the calls that wait; if the database is away, the rest of them waits on."""
        if self._calls:
            self.reach(self.settle_now)

    def settle_now(self) -> None:
        """Make the calls that wait.

        Raises:
            Away: if the database does not answer.
        """
        while self._calls:
            self._calls[0]()  # the whole call is made again if it raises
            self._calls.popleft()

    def clear(self) -> None:
        """Drop the calls that wait."""
        self._calls.clear()

    def reach(self, call: Callable[[], T]) -> T | None:
        """Return `call()`; None if the database is away, or was away less than `RETRY` seconds ago.

        Raises:
            StudyStopped: if the database has been away for longer than `PATIENCE`, or is broken.
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

    def wait_for(self, call: Callable[[], T]) -> T:
        """Return `call()`, and wait while the database is away.

        Raises:
            StudyStopped: if the database is away for longer than `PATIENCE`, or broken.
        """
        answer = patiently(call)
        self.away = None
        return answer


def _database_errors(error: BaseException | None) -> Iterator[DBAPIError]:
    while error is not None:
        if isinstance(error, DBAPIError):
            yield error
        error = error.__cause__


def _is_away(error: DBAPIError) -> bool:
    """Return whether the database may come back: a server restarts, another process locks a file."""
    if type(error.orig).__module__.startswith("sqlite3"):
        return _is_locked(error)
    return error.connection_invalidated or isinstance(error, OperationalError | InterfaceError)


def _is_locked(error: DBAPIError) -> bool:
    """Return whether another process has locked the file of a SQLite database."""
    is_sqlite = type(error.orig).__module__.startswith("sqlite3")
    return is_sqlite and ("locked" in str(error.orig) or "busy" in str(error.orig))
