"""The ledger: a new process finds exactly what was asked, what runs and what has ended, after any kill."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from optuna.study import StudyDirection
from optuna.trial import TrialState
from sqlalchemy.exc import OperationalError

from study.ledger.ledger import End, Ledger
from study.ledger.memory import Remembered
from study.ledger.records import Record, State
from study.planning.plan import Plan
from study.space import Range
from tests.ledger.trials import ARMS, ask, optuna_study, states

MakePlan = Callable[..., Plan]
OpenLedger = Callable[..., Ledger]

pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")


def test_a_new_process_finds_what_runs_with_its_number_and_key(
    make_plan: MakePlan, open_ledger: OpenLedger
) -> None:
    plan = make_plan(**ARMS)
    ledger = open_ledger(plan)
    running = [ask(ledger) for _ in range(4)]
    ledger.tell(running[1], State.COMPLETE, 0.5)
    again = open_ledger(plan)
    assert [r for r in again.records() if r.running] == [
        r for r in sorted(running, key=lambda r: r.arm != "init=random") if r is not running[1]
    ]
    assert again.ask_search() not in running


def test_a_record_holds_the_whole_configuration(make_plan: MakePlan, open_ledger: OpenLedger) -> None:
    plan = make_plan(nuisance={"alpha": Range(low=0, high=1), "warmup": (0.0, 0.1)}, fixed={"epochs": 2})
    ledger = open_ledger(plan)
    record = ask(ledger)
    config = record.config
    params = optuna_study(ledger).trials[0].params
    assert config == plan.config(plan.arms()[0], params)
    assert (record.key, record.phase, record.arm, record.number) == (config.key, "search", "all", 0)
    assert (config.seed, config.data_seed) == (0, 0)


@pytest.mark.parametrize(
    ("outcome", "state", "value"),
    [
        ("complete", TrialState.COMPLETE, 0.25),
        ("pruned", TrialState.PRUNED, None),
        ("diverged", TrialState.PRUNED, None),
        ("failed", TrialState.FAIL, None),
    ],
)
def test_a_trial_ends_with_its_outcome(
    make_plan: MakePlan, open_ledger: OpenLedger, outcome: Any, state: TrialState, value: float | None
) -> None:
    plan = make_plan()
    ledger = open_ledger(plan)
    record = ask(ledger)
    assert record.running
    ledger.report(record, 1, 0.2)
    ledger.tell(record, State(outcome), 0.25, "it is so")
    (ended,) = open_ledger(plan).records()
    assert (ended.outcome, ended.value, ended.why) == (outcome, value, "it is so")
    assert not ended.running
    assert states(ledger) == [state]


def test_told_twice_is_told_once(make_plan: MakePlan, open_ledger: OpenLedger) -> None:
    plan = make_plan()
    ledger = open_ledger(plan)
    record = ask(ledger)
    ledger.tell(record, State.COMPLETE, 0.5)
    before = ledger.records()
    open_ledger(plan).tell(record, State.FAILED, None, "late")
    assert ledger.records() == before


def test_an_outcome_without_an_end_still_runs(make_plan: MakePlan, open_ledger: OpenLedger) -> None:
    """The outcome is stored, and the end is not."""
    plan = make_plan()
    ledger = open_ledger(plan)
    record = ask(ledger)
    ledger.storage.set_trial_user_attr(record.trial_id, "outcome", "complete")
    again = open_ledger(plan)
    assert again.records()[0].running
    again.tell(record, State.COMPLETE, 0.5)
    assert again.records()[0].value == 0.5


def test_what_was_told_while_the_database_was_away_is_told_once_more(
    make_plan: MakePlan, fast_sqlite: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also the values of the trial's reports, which are written with its end."""
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
        patch.setattr(Remembered, "set_trial_state_values", away)
        with pytest.raises(OperationalError):
            ledger._tell_all([End(record, State.COMPLETE, 0.3)])
    assert Ledger(url, plan.name).storage.get_trial(record.trial_id).intermediate_values == {}
    ended = ledger.tell(record, State.COMPLETE, 0.3)
    assert (ended.outcome, ended.value) == ("complete", 0.3)
    stored = Ledger(url, plan.name).storage.get_trial(record.trial_id)
    assert stored.intermediate_values == {1: 0.1, 2: 0.2, 3: 0.3}


COSTS: dict[str, Any] = {
    "costs": ("latency_ms", "parameters"),
    "fixed": {"steps": 10},
    "trials": 14,
    "confirm_seeds": 2,
}


def end(ledger: Ledger, record: Record) -> Record:
    """End a trial with a score and costs that are functions of its configuration."""
    rate = record.config.learning_rate
    return ledger.tell(record, State.COMPLETE, 0.5 + 10 * rate, costs=(1 + rate, 100.0 * record.config.depth))


def test_a_trial_ends_with_its_costs(make_plan: MakePlan, open_ledger: OpenLedger) -> None:
    plan = make_plan(**COSTS)
    ledger = open_ledger(plan)
    ended = end(ledger, ask(ledger))
    assert ended.costs == (1 + ended.config.learning_rate, 300.0)
    assert list(open_ledger(plan).records()) == [ended]
    study = optuna_study(ledger)
    high, low = StudyDirection.MAXIMIZE, StudyDirection.MINIMIZE
    assert study.directions == [high, low, low]
    assert study.trials[0].values == [ended.value, *ended.costs]


@pytest.mark.parametrize("outcome", [State.PRUNED, State.DIVERGED, State.FAILED])
def test_a_trial_without_a_score_has_no_costs(
    make_plan: MakePlan, open_ledger: OpenLedger, outcome: State
) -> None:
    plan = make_plan(**COSTS)
    ledger = open_ledger(plan)
    ledger.report(lost := ask(ledger), 1, 0.2)
    ledger.tell(lost, outcome, None)
    for _ in range(4):  # the sampler proposes beside the lost trial
        end(ledger, ask(ledger))
    (read,) = [record for record in open_ledger(plan).records() if record.key == lost.key]
    assert (read.outcome, read.value, read.costs) == (outcome, None, ())


@pytest.mark.parametrize("sampler", ["tpe", "nsga2", "random", "quasi"])
def test_a_study_that_is_interrupted_proposes_what_an_undisturbed_one_does(
    make_plan: MakePlan, open_ledger: OpenLedger, sampler: str
) -> None:
    plan = make_plan(**COSTS, sampler=sampler)
    whole, parts = open_ledger(plan, "whole"), open_ledger(plan, "parts")
    for number in range(14):
        end(whole, ask(whole))
        if number % 5 == 4:
            parts = open_ledger(plan, "parts")
        end(parts, ask(parts))
    assert [record.config for record in parts.records()] == [record.config for record in whole.records()]


def test_a_duplicate_has_the_costs_of_its_original(make_plan: MakePlan, open_ledger: OpenLedger) -> None:
    plan = make_plan(
        **COSTS | {"nuisance": {"warmup": (0.0, 0.1)}, "costs": ("parameters",)}, sampler="random"
    )
    ledger = open_ledger(plan)
    for number in range(2):
        ledger.tell(ask(ledger), State.COMPLETE, 0.5, costs=(float(number),))
    duplicates = [t for t in optuna_study(ledger).trials if "duplicate_of" in t.user_attrs]
    originals = {t.number: t.values for t in optuna_study(ledger).trials}
    complete = [t for t in duplicates if t.values]
    assert all(t.values == originals[t.user_attrs["duplicate_of"]] for t in complete)
