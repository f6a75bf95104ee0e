"""Running trials on record: attempts, deaths, and reports with what the pruner said of each.

Each is read once; what is written is kept in memory too, since nobody but this process writes.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

from optuna.pruners import NopPruner
from optuna.trial import FrozenTrial

from study.ledger.optuna_studies import OptunaStudies
from study.ledger.patience import at_once
from study.ledger.records import Record
from study.ledger.sampling import decide

__all__ = ["RunningTrials"]


class RunningTrials:
    """Those of `studies`. `writing()` is one transaction."""

    def __init__(self, studies: OptunaStudies, writing: Callable[[], AbstractContextManager[None]]) -> None:
        self.studies, self.storage, self.writing = studies, studies.storage, writing
        self._stored: dict[int, FrozenTrial] = {}
        self._values: dict[int, dict[int, float]] = {}  # that are written with their trial's end

    def count(self, record: Record, what: str) -> int:
        """Count one more of `what` on record with `record`; how many so far.

        Raises:
            Away: where the storage is away; to be called again, and counted once.
        """
        stored = at_once(lambda: self._read(record))
        number = int(stored.user_attrs.get(what, 0)) + 1  # the same again, where the write raised
        at_once(lambda: self.storage.set_trial_user_attr(record.trial_id, what, number))
        stored.user_attrs[what] = number
        return number

    def report(self, record: Record, index: int, value: float) -> bool:
        """Put the value of report `index` (1..R) on record; whether the pruner stops the trial here.

        A report that is made again, after a kill, is answered as it was the first time. For that, the
        decision is written before the marks that a halving pruner leaves while it decides: with a mark but
        no decision, the trial would count as promoted.

        Raises:
            DBAPIError: as the storage raises it; `study.ledger.patience.at_once` tells what it means.
        """
        study = self.studies.of(record)
        if record.phase == "confirm" or isinstance(study.pruner, NopPruner):
            self._values.setdefault(record.trial_id, {}).setdefault(index, value)
            return False
        stored = self._read(record)
        with self.writing():
            if index not in stored.intermediate_values:
                self.storage.set_trial_intermediate_value(record.trial_id, index, value)
                stored.intermediate_values[index] = value
            decision = stored.user_attrs.get(f"decision {index}")
            if decision is None:
                decision = decide(study, stored)
                self.storage.set_trial_user_attr(record.trial_id, f"decision {index}", decision)
                stored.user_attrs[f"decision {index}"] = decision
            for mark, at in decision["marks"].items():
                if stored.system_attrs.get(mark) != at:
                    self.storage.set_trial_system_attr(record.trial_id, mark, at)
                    stored.system_attrs[mark] = at
        return bool(decision["stop"])

    def write_values(self, record: Record) -> None:
        """Put those reports on record that no pruner has asked for."""
        for index, reported in self._values.get(record.trial_id, {}).items():
            self.storage.set_trial_intermediate_value(record.trial_id, index, reported)

    def ended(self, record: Record) -> None:
        """Keep nothing more of `record`."""
        self._stored.pop(record.trial_id, None)
        self._values.pop(record.trial_id, None)

    def forget(self) -> None:
        """Have all read anew. Reports that are not written yet stay."""
        self._stored.clear()

    def _read(self, record: Record) -> FrozenTrial:
        if record.trial_id not in self._stored:
            self._stored[record.trial_id] = self.storage.get_trial(record.trial_id)
        return self._stored[record.trial_id]
