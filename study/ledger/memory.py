"""Optuna's storage as a driver uses it: what was read or written is remembered, and writes go out in groups.

Optuna's own storage reads every running trial again before each proposal, and sends two statements for every
attribute. If hundreds of trials run at once, a proposal takes seconds. Only the holder of the lease writes to
a study's trials. So a driver may answer all reads of trials from memory, and the writes of a transaction may
be a statement for each table (`rows.py`).

Studies, their names and our attributes of them stay with Optuna's storage.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Container, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from optuna.distributions import BaseDistribution, check_distribution_compatibility
from optuna.storages import BaseStorage, RDBStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from study.ledger.rows import Attributes, Rows, study_of

__all__ = ["Remembered", "one_transaction"]


@contextmanager
def one_transaction(storage: Remembered) -> Iterator[None]:
    """All writes to trials in `storage` within the block are committed at its end, or none is.

    A block within a block joins the outer block. If the outer block or its commit raises, nobody knows what
    was committed: `storage` forgets what it knows of trials.

    Raises:
        DBAPIError: as the database raises it.
    """
    if storage.rows is not None:
        yield
        return
    try:
        with storage.engine.begin() as connection:
            storage.rows = rows = Rows(connection)
            yield
            rows.write()
    except BaseException:
        storage.forget()
        raise
    finally:
        storage.rows = None


class _Study:
    """The trials of one Optuna study, by number, and which of them have not ended."""

    def __init__(self, trials: list[FrozenTrial]) -> None:
        self.trials = trials
        self.open = {at for at, trial in enumerate(trials) if not trial.state.is_finished()}
        self.distributions: dict[str, BaseDistribution] = {}
        for trial in trials:
            self.distributions |= trial.distributions


class Remembered(BaseStorage):
    """The trials in `stored`, read once.

    engine: the database's, for statements that are no trial's.
    """

    def __init__(self, stored: RDBStorage) -> None:
        self.stored, self.engine = stored, stored.engine
        self.rows: Rows | None = None
        """What the transaction that is open will write."""
        self._directions: dict[int, list[StudyDirection]] = {}
        self.forget()

    def forget(self) -> None:
        """Forget all trials; the next use reads the database."""
        self._studies: dict[int, _Study] = {}
        self._where: dict[int, tuple[int, int]] = {}  # id of a trial -> (id of its study, its place there)
        self._study_system: dict[int, dict[str, Any]] = {}  # id of a study -> attributes that Optuna sets

    # Trials, read

    def get_trial(self, trial_id: int) -> FrozenTrial:
        study, at = self._find(trial_id)
        return study.trials[at]

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        study = self._study(study_id)
        if states is None:
            found = list(study.trials)
        elif not any(state in states for state in TrialState if state.is_finished()):
            found = [study.trials[at] for at in sorted(study.open) if study.trials[at].state in states]
        else:
            found = [trial for trial in study.trials if trial.state in states]
        return copy.deepcopy(found) if deepcopy else found

    def get_trial_id_from_study_id_trial_number(self, study_id: int, trial_number: int) -> int:
        trials = self._study(study_id).trials
        if not 0 <= trial_number < len(trials):
            raise KeyError(f"the study {study_id} has no trial {trial_number}")
        return trials[trial_number]._trial_id

    # Trials, written

    def create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> int:
        """Start a trial. (Nobody here has a template.)"""
        assert template_trial is None
        study, began = self._study(study_id), datetime.now()
        number = len(study.trials)
        with one_transaction(self):
            trial_id = self._writing().start(study_id, number, began)
        trial = FrozenTrial(
            number=number,
            state=TrialState.RUNNING,
            value=None,
            datetime_start=began,
            datetime_complete=None,
            params={},
            distributions={},
            user_attrs={},
            system_attrs={},
            intermediate_values={},
            trial_id=trial_id,
        )
        study.trials.append(trial)
        study.open.add(number)
        self._where[trial_id] = (study_id, number)
        return trial_id

    def set_trial_param(
        self, trial_id: int, param_name: str, param_value_internal: float, distribution: BaseDistribution
    ) -> None:
        study, _ = self._find(trial_id)
        if (known := study.distributions.get(param_name)) is not None:
            check_distribution_compatibility(known, distribution)

        def apply(trial: FrozenTrial) -> None:
            value = distribution.to_external_repr(param_value_internal)
            trial.params = {**trial.params, param_name: value}
            trial.distributions = {**trial.distributions, param_name: distribution}

        with self._change(trial_id, apply):
            self._writing().parameter(trial_id, param_name, param_value_internal, distribution)
        study.distributions.setdefault(param_name, distribution)

    def set_trial_user_attr(self, trial_id: int, key: str, value: Any) -> None:
        def apply(trial: FrozenTrial) -> None:
            trial.user_attrs = {**trial.user_attrs, key: json.loads(text)}

        text, there = json.dumps(value), key in self.get_trial(trial_id).user_attrs
        with self._change(trial_id, apply):
            self._writing().attribute(Attributes.USER, trial_id, key, text, there)

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        def apply(trial: FrozenTrial) -> None:
            trial.system_attrs = {**trial.system_attrs, key: json.loads(text)}

        text, there = json.dumps(value), key in self.get_trial(trial_id).system_attrs
        with self._change(trial_id, apply):
            self._writing().attribute(Attributes.SYSTEM, trial_id, key, text, there)

    def set_trial_intermediate_value(self, trial_id: int, step: int, intermediate_value: float) -> None:
        """Store the value of report `step`, which has none yet: a report that is made again is not stored."""

        def apply(trial: FrozenTrial) -> None:
            trial.intermediate_values = {**trial.intermediate_values, step: intermediate_value}

        assert step not in self.get_trial(trial_id).intermediate_values
        with self._change(trial_id, apply):
            self._writing().report(trial_id, step, intermediate_value)

    def set_trial_state_values(
        self, trial_id: int, state: TrialState, values: Sequence[float] | None = None
    ) -> bool:
        """End a trial. (No trial here waits in Optuna's queue to be started.)"""
        assert state.is_finished()
        ended = datetime.now()

        def apply(trial: FrozenTrial) -> None:
            trial.state, trial.datetime_complete = state, ended
            if values is not None:
                trial.values = list(values)

        with self._change(trial_id, apply):
            self._writing().end(trial_id, state, values or (), ended)
        study, at = self._find(trial_id)
        study.open.discard(at)
        return True

    @contextmanager
    def _change(self, trial_id: int, apply: Callable[[FrozenTrial], None]) -> Iterator[None]:
        """A transaction that changes one trial; `apply` changes a new copy in memory.

        Raises:
            UpdateFinishedTrialError: if the trial has ended.
        """
        study, at = self._find(trial_id)
        self.check_trial_is_updatable(trial_id, study.trials[at].state)
        with one_transaction(self):
            yield
        changed = copy.copy(study.trials[at])  # whoever has read the trial keeps what was read
        apply(changed)
        study.trials[at] = changed

    def _writing(self) -> Rows:
        assert self.rows is not None, "every write is within a transaction"
        return self.rows

    def _study(self, study_id: int) -> _Study:
        if study_id not in self._studies:
            trials = self.stored.get_all_trials(study_id, deepcopy=False)
            self._where |= {trial._trial_id: (study_id, at) for at, trial in enumerate(trials)}
            self._studies[study_id] = _Study(trials)
        return self._studies[study_id]

    def _find(self, trial_id: int) -> tuple[_Study, int]:
        """The study of a trial, and the trial's place there.

        Raises:
            KeyError: if there is no such trial.
        """
        if trial_id not in self._where:
            self._study(study_of(self.engine, trial_id))
        study_id, at = self._where[trial_id]
        return self._studies[study_id], at

    # Studies: as they are stored

    def create_new_study(self, directions: Sequence[StudyDirection], study_name: str | None = None) -> int:
        return self.stored.create_new_study(directions, study_name)

    def delete_study(self, study_id: int) -> None:
        self.forget()
        self.stored.delete_study(study_id)

    def set_study_user_attr(self, study_id: int, key: str, value: Any) -> None:
        self.stored.set_study_user_attr(study_id, key, value)

    def set_study_system_attr(self, study_id: int, key: str, value: Any) -> None:
        """Store what a sampler remembers: within the transaction of its proposal."""
        known, text = self.get_study_system_attrs(study_id), json.dumps(value)
        with one_transaction(self):
            self._writing().attribute(Attributes.STUDY_SYSTEM, study_id, key, text, key in known)
        self._study_system[study_id] = {**known, key: json.loads(text)}

    def get_study_id_from_name(self, study_name: str) -> int:
        return self.stored.get_study_id_from_name(study_name)

    def get_study_name_from_id(self, study_id: int) -> str:
        return self.stored.get_study_name_from_id(study_id)

    def get_study_directions(self, study_id: int) -> list[StudyDirection]:
        if study_id not in self._directions:  # they never change, and each end of a trial reads them
            self._directions[study_id] = self.stored.get_study_directions(study_id)
        return self._directions[study_id]

    def get_study_user_attrs(self, study_id: int) -> dict[str, Any]:
        return self.stored.get_study_user_attrs(study_id)

    def get_study_system_attrs(self, study_id: int) -> dict[str, Any]:
        if study_id not in self._study_system:
            self._study_system[study_id] = self.stored.get_study_system_attrs(study_id)
        return self._study_system[study_id]

    def get_all_studies(self) -> list[Any]:
        return self.stored.get_all_studies()
