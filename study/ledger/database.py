"""The ledger's database, opened as Optuna's storage."""

from __future__ import annotations

import time

import optuna
from optuna.storages import RDBStorage

from study.errors import Away, RequestError, StudyStopped
from study.ledger.patience import patiently

__all__ = ["open_storage"]

POSTGRES = {"connect_timeout": 10, "tcp_user_timeout": 30_000}  # s, ms; then a silent host counts as away
MAKING_TABLES = 25  # attempts, 0.2 seconds apart, while another process makes the tables


def open_storage(url: str, waits: bool) -> RDBStorage:
    """Return the storage at `url`; its tables are made if they are missing.

    waits: wait for a server that does not answer now, because a study goes on there.

    Raises:
        RequestError: if the storage cannot be opened.
        StudyStopped: if the disk is full, or a server has been away for long.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        return patiently(lambda: _open(url)) if waits else _open(url)
    except Exception as error:
        cause = error.__cause__ or error
        first = str(cause).splitlines()[0]
        if isinstance(cause, Away) or "disk is full" in first:
            raise StudyStopped(f"the ledger's database: {first}") from error
        raise RequestError(f"--ledger-url {url}: {type(cause).__name__}: {first}") from None


def _open(url: str) -> RDBStorage:
    """Open the storage, and make its tables.

    Two processes may make the tables at once: a `status` may start in the moment in which a study begins. One
    of the two then gets an error that says that the tables exist, and tries again.
    """
    engine = {"connect_args": POSTGRES} if url.startswith("postgresql") else None
    for _ in range(MAKING_TABLES):
        try:
            return RDBStorage(url, engine)
        except Exception as error:
            if not any(
                sign in str(error) for sign in ("already exists", "UNIQUE constraint", "duplicate key")
            ):
                raise
        time.sleep(0.2)
    return RDBStorage(url, engine)
