"""The driver's memory of its trials: after anything that it did, what a new process would read."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import OperationalError

from study.ledger.ledger import Ledger
from study.ledger.progress import confirm_wanted
from study.ledger.records import State
from study.ledger.database import one_transaction
from study.planning.plan import Plan

MakePlan = Callable[..., Plan]

pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")

WHEN = st.integers(0, 9)  # which of those that run, or at which write
ACTIONS = st.one_of(
    st.tuples(st.sampled_from(["ask", "confirm", "retry", "mend", "kill"]), WHEN),
    st.tuples(st.just("report"), WHEN),
    st.tuples(st.sampled_from(["complete", "pruned", "diverged", "failed"]), WHEN),
    st.tuples(st.sampled_from(["attempt", "death"]), WHEN),
)
SPACES = st.sampled_from(
    [
        {"trials": 4},
        {"trials": 4, "pruner": "halving"},
        {"trials": 3, "sampler": "random", "nuisance": {"warmup": (0.0, 0.1)}},  # that repeats itself
    ]
)


class Kill:
    """A driver that is killed before its write `left`, counted from 0."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.left: int | None = None
        storage = optuna.storages.RDBStorage
        for name in ("_create_new_trial", "set_trial_user_attr", "set_trial_state_values"):
            monkeypatch.setattr(storage, name, self._guard(getattr(storage, name)))

    def _guard(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def write(*values: Any, **more: Any) -> Any:
            if self.left is not None:
                if self.left == 0:
                    raise KeyboardInterrupt
                self.left -= 1
            return original(*values, **more)

        return write


def act(ledger: Ledger, action: str, which: int) -> None:
    plan = ledger.require_plan()
    running = [record for record in ledger.records() if record.running]
    if action == "ask":
        ledger.ask_search()
    elif action == "confirm":
        ledger.ask_confirm(confirm_wanted(plan, ledger.records()))
    elif action == "retry":
        ledger.retry_failed()
    elif action == "mend":
        ledger.mend()
    elif running:
        record = running[which % len(running)]
        if action == "report":
            ledger.report(record, 1 + which % 3, which / 10)
        elif action == "attempt":
            ledger.begin_attempt(record)
        elif action == "death":
            ledger.count_death(record, 0)
        else:
            ledger.tell(record, action, which / 10, "it is so" if which % 2 else None)  # type: ignore[arg-type]


@settings(max_examples=25, deadline=None)
@given(SPACES, st.lists(ACTIONS, max_size=25))
def test_the_memory_is_what_a_new_process_reads(
    make_plan: MakePlan, fast_sqlite: None, space: dict[str, Any], actions: list[tuple[str, int]]
) -> None:
    """Records, what is next in turn, and how often each sampler was asked; also where a write was killed."""
    plan = make_plan(scientific={"init": ("random", "teacher")}, reports=3, **space)
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        url, kill = f"sqlite:///{Path(folder) / 'optuna.db'}", Kill(patch)
        ledger = Ledger(url, plan.name)
        ledger.open(plan)
        for number, (action, which) in enumerate(actions):
            if action == "kill":  # the next action, before one of its writes
                kill.left = which % 5
                continue
            with contextlib.suppress(KeyboardInterrupt):
                act(ledger, action, which)
            kill.left = None
            if number % 3 == 0 or number == len(actions) - 1:
                fresh = Ledger(url, plan.name)
                assert ledger.records() == fresh.records()
                mine, theirs = ledger._book.records(), fresh._book.records()
                assert mine._proposed == theirs._proposed
                assert mine._known == theirs._known


def test_what_was_told_while_the_database_was_away_is_told_once_more(
    make_plan: MakePlan, fast_sqlite: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also the values of its reports, which are with its end."""
    url, plan = f"sqlite:///{tmp_path / 'optuna.db'}", make_plan()
    ledger = Ledger(url, plan.name)
    ledger.open(plan)
    record = ledger.ask_search()
    assert record is not None
    for index in (1, 2, 3):
        ledger.report(record, index, index / 10)

    def away(*values: Any, **more: Any) -> None:
        raise OperationalError("UPDATE", {}, ConnectionError("connection refused"))

    with monkeypatch.context() as patch:
        patch.setattr(optuna.storages.RDBStorage, "set_trial_state_values", away)
        with pytest.raises(OperationalError):
            ledger._tell(record, State.COMPLETE, 0.3, None)
    assert Ledger(url, plan.name).storage.get_trial(record.trial_id).intermediate_values == {}
    ended = ledger.tell(record, State.COMPLETE, 0.3)
    assert (ended.outcome, ended.value) == ("complete", 0.3)
    stored = Ledger(url, plan.name).storage.get_trial(record.trial_id)
    assert stored.intermediate_values == {1: 0.1, 2: 0.2, 3: 0.3}


def test_a_transaction_is_committed_as_a_whole_or_not_at_all(fast_sqlite: None, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'optuna.db'}"
    study = optuna.create_study(storage=url, study_name="s")
    storage = optuna.storages.RDBStorage(url)
    number = study.ask()._trial_id

    def killed() -> None:
        with one_transaction(storage):
            storage.set_trial_user_attr(number, "a", 1)
            assert storage.get_trial(number).user_attrs == {"a": 1}
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        killed()
    assert storage.get_trial(number).user_attrs == {}
    with one_transaction(storage):
        storage.set_trial_user_attr(number, "a", 1)
        storage.set_trial_user_attr(number, "b", 2)
        assert optuna.storages.RDBStorage(url).get_trial(number).user_attrs == {}
    assert optuna.storages.RDBStorage(url).get_trial(number).user_attrs == {"a": 1, "b": 2}
    storage.set_trial_user_attr(number, "c", 3)  # by itself again
    assert optuna.storages.RDBStorage(url).get_trial(number).user_attrs == {"a": 1, "b": 2, "c": 3}
