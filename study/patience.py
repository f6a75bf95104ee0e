"""A database that is away for a while: what is asked of it waits. A disk that is full: the study stops."""

from __future__ import annotations

import errno
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from study.config import StudyStopped

__all__ = ["PATIENCE", "cannot_write", "patiently", "stopped_by_a_full_disk"]

PATIENCE = 900.0  # seconds that a database may be away before the study stops
CANNOT_WRITE = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG}
PAUSE = (0.2, 5.0)  # seconds between two attempts: the first, and the longest

log = logging.getLogger(__name__)

T = TypeVar("T")


def patiently(call: Callable[[], T], again: Callable[[], T] | None = None) -> T:
    """`call()`; while its database is away, `again()` (default: `call`) after ever longer pauses.

    A write that raised may have been committed, so `again` must allow for that.

    Raises:
        StudyStopped: where the database is away for longer than `PATIENCE`, or broken: full, read-only.
    """
    until, pause = time.monotonic() + PATIENCE, PAUSE[0]
    attempt, waiting = call, False
    while True:
        try:
            answer = attempt()
            if waiting:
                log.warning("the ledger's database is back")
            return answer
        except Exception as error:
            cause = next(_database_errors(error), None)
            if cause is None:
                raise
            if not _is_away(cause) or time.monotonic() > until:
                first = str(cause.orig or cause).strip().partition("\n")[0]
                raise StudyStopped(f"the ledger's database: {first}") from error
            if not waiting and pause > 1:  # a file that is locked for a moment is no news
                log.warning("the ledger's database is away, nothing new is started: %s", cause.orig or cause)
                waiting = True
        time.sleep(pause)
        pause = min(PAUSE[1], pause * 2)
        attempt = again or call


def cannot_write(error: BaseException | None) -> bool:
    """Whether the disk is full or read-only."""
    return isinstance(error, OSError) and error.errno in CANNOT_WRITE


@contextmanager
def stopped_by_a_full_disk() -> Iterator[None]:
    """Raises:
    StudyStopped: in place of the system's error where nothing can be written.
    """
    try:
        yield
    except OSError as error:
        if cannot_write(error):
            raise StudyStopped(str(error)) from error
        raise


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
