"""A study with costs: what the ledger stores of them, what samplers make of them, and which runs confirm."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from optuna.study import StudyDirection

from study.ledger.ledger import Ledger
from study.ledger.progress import confirm_wanted, is_finished, summary
from study.ledger.records import Record, State
from study.planning.plan import Plan
from tests.ledger.trials import ask, optuna_study

MakePlan = Callable[..., Plan]
OpenLedger = Callable[..., Ledger]

COSTS: dict[str, Any] = {
    "costs": ("latency_ms", "parameters"),
    "fixed": {"steps": 10},
    "trials": 14,
    "confirm_seeds": 2,
}
pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")


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


def test_each_student_of_the_front_is_confirmed_at_every_seed(
    make_plan: MakePlan, open_ledger: OpenLedger
) -> None:
    plan = make_plan(**COSTS | {"costs": ("parameters",), "trials": 3})
    ledger = open_ledger(plan)
    ended = [
        ledger.tell(ask(ledger), State.COMPLETE, value, costs=(cost,))
        for value, cost in [(0.5, 10.0), (0.6, 20.0), (0.4, 30.0)]
    ]
    found = summary(plan, ledger.records())
    assert [student["key"] for student in found["front"]] == [ended[1].key, ended[0].key]
    assert found["front"][0]["costs"] == {"parameters": 20.0}
    assert (found["planned"], found["waiting"]) == (3 + 2 * 2, 4)
    wanted = confirm_wanted(plan, ledger.records())
    assert [(one.choice.tried, one.config.seed) for one in wanted if one.choice] == [
        (ended[1].key, 1),
        (ended[0].key, 1),
        (ended[1].key, 2),
        (ended[0].key, 2),
    ]
    while (record := ledger.ask_confirm(wanted)) is not None:
        ledger.tell(record, State.COMPLETE, 0.5)
    assert is_finished(plan, ledger.records())
    assert [record.costs for record in open_ledger(plan).records() if record.phase == "confirm"] == [()] * 4


def test_a_larger_budget_supersedes_students_that_leave_the_front(
    make_plan: MakePlan, open_ledger: OpenLedger
) -> None:
    plan = make_plan(**COSTS | {"costs": ("parameters",), "trials": 1})
    ledger = open_ledger(plan)
    ledger.tell(ask(ledger), State.COMPLETE, 0.5, costs=(10.0,))
    while (record := ledger.ask_confirm(confirm_wanted(plan, ledger.records()))) is not None:
        ledger.tell(record, State.COMPLETE, 0.5)
    more = make_plan(**COSTS | {"costs": ("parameters",), "trials": 2})
    ledger = open_ledger(more)
    ledger.tell(ask(ledger), State.COMPLETE, 0.6, costs=(10.0,))
    found = summary(more, ledger.records())
    assert (found["superseded"], found["planned"], found["waiting"]) == (2, 4, 2)


def test_no_trial_is_lost_from_the_count_if_no_trial_is_complete(
    make_plan: MakePlan, open_ledger: OpenLedger
) -> None:
    plan = make_plan(**COSTS | {"trials": 2})
    ledger = open_ledger(plan)
    for _ in range(2):
        ledger.tell(ask(ledger), State.DIVERGED, None)
    found = summary(plan, ledger.records())
    assert (found["planned"], found["diverged"], found["waiting"], found["front"]) == (2, 2, 0, [])
