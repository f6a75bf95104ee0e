"""The rows that one transaction writes into Optuna's tables: one statement for each table.

The tables, and the form of their values, are those of Optuna (`optuna.storages._rdb.models`, which
constraints.txt pins; tests compare what is read back with what Optuna itself writes).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from enum import Enum
from typing import Any

from optuna.distributions import BaseDistribution, distribution_to_json
from optuna.storages._rdb import models
from optuna.trial import TrialState
from sqlalchemy import Connection, Engine, Table, bindparam, insert, select, update

__all__ = ["Attributes", "Rows", "study_of"]

TRIALS: Table = models.TrialModel.__table__
PARAMETERS: Table = models.TrialParamModel.__table__
REPORTS: Table = models.TrialIntermediateValueModel.__table__
VALUES: Table = models.TrialValueModel.__table__


class Attributes(Enum):
    """The tables of attributes: of a trial ours and those of Optuna itself, and of a study Optuna's."""

    USER = models.TrialUserAttributeModel.__table__
    SYSTEM = models.TrialSystemAttributeModel.__table__
    STUDY_SYSTEM = models.StudySystemAttributeModel.__table__

    @property
    def owner(self) -> str:
        """The column with the id of the trial, or of the study."""
        return "study_id" if self is Attributes.STUDY_SYSTEM else "trial_id"


class Rows:
    """Collects rows, and writes them through `connection`, whose transaction another one ends."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._new: dict[Table, list[dict[str, Any]]] = defaultdict(list)
        self._attributes: dict[tuple[Attributes, int, str], tuple[str, bool]] = {}
        self._ends: list[dict[str, Any]] = []

    def start(self, study_id: int, number: int, began: datetime) -> int:
        """Write the row of a new trial now; returns the trial's id, which all other rows need."""
        row = {"study_id": study_id, "number": number, "state": TrialState.RUNNING}
        made = self.connection.execute(insert(TRIALS).values(row | {"datetime_start": _stored(began)}))
        assert made.inserted_primary_key is not None
        return int(made.inserted_primary_key[0])

    def parameter(
        self, trial_id: int, name: str, internal_value: float, distribution: BaseDistribution
    ) -> None:
        """Add a parameter of a trial."""
        row = {"trial_id": trial_id, "param_name": name, "param_value": internal_value}
        self._new[PARAMETERS].append(row | {"distribution_json": distribution_to_json(distribution)})

    def attribute(self, table: Attributes, owner: int, key: str, text: str, there: bool) -> None:
        """Add or change an attribute of the trial or study with the id `owner`.

        text: its value in JSON. there: whether there is one already.
        """
        _, stored = self._attributes.get((table, owner, key), ("", there))
        self._attributes[table, owner, key] = (text, stored)

    def report(self, trial_id: int, step: int, value: float) -> None:
        """Add the value of a report."""
        stored, kind = models.TrialIntermediateValueModel.intermediate_value_to_stored_repr(value)
        row = {"trial_id": trial_id, "step": step, "intermediate_value": stored}
        self._new[REPORTS].append(row | {"intermediate_value_type": kind})

    def end(self, trial_id: int, state: TrialState, values: Sequence[float], ended: datetime) -> None:
        """End a trial with the `values` of its objectives."""
        for objective, value in enumerate(values):
            stored, kind = models.TrialValueModel.value_to_stored_repr(value)
            row = {"trial_id": trial_id, "objective": objective, "value": stored, "value_type": kind}
            self._new[VALUES].append(row)
        self._ends.append({"of": trial_id, "state": state, "datetime_complete": _stored(ended)})

    def write(self) -> None:
        """Send everything that was added, the trials' states last."""
        for (table, owner, key), (text, there) in self._attributes.items():
            if there:
                of = (table.value.c[table.owner] == owner, table.value.c.key == key)
                self.connection.execute(update(table.value).where(*of).values(value_json=text))
            else:
                self._new[table.value].append({table.owner: owner, "key": key, "value_json": text})
        for of_table, rows in self._new.items():
            self.connection.execute(insert(of_table), rows)
        if self._ends:
            named: dict[str, Any] = {name: bindparam(name) for name in ("state", "datetime_complete")}
            ending = update(TRIALS).where(TRIALS.c.trial_id == bindparam("of")).values(named)
            self.connection.execute(ending, self._ends)


def study_of(engine: Engine, trial_id: int) -> int:
    """Return the id of the study that the trial is in.

    Raises:
        KeyError: if there is no such trial.
    """
    with engine.connect() as connection:
        found = connection.execute(select(TRIALS.c.study_id).where(TRIALS.c.trial_id == trial_id)).scalar()
    if found is None:
        raise KeyError(f"there is no trial {trial_id}")
    return int(found)


def _stored(moment: datetime) -> datetime:
    """Return a moment in local time as Optuna stores it: in UTC, without a zone."""
    return moment.astimezone(UTC).replace(tzinfo=None)
