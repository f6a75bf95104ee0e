"""The contract of a pruner: every registered one inherits these tests."""

from __future__ import annotations

from collections.abc import Callable

import optuna
import pytest
from optuna.trial import TrialState

from study.errors import RequestError
from study.ledger.sampling import make_pruner
from study.planning.plan import Plan
from study.planning.pruners import Pruner, check_pruner, find_pruner, pruners
from study.space import SearchSpace

MakePlan = Callable[..., Plan]

REPORTS = 8

pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")


@pytest.fixture(params=pruners().values(), ids=list(pruners()))
def pruner(request: pytest.FixtureRequest) -> Pruner:
    found: Pruner = request.param
    return found


def stopped(plan: Plan, restart: bool = False) -> dict[int, int]:
    """At which report each of 32 trials is stopped. The quality of trial n is n modulo 16."""
    storage = optuna.storages.InMemoryStorage()
    name = "search"  # Hyperband draws a trial's bracket from the study's name
    optuna.create_study(storage=storage, study_name=name, direction="maximize")
    study = optuna.load_study(storage=storage, study_name=name, pruner=make_pruner(plan))
    found: dict[int, int] = {}
    for number in range(32):
        if restart:
            study = optuna.load_study(storage=storage, study_name=name, pruner=make_pruner(plan))
        quality = number % 16
        trial = study.ask()
        for index in range(1, REPORTS + 1):
            trial.report(quality + index / 100, index)
            if trial.should_prune():
                found[number] = index
                break
        state = TrialState.PRUNED if number in found else TrialState.COMPLETE
        study.tell(trial, state=state, values=None if number in found else quality)
    return found


def test_it_explains_itself_in_one_line(pruner: Pruner) -> None:
    assert find_pruner(pruner.name) is pruner
    assert pruner.about
    assert "\n" not in pruner.about


def test_it_stops_the_weak_and_never_the_strong(make_plan: MakePlan, pruner: Pruner) -> None:
    """Its resource is the report's index, so each report can stop at most one rung."""
    found = stopped(make_plan(pruner=pruner.name, reports=REPORTS))
    if pruner.name == "none":
        assert found == {}
        return
    late = [number % 16 for number in found if number >= 16]
    assert 15 not in late
    assert len([quality for quality in late if quality < 8]) > len([q for q in late if q >= 8])
    assert all(1 <= report <= REPORTS for report in found.values())


def test_it_decides_the_same_after_a_restart(make_plan: MakePlan, pruner: Pruner) -> None:
    plan = make_plan(pruner=pruner.name, reports=REPORTS)
    assert stopped(plan, restart=True) == stopped(plan)


def test_its_name_is_a_string_in_the_plan_on_record(make_plan: MakePlan, pruner: Pruner) -> None:
    plan = make_plan(pruner=pruner.name)
    assert plan.model_dump(mode="json")["space"]["pruner"] == pruner.name


def test_hyperband_gets_the_number_of_reports_as_its_largest_resource() -> None:
    arguments = {"min_resource": 1, "reduction_factor": 2, "max_resource": 5}
    assert find_pruner("hyperband").arguments(5) == arguments


@pytest.mark.parametrize(("name", "hint"), [("halfing", r" \(did you mean halving\?\)"), ("best", "")])
def test_an_unknown_pruner_is_refused_and_a_near_name_is_suggested(
    make_plan: MakePlan, name: str, hint: str
) -> None:
    complaint = rf"^pruner: no such pruner as {name}{hint}; there are none, median, halving, hyperband$"
    with pytest.raises(RequestError, match=complaint):
        make_plan(pruner=name)
    with pytest.raises(RequestError, match=complaint):
        check_pruner(SearchSpace(question="why?", trials=1, pruner=name))
