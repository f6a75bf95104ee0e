"""The ledger's database, opened as Optuna's storage."""

from __future__ import annotations

import os
import time
from pathlib import Path

import optuna
from optuna.storages import RDBStorage
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from study.errors import Away, RequestError, StudyStopped
from study.ledger.patience import patiently, unlocked

__all__ = ["open_storage", "sqlite_file"]

POSTGRES = {"connect_timeout": 10, "tcp_user_timeout": 30_000}  # s, ms; then a silent host counts as away
MAKING_TABLES = 25  # attempts, 0.2 seconds apart, while another process makes the tables
TABLES_EXIST = (
    "already exists",
    "UNIQUE constraint",
    "duplicate key",
)  # in errors of a process that is second


def open_storage(url: str, waits: bool, called: str = "") -> RDBStorage:
    """Return the storage at `url`; its tables are made if they are missing.

    waits: wait for a server that does not answer now, because a study goes on there. (A file that another
    process has locked is always waited for.) called: the words for the storage in errors; the default is the
    option.

    Raises:
        RequestError: if the storage cannot be opened.
        StudyStopped: if the disk is full, a server has been away for long, or a file is locked for long.
        PermissionError: if the storage is a file that this user may not read.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    called = called or f"--ledger-url {url}"
    if (file := sqlite_file(url)) is not None:
        _prepare(file)
    try:
        return patiently(lambda: _open(url)) if waits else unlocked(lambda: _open(url), called)
    except StudyStopped:
        raise
    except Exception as error:
        cause = error.__cause__ or error
        first = str(cause).splitlines()[0]
        if isinstance(cause, Away) or "disk is full" in first:
            raise StudyStopped(f"the ledger's database: {first}") from error
        raise RequestError(f"{called}: {type(cause).__name__}: {first}") from None


def sqlite_file(url: str) -> Path | None:
    """Return the file of the SQLite database at `url`; None for any other database."""
    try:
        parts = make_url(url)
    except (ArgumentError, ValueError):
        return None
    named = parts.database or ""
    is_file = parts.get_backend_name() == "sqlite" and named not in ("", ":memory:")
    return Path(named) if is_file and not named.startswith("file:") else None


def _prepare(file: Path) -> None:
    """Make the file of a new database, so that the umask decides its mode: SQLite gives a group no writes.

    Raises:
        PermissionError: if this user may not read the file, or make it.
    """
    try:
        os.close(os.open(file, os.O_RDONLY if file.exists() else os.O_RDWR | os.O_CREAT, 0o666))
    except PermissionError:
        raise
    except OSError:  # SQLite has the words for this
        pass


def _open(url: str) -> RDBStorage:
    """Open the storage, and make its tables.

    Two processes may make the tables at once: a `status` may start in the moment in which a study begins. One
    of the two then gets an error, because the tables exist already, and tries again.
    """
    engine = {"connect_args": POSTGRES} if url.startswith("postgresql") else None
    for _ in range(MAKING_TABLES):
        try:
            return RDBStorage(url, engine)
        except Exception as error:
            if not any(sign in str(error) for sign in TABLES_EXIST):
                raise
        time.sleep(0.2)
    return RDBStorage(url, engine)
