"""The ledger's database opened as Optuna's storage, its tables made; or why it cannot be."""

from __future__ import annotations

import time

import optuna
from optuna.storages import RDBStorage

from study.errors import Away, RequestError, StudyStopped
from study.ledger.patience import patiently

__all__ = ["open_storage"]

POSTGRES = {"connect_timeout": 10, "tcp_user_timeout": 30_000}  # s, ms: a host that fell silent is away
MAKING_TABLES = 25  # looks, 0.2 seconds apart, while another process makes the tables


def open_storage(url: str, goes_on: bool) -> RDBStorage:
    """The storage at `url`.

    goes_on: a study goes on there, so that a server that is away is waited for.

    Raises:
        RequestError: for a storage that cannot be opened.
        StudyStopped: where that is because the disk is full, or a server has been away for long.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        return patiently(lambda: _open(url)) if goes_on else _open(url)
    except Exception as error:
        cause = error.__cause__ or error
        first = str(cause).splitlines()[0]
        if isinstance(cause, Away) or "disk is full" in first:
            raise StudyStopped(f"the ledger's database: {first}") from error
        raise RequestError(f"--ledger-url {url}: {type(cause).__name__}: {first}") from None


def _open(url: str) -> RDBStorage:
    """Its tables are made first. Of two processes that make them at once, one is told
    that they are there (a `status` may come in the moment in which a study begins): it looks again.
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
