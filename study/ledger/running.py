"""Running trials on record: attempts, deaths, and reports with the pruner's decision on each report.

The trials are read from memory, because nobody but this process writes.
"""

from __future__ import annotations

from optuna.pruners import NopPruner

from study.ledger.book import Book
from study.ledger.patience import at_once
from study.ledger.records import Record
from study.ledger.sampling import decide

__all__ = ["RunningTrials"]


class RunningTrials:
    """The running trials in `book`."""

    def __init__(self, book: Book) -> None:
        self.book, self.storage = book, book.storage
        self._values: dict[int, dict[int, float]] = {}  # reports that are written when their trial ends
        self._first_attempts: dict[int, int] = {}  # of trials whose first attempt has not begun
        self._counting: dict[tuple[int, str], int] = {}  # counts whose write has not returned

    def started(self, trial_id: int, attempt: int) -> None:
        """Remember that an ask has just started the trial, and has stored the number of its first attempt."""
        self._first_attempts[trial_id] = attempt

    def first_attempt(self, record: Record) -> int | None:
        """Return the number of the first attempt, which the ask has stored; None from the second call on.

        None too if an earlier process made the ask.
        """
        return self._first_attempts.pop(record.trial_id, None)

    def count(self, record: Record, what: str) -> int:
        """Add 1 to the count of `what` for `record`; returns the new count.

        Raises:
            Away: if the database does not answer. The caller then calls again; both calls count as one.
        """
        one = (record.trial_id, what)

        def write() -> int:
            if one not in self._counting:
                stored = self.storage.get_trial(record.trial_id).user_attrs
                self._counting[one] = int(stored.get(what, 0)) + 1
            with self.book.writing():
                self.storage.set_trial_user_attr(record.trial_id, what, self._counting[one])
            return self._counting.pop(one)

        return at_once(write)

    def report(self, record: Record, index: int, value: float) -> bool:
        """Store the value of report `index` (1..R); returns whether the pruner stops the trial here.

        If no pruner decides on the trial, the value is kept in memory until the trial ends.

        A report that is made again, after a kill, gets the same answer as the first time. For this, the
        decision is written before the marks that a halving pruner sets while it decides: a trial with a mark
        and without a decision would count as promoted.

        Raises:
            DBAPIError: as the storage raises it; `study.ledger.patience.at_once` translates it.
        """
        study = self.book.studies.of(record)
        if record.phase == "confirm" or isinstance(study.pruner, NopPruner):
            self._values.setdefault(record.trial_id, {}).setdefault(index, value)
            return False
        stored = self.storage.get_trial(record.trial_id)
        with self.book.writing():
            if index not in stored.intermediate_values:
                self.storage.set_trial_intermediate_value(record.trial_id, index, value)
                stored = self.storage.get_trial(record.trial_id)
            decision = stored.user_attrs.get(f"decision {index}")
            if decision is None:
                decision = decide(study, stored)
                self.storage.set_trial_user_attr(record.trial_id, f"decision {index}", decision)
            for mark, at in decision["marks"].items():
                if stored.system_attrs.get(mark) != at:
                    self.storage.set_trial_system_attr(record.trial_id, mark, at)
        return bool(decision["stop"])

    def write_values(self, record: Record) -> None:
        """Write the reports of `record` that `report` only kept, because no pruner decides on them."""
        there = self.storage.get_trial(record.trial_id).intermediate_values
        for index, reported in self._values.get(record.trial_id, {}).items():
            if index not in there:
                self.storage.set_trial_intermediate_value(record.trial_id, index, reported)

    def ended(self, record: Record) -> None:
        """Forget the trial of `record`: it has ended."""
        self._values.pop(record.trial_id, None)
