"""A database that is away for a while: what is asked of it waits.

A driver that can do something else meanwhile asks `at_once`, and again later; all others ask `patiently`.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from study.errors import Away, StudyStopped

__all__ = ["PATIENCE", "at_once", "patiently"]

PATIENCE = 900.0  # seconds that a database may be away before the study stops
PAUSE = (0.2, 5.0)  # seconds between two attempts: the first, and the longest

log = logging.getLogger(__name__)

T = TypeVar("T")


def at_once(call: Callable[[], T]) -> T:
    """`call()`, an access of the ledger's database.

    Raises:
        Away: where it does not answer; a write may have been committed all the same.
        StudyStopped: where it is broken: full, read-only.
    """
    try:
        return call()
    except Exception as error:
        cause = next(_database_errors(error), None)
        if cause is None:
            raise
        said = str(cause.orig or cause).strip().partition("\n")[0]
        if _is_away(cause):
            raise Away(said) from error
        raise StudyStopped(f"the ledger's database: {said}") from error


def patiently(call: Callable[[], T]) -> T:
    """`call()`, and while its database is away once more after ever longer pauses.

    A write that raised may have been committed, so `call` must allow for that.

    Raises:
        StudyStopped: where the database is away for longer than `PATIENCE`, or broken: full, read-only.
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


def _database_errors(error: BaseException | None) -> Iterator[DBAPIError]:
    while error is not None:
        if isinstance(error, DBAPIError):
            yield error
        error = error.__cause__


def _is_away(error: DBAPIError) -> bool:
    """Whether it may come back: a server that restarts, a file that another process has locked."""
    if type(error.orig).__module__.startswith("sqlite3"):
        return "locked" in str(error.orig) or "busy" in str(error.orig)
    return error.connection_invalidated or isinstance(error, OperationalError | InterfaceError)
