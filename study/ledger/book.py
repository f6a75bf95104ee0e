"""The book: what the ledger's database holds of one study, read once and kept up to date in memory.

Only the holder of the lease writes to a study's ledger. So a driver reads the database once, and then applies
each of its own writes to the copy in memory. A write that raises leaves the database in an unknown state: the
driver then forgets the copy, and the next use reads the database again.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from study.ledger.memory import Remembered, one_transaction
from study.ledger.optuna_studies import OptunaStudies
from study.ledger.records import Records

__all__ = ["Book"]


class Book:
    """The records of the study `name` in `storage`."""

    def __init__(self, storage: Remembered, name: str) -> None:
        self.storage = storage
        self.studies = OptunaStudies(storage, name)
        self._records: Records | None = None

    def records(self) -> Records:
        """Return all records of the study.

        Raises:
            RequestError: if there is no plan on record.
        """
        if self._records is None:
            records = Records([*self.studies.searches(), self.studies.confirm])
            for phase, study, trials in self.studies.stored():
                records.read(study.study_name, phase, trials)
            self._records = records
        return self._records

    @contextmanager
    def writing(self) -> Iterator[None]:
        """One transaction: everything that is written within the block is committed at its end, or nothing.

        If the block or the commit raises, the copy in memory is forgotten.
        """
        try:
            with one_transaction(self.storage):
                yield
        except BaseException:
            self.forget()
            raise

    def forget(self) -> None:
        """Forget the copy in memory; the next use reads the database."""
        self._records = None
        self.storage.forget()
        self.studies.forget()
