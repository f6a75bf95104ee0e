"""Several writes to Optuna's storage as one: all are committed, or none is.

By itself every write there is a transaction, and a transaction waits for the disk two or three times.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from optuna.storages import RDBStorage

__all__ = ["one_transaction"]


@contextmanager
def one_transaction(storage: RDBStorage) -> Iterator[None]:
    """All that this thread writes to `storage` meanwhile is committed at the end; nothing, if that raises.

    The storage's session joins a transaction that is not its own: its commits end nothing (SQLAlchemy's
    "joining a session into an external transaction").

    Raises:
        RuntimeError: where the storage has taken its writes back, and said nothing.
    """
    sessions = storage.scoped_session
    with storage.engine.begin() as connection:
        sessions.remove()
        sessions(bind=connection, join_transaction_mode="rollback_only")
        try:
            yield
        finally:
            sessions.remove()
        if not connection.in_transaction():
            raise RuntimeError("another process has written the same to the ledger")
