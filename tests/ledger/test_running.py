"""Running trials: attempts and deaths are counted, and a report always gets the same decision."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from study.errors import Away
from study.ledger.ledger import Ledger
from study.ledger.memory import Remembered, one_transaction
from study.ledger.records import Record, State
from study.planning.plan import Plan
from tests.ledger.trials import ask, wanted

MakePlan = Callable[..., Plan]
OpenLedger = Callable[..., Ledger]

pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")


def test_attempts_and_deaths_are_counted_for_each_trial_and_kept(
    make_plan: MakePlan, open_ledger: OpenLedger
) -> None:
    plan = make_plan()
    ledger = open_ledger(plan)
    one, other = ask(ledger), ask(ledger)
    assert [ledger.begin_attempt(one), ledger.begin_attempt(one), ledger.begin_attempt(other)] == [1, 2, 1]
    assert [ledger.count_death(other, 0), ledger.count_death(one, 0)] == [1, 1]
    again = open_ledger(plan)
    assert [again.begin_attempt(one), again.count_death(one, 0), again.begin_attempt(other)] == [3, 2, 2]
    assert again.records() == [one, other]


def test_a_count_whose_answer_is_lost_counts_once(
    make_plan: MakePlan, open_ledger: OpenLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The write was committed, and its answer did not come: the caller calls again."""
    plan = make_plan()
    ledger = open_ledger(plan)
    record, answers = ask(ledger), iter([False])

    @contextlib.contextmanager
    def transaction(storage: Remembered) -> Iterator[None]:
        with one_transaction(storage):
            yield
        if not next(answers, True):
            raise OperationalError("COMMIT", {}, ConnectionError("server closed the connection"))

    monkeypatch.setattr("study.ledger.book.one_transaction", transaction)
    with pytest.raises(Away):
        ledger.count_death(record, 0)
    assert open_ledger(plan).storage.get_trial(record.trial_id).user_attrs["deaths after report 0"] == 1
    assert [ledger.count_death(record, 0), ledger.count_death(record, 0)] == [1, 2]


# Pruning


def run_reports(ledger: Ledger, record: Record, values: list[float]) -> int | None:
    """Report until the pruner stops the trial; returns the report at which it did, or None."""
    for index, value in enumerate(values, 1):
        if ledger.report(record, index, value):
            ledger.tell(record, State.PRUNED, None)
            return index
    ledger.tell(record, State.COMPLETE, values[-1])
    return None


@pytest.mark.parametrize("pruner", ["median", "halving", "hyperband"])
def test_weak_trials_are_stopped_and_strong_ones_never(
    make_plan: MakePlan, open_ledger: OpenLedger, pruner: str
) -> None:
    ledger = open_ledger(make_plan(pruner=pruner, trials=20, reports=4, sampler="random"))
    for _ in range(10):
        run_reports(ledger, ask(ledger), [0.5, 0.5, 0.5, 0.5])
    weak = [run_reports(ledger, ask(ledger), [0.1, 0.1, 0.1, 0.1]) for _ in range(5)]
    assert run_reports(ledger, ask(ledger), [0.9, 0.9, 0.9, 0.9]) is None
    assert any(weak)
    assert {r.outcome for r in ledger.records() if r.value == 0.9} == {"complete"}


@pytest.mark.parametrize("pruner", ["none", "median", "halving", "hyperband"])
def test_confirm_runs_are_never_stopped(make_plan: MakePlan, open_ledger: OpenLedger, pruner: str) -> None:
    plan = make_plan(pruner=pruner, reports=4)
    ledger = open_ledger(plan)
    wanted_runs = wanted(plan, seeds=12)
    for quality in range(12, 0, -1):
        record = ledger.ask_confirm(wanted_runs)
        assert record is not None
        assert run_reports(ledger, record, [quality / 20] * 4) is None


def test_a_pruned_trial_is_no_result(make_plan: MakePlan, open_ledger: OpenLedger) -> None:
    ledger = open_ledger(make_plan(pruner="halving", reports=4))
    run_reports(ledger, ask(ledger), [0.5] * 4)
    assert run_reports(ledger, ask(ledger), [0.1] * 4) == 1
    pruned = ledger.records()[-1]
    assert (pruned.outcome, pruned.value) == ("pruned", None)


@pytest.mark.parametrize("pruner", ["median", "halving", "hyperband"])
def test_reports_made_again_after_a_kill_are_decided_as_they_were(
    make_plan: MakePlan, open_ledger: OpenLedger, pruner: str
) -> None:
    """Also if the kill came between the pruner's decision and the trial's end, and other trials went on."""
    plan = make_plan(pruner=pruner, trials=30, reports=4, sampler="random")
    ledger = open_ledger(plan)
    for _ in range(8):
        run_reports(ledger, ask(ledger), [0.5] * 4)
    weak, answers = [ask(ledger) for _ in range(4)], []
    for record in weak:
        reports = []
        for index in range(1, 5):
            reports.append(ledger.report(record, index, 0.3))
            if reports[-1]:
                break
        answers.append(reports)
    assert any(reports[-1] for reports in answers)
    for _ in range(8):  # had they been there before, the weak ones would have been strong
        run_reports(ledger, ask(ledger), [0.1] * 4)
    again = open_ledger(plan)
    for record, reports in zip(weak, answers, strict=True):
        assert [again.report(record, i, 0.3) for i in range(1, len(reports) + 1)] == reports


@pytest.mark.parametrize("pruner", ["halving", "hyperband"])
def test_a_kill_while_the_pruner_decides_changes_no_decision(
    make_plan: MakePlan, open_ledger: OpenLedger, monkeypatch: pytest.MonkeyPatch, pruner: str
) -> None:
    """A halving pruner marks the trial's rung while it decides: with only the mark, a trial would go on."""
    plan = make_plan(pruner=pruner, trials=30, reports=4, sampler="random")

    def die(*values: Any, **more: Any) -> None:
        raise KeyboardInterrupt

    def decisions(database: str, killed_at: tuple[str, ...]) -> list[int | None]:
        ledger = open_ledger(plan, database)
        stopped = []
        for number in range(9):
            record, value = ask(ledger), 0.5 if number % 3 else 0.1
            for write in killed_at:
                with monkeypatch.context() as patch, contextlib.suppress(KeyboardInterrupt):
                    patch.setattr(Remembered, write, die)
                    ledger.report(record, 1, value)
                ledger = open_ledger(plan, database)
            stopped.append(run_reports(ledger, record, [value] * 4))
        return stopped

    undisturbed = decisions("undisturbed", ())
    assert any(undisturbed)
    assert decisions("killed", ("set_trial_user_attr", "set_trial_system_attr")) == undisturbed
