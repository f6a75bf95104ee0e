"""The driver's copy of the records in memory is always what a new process would read."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from study.ledger.ledger import Ledger
from study.ledger.memory import Remembered
from study.ledger.progress import confirm_wanted
from study.ledger.records import State
from study.planning.plan import Plan
from tests.ledger.trials import ask

MakePlan = Callable[..., Plan]
OpenLedger = Callable[..., Ledger]

pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")

WHEN = st.integers(0, 9)  # which running trial, or before which write
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
        {"trials": 3, "sampler": "random", "nuisance": {"warmup": (0.0, 0.1)}},  # the sampler repeats itself
    ]
)


class Kill:
    """Kills the driver before write number `left`, counted from 0; None: lets it live."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.left: int | None = None
        storage = Remembered
        for name in ("create_new_trial", "set_trial_user_attr", "set_trial_state_values"):
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
            ledger.tell(record, State(action), which / 10, "it is so" if which % 2 else None)


@settings(max_examples=25, deadline=None)
@given(SPACES, st.lists(ACTIONS, max_size=25))
def test_the_memory_is_what_a_new_process_reads(
    make_plan: MakePlan, fast_sqlite: None, space: dict[str, Any], actions: list[tuple[str, int]]
) -> None:
    """The records, and how often each sampler has proposed; also if the driver was killed before a write."""
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


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_after_a_write_that_raised_everything_is_read_again(
    make_plan: MakePlan, open_ledger: OpenLedger, error: type[BaseException]
) -> None:
    """Records, running trials and Optuna's own studies, because nobody knows what the database holds."""
    plan = make_plan(pruner="median")
    ledger = open_ledger(plan)
    book, record = ledger._book, ask(ledger)
    ledger.report(record, 1, 0.5)
    known, study = book.records(), book.studies.of(record)
    assert "outcome" not in ledger.storage.get_trial(record.trial_id).user_attrs

    def write() -> None:
        with book.writing():
            ledger.storage.set_trial_user_attr(record.trial_id, "outcome", "complete")
            raise error

    with pytest.raises(error):
        write()
    assert book.records() is not known
    assert book.studies.of(record) is not study
    assert list(book.records()) == list(known)
    assert "outcome" not in ledger.storage.get_trial(record.trial_id).user_attrs


def test_after_a_write_nothing_is_read_again(make_plan: MakePlan, open_ledger: OpenLedger) -> None:
    ledger = open_ledger(make_plan())
    known = ledger._book.records()
    record = ask(ledger)
    ledger.begin_attempt(record)
    ledger.tell(record, State.COMPLETE, 0.5)
    assert ledger._book.records() is known
    assert [each.outcome for each in known] == [State.COMPLETE]
