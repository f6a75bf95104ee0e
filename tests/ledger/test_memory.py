"""The driver's storage: it holds what Optuna's own storage would hold, and reads nothing twice."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import optuna
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.exceptions import UpdateFinishedTrialError
from optuna.storages import BaseStorage, RDBStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import event

from study.ledger.memory import Remembered, one_transaction

pytestmark = pytest.mark.usefixtures("fast_sqlite")

PARAMETERS = {
    "rate": (FloatDistribution(1e-5, 1e-1, log=True), 0.001),
    "steps": (IntDistribution(10, 100), 20.0),
    "init": (CategoricalDistribution(("random", "teacher")), 1.0),
}
NUMBERS = st.floats(allow_nan=False)
JSON = st.one_of(st.integers(-9, 9), st.text(max_size=3), st.lists(st.booleans(), max_size=2), st.none())
KEYS = st.sampled_from(["a", "key", "Schlüssel"])
WRITES = st.one_of(
    st.tuples(st.just("new")),
    st.tuples(st.just("parameter"), st.sampled_from(sorted(PARAMETERS))),
    st.tuples(st.sampled_from(["user", "system"]), KEYS, JSON),
    st.tuples(st.just("study"), KEYS, JSON),
    st.tuples(st.just("report"), st.integers(1, 3), st.floats()),
    st.tuples(
        st.just("end"),
        st.sampled_from([TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL]),
        st.lists(NUMBERS, min_size=2, max_size=2),
    ),
)


def storages(folder: Path) -> tuple[RDBStorage, Remembered]:
    """Optuna's storage, and ours, each with a database of its own that has one study."""
    for name in ("theirs", "ours"):
        optuna.create_study(
            storage=f"sqlite:///{folder / name}", study_name="s", directions=["maximize", "minimize"]
        )
    return (
        RDBStorage(f"sqlite:///{folder / 'theirs'}"),
        Remembered(RDBStorage(f"sqlite:///{folder / 'ours'}")),
    )


def write(storage: BaseStorage, trial: int | None, what: tuple[Any, ...]) -> int:
    """Write one thing to `storage`; returns the trial that comes next."""
    kind, *values = what
    if trial is None or kind == "new":
        return storage.create_new_trial(1)
    known = storage.get_trial(trial)
    if kind == "study":
        storage.set_study_system_attr(1, *values)
    elif kind == "parameter" and values[0] not in known.params:
        distribution, value = PARAMETERS[values[0]]
        storage.set_trial_param(trial, values[0], value, distribution)
    elif kind == "user":
        storage.set_trial_user_attr(trial, *values)
    elif kind == "system":
        storage.set_trial_system_attr(trial, *values)
    elif kind == "report" and values[0] not in known.intermediate_values:
        storage.set_trial_intermediate_value(trial, *values)
    elif kind == "end":
        state, objectives = values
        storage.set_trial_state_values(trial, state, objectives if state == TrialState.COMPLETE else None)
        return storage.create_new_trial(1)
    return trial


def facts(trial: FrozenTrial) -> tuple[Any, ...]:
    """Everything of a trial but its times, so that NaN is equal to itself."""
    assert trial.datetime_start is not None
    assert (trial.datetime_complete is not None) == trial.state.is_finished()
    reports = {step: repr(value) for step, value in trial.intermediate_values.items()}
    return (
        *(trial.number, trial._trial_id, trial.state, trial.values, trial.params, trial.distributions),
        *(trial.user_attrs, trial.system_attrs, reports),
    )


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(groups=st.lists(st.lists(WRITES, max_size=6), max_size=5))
def test_it_holds_what_optunas_own_storage_would_hold(
    tmp_path_factory: pytest.TempPathFactory, groups: list[list[tuple[Any, ...]]]
) -> None:
    """In memory, and in the database; however the writes are grouped into transactions."""
    theirs, ours = storages(tmp_path_factory.mktemp("storages"))
    one = other = None
    for group in groups:
        with one_transaction(ours):
            for what in group:
                one, other = write(theirs, one, what), write(ours, other, what)
    expected = [facts(trial) for trial in theirs.get_all_trials(1)]
    in_memory = ours.get_all_trials(1)
    assert [facts(trial) for trial in in_memory] == expected
    stored = ours.stored.get_all_trials(1)
    assert [facts(trial) for trial in stored] == expected
    assert [t.datetime_start for t in stored] == [t.datetime_start for t in in_memory]
    assert [t.datetime_complete for t in stored] == [t.datetime_complete for t in in_memory]
    assert ours.get_study_system_attrs(1) == theirs.get_study_system_attrs(1)
    assert ours.stored.get_study_system_attrs(1) == theirs.get_study_system_attrs(1)


def test_a_transaction_is_committed_as_a_whole_or_not_at_all(tmp_path: Path) -> None:
    _, storage = storages(tmp_path)
    trial = storage.create_new_trial(1)

    def killed() -> None:
        with one_transaction(storage):
            storage.set_trial_user_attr(trial, "a", 1)
            storage.create_new_trial(1)
            assert storage.get_trial(trial).user_attrs == {"a": 1}
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        killed()
    assert storage.get_trial(trial).user_attrs == {}
    assert len(storage.get_all_trials(1)) == 1
    with one_transaction(storage):
        storage.set_trial_user_attr(trial, "a", 1)
        with one_transaction(storage):
            storage.set_trial_user_attr(trial, "b", 2)
        assert storage.stored.get_trial(trial).user_attrs == {}
    assert storage.stored.get_trial(trial).user_attrs == {"a": 1, "b": 2}
    storage.set_trial_user_attr(trial, "a", 3)  # by itself again
    assert storage.stored.get_trial(trial).user_attrs == {"a": 3, "b": 2}


def test_a_trial_that_has_ended_is_never_changed(tmp_path: Path) -> None:
    _, storage = storages(tmp_path)
    trial = storage.create_new_trial(1)
    storage.set_trial_state_values(trial, TrialState.FAIL)
    with pytest.raises(UpdateFinishedTrialError):
        storage.set_trial_user_attr(trial, "a", 1)
    with pytest.raises(KeyError):
        storage.get_trial(99)


def test_what_somebody_has_read_is_not_changed_by_a_later_write(tmp_path: Path) -> None:
    _, storage = storages(tmp_path)
    before = storage.get_trial(storage.create_new_trial(1))
    storage.set_trial_user_attr(before._trial_id, "a", 1)
    storage.set_trial_intermediate_value(before._trial_id, 1, math.inf)
    assert (before.user_attrs, before.intermediate_values) == ({}, {})


@contextmanager
def statements(storage: Remembered) -> Iterator[list[str]]:
    """All statements that the database gets within the block."""
    found: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, *more: Any) -> None:
        found.append(statement)

    event.listen(storage.engine, "before_cursor_execute", note)
    yield found
    event.remove(storage.engine, "before_cursor_execute", note)


def test_a_proposal_reads_nothing_however_many_trials_run(tmp_path: Path) -> None:
    _, storage = storages(tmp_path)
    study = optuna.load_study(study_name="s", storage=storage, sampler=optuna.samplers.RandomSampler(seed=1))
    assert study.directions == [StudyDirection.MAXIMIZE, StudyDirection.MINIMIZE]
    for _ in range(30):
        study.ask()
    with statements(storage) as found, one_transaction(storage):
        trial = study.ask()
        trial.suggest_float("rate", 0, 1)
        trial.suggest_int("steps", 1, 9)
        for name in "abcde":
            trial.set_user_attr(name, 1)
    assert [statement.split()[:3:2] for statement in found] == [
        ["INSERT", "trials"],
        ["INSERT", "trial_params"],
        ["INSERT", "trial_user_attributes"],
    ]
