"""Several writes to Optuna's storage as one: all are committed, or none is.

By itself every write there is a transaction, and a transaction waits for the disk two or three times.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import get_ident
from typing import TYPE_CHECKING

from optuna.exceptions import StorageInternalError
from sqlalchemy import Engine, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DBAPIError, InvalidRequestError

if TYPE_CHECKING:
    from optuna.storages import RDBStorage

__all__ = ["one_transaction"]


@contextmanager
def one_transaction(storage: RDBStorage) -> Iterator[None]:
    """All that this thread writes to `storage` meanwhile is committed at the end; nothing, if that raises.

    The storage's session joins a transaction that is not its own: its commits end nothing (SQLAlchemy's
    "joining a session into an external transaction").

    Raises:
        DBAPIError: what the database said first; the storage tries again, and then says that the transaction
            is over.
        RuntimeError: where the storage has taken its writes back, and said nothing.
    """
    sessions = storage.scoped_session
    with _first_error(storage.engine) as errors, storage.engine.begin() as connection:
        sessions.remove()
        sessions(bind=connection, join_transaction_mode="rollback_only")
        try:
            yield
        except (StorageInternalError, InvalidRequestError) as error:
            raise (errors[0] if errors else error) from error
        finally:
            sessions.remove()
        if not connection.in_transaction():
            raise RuntimeError("another process has written the same to the ledger")


@contextmanager
def _first_error(engine: Engine) -> Iterator[list[DBAPIError]]:
    """The first error of the database that this thread meets meanwhile, in a list."""
    found: list[DBAPIError] = []
    thread = get_ident()

    def note(context: ExceptionContext) -> None:
        if isinstance(context.sqlalchemy_exception, DBAPIError) and not found and get_ident() == thread:
            found.append(context.sqlalchemy_exception)

    event.listen(engine, "handle_error", note)
    try:
        yield found
    finally:
        event.remove(engine, "handle_error", note)
