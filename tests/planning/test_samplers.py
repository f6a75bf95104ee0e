"""The contract of a sampler: every registered one inherits these tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import optuna
import pytest

from study.errors import RequestError
from study.ledger.records import State
from study.ledger.sampling import make_sampler
from study.planning.plan import Arm, Plan
from study.planning.samplers import POPULATION, Sampler, check_sampler, find_sampler, samplers
from study.space import Range, SearchSpace

MakePlan = Callable[..., Plan]

RANGES: dict[str, Any] = {
    "learning_rate": Range(low=1e-4, high=1e-2, log=True),
    "weight_decay": Range(low=0.0, high=0.1),
    "steps": Range(low=20, high=50),
    "batch_size": (8, 16, 32),
}
LEVELS: dict[str, Any] = {"learning_rate": (1e-4, 1e-3, 1e-2), "batch_size": (8, 16, 32)}
pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")

TRIALS = POPULATION + 3  # the last ones are TPE's and NSGA-II's own, after their random starts


@pytest.fixture(params=samplers().values(), ids=list(samplers()))
def sampler(request: pytest.FixtureRequest) -> Sampler:
    found: Sampler = request.param
    return found


@pytest.fixture
def plan(make_plan: MakePlan, sampler: Sampler) -> Plan:
    """Two arms that tune the same hyperparameters."""
    nuisance = LEVELS if sampler.needs_levels else RANGES
    return make_plan(
        sampler=sampler.name, scientific={"init": ("base", "teacher")}, nuisance=nuisance, trials=TRIALS
    )


def suggestions(
    plan: Plan, arm: Arm, scores: Callable[[int], float] = float, restart: bool = False
) -> list[dict[str, Any]]:
    """What `plan` proposes for `arm` if trial n scores `scores(n)`; `restart`: in a new process each time."""
    storage = optuna.storages.InMemoryStorage()
    study = optuna.create_study(storage=storage, study_name="s", direction="maximize")
    proposed = []
    for n in range(TRIALS):
        if restart:
            study = optuna.load_study(storage=storage, study_name="s")
        study.sampler = make_sampler(plan, arm, n)
        trial = study.ask()
        plan.suggest(trial, arm)
        study.tell(trial, scores(n))
        proposed.append(trial.params)
    return proposed


def test_it_explains_itself_in_one_line(sampler: Sampler) -> None:
    assert find_sampler(sampler.name) is sampler
    assert sampler.about
    assert "\n" not in sampler.about


def test_its_suggestions_are_inside_the_ranges_and_among_the_levels(plan: Plan) -> None:
    for point in suggestions(plan, plan.arms()[0]):
        assert point.keys() == plan.space.nuisance.keys()
        for name, value in point.items():
            domain = plan.space.nuisance[name]
            if isinstance(domain, Range):
                assert domain.low <= value <= domain.high
                assert type(value) is (int if name == "steps" else float)
            else:
                assert value in domain


def test_its_suggestions_are_the_same_after_a_restart(plan: Plan) -> None:
    for arm in plan.arms():
        assert suggestions(plan, arm, restart=True) == suggestions(plan, arm)


def test_arms_try_the_same_points_if_and_only_if_it_is_said(plan: Plan, sampler: Sampler) -> None:
    one, other = (suggestions(plan, arm) for arm in plan.arms())
    assert (one == other) is sampler.same_points


def test_later_trials_depend_on_earlier_scores_if_and_only_if_it_is_said(
    plan: Plan, sampler: Sampler
) -> None:
    arm = plan.arms()[0]
    rising, falling = suggestions(plan, arm, lambda n: n), suggestions(plan, arm, lambda n: -n)
    assert (rising != falling) is sampler.adaptive


def test_a_range_is_refused_if_and_only_if_it_needs_levels(make_plan: MakePlan, sampler: Sampler) -> None:
    if not sampler.needs_levels:
        assert make_plan(sampler=sampler.name, nuisance=RANGES).space.sampler == sampler.name
        return
    complaint = rf"^learning_rate: the sampler {sampler.name} needs levels, not a range$"
    with pytest.raises(RequestError, match=complaint):
        make_plan(sampler=sampler.name, nuisance=RANGES)


@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize("name", [name for name, one in samplers().items() if not one.needs_levels])
def test_every_whole_number_of_a_range_is_tried_and_none_twice(
    make_plan: MakePlan, open_ledger: Any, name: str, log: bool
) -> None:
    """Four whole numbers and a budget of nine trials: the search has four."""
    nuisance = {"depth": Range(low=2, high=5, log=log)}
    ledger = open_ledger(make_plan(sampler=name, nuisance=nuisance, trials=9))
    depths = []
    while (record := ledger.ask_search()) is not None:
        depths.append(record.config.depth)
        ledger.tell(record, State.COMPLETE, 0.5)
    assert sorted(depths) == [2, 3, 4, 5]


def test_enqueued_points_come_first_and_then_what_it_would_have_proposed(
    make_plan: MakePlan, sampler: Sampler
) -> None:
    """A sampler that depends on scores proposes something else then."""
    nuisance = LEVELS if sampler.needs_levels else RANGES
    first = {"learning_rate": 1e-3, "weight_decay": 0.05, "steps": 30, "batch_size": 16}
    first = {name: value for name, value in first.items() if name in nuisance}
    plain, enqueued = (
        make_plan(sampler=sampler.name, nuisance=nuisance, trials=TRIALS, enqueued=points)
        for points in ((), (first,))
    )
    found = suggestions(enqueued, enqueued.arms()[0])
    assert found[0] == first
    if sampler.same_points:
        assert found[1:] == suggestions(plain, plain.arms()[0])[:-1]


def test_its_name_is_a_string_in_the_plan_on_record(plan: Plan, sampler: Sampler) -> None:
    assert plan.model_dump(mode="json")["space"]["sampler"] == sampler.name
    assert Plan.model_validate_json(plan.model_dump_json()) == plan


@pytest.mark.parametrize(
    ("name", "hint"), [("quasy", r" \(did you mean quasi\?\)"), ("best", ""), ("", ""), ("TPE", "")]
)
def test_an_unknown_sampler_is_refused_and_a_near_name_is_suggested(
    make_plan: MakePlan, name: str, hint: str
) -> None:
    complaint = rf"^sampler: no such sampler as {name}{hint}; there are quasi, tpe, random, grid, nsga2$"
    with pytest.raises(RequestError, match=complaint):
        make_plan(sampler=name)
    with pytest.raises(RequestError, match=complaint):
        check_sampler(SearchSpace(question="why?", trials=1, sampler=name))


@pytest.mark.parametrize("given", [{}, {"optuna": "RandomSampler", "point": lambda plan, arm, n: {}}])
def test_a_sampler_has_either_points_or_an_optuna_class(given: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="either a point function or an Optuna class"):
        Sampler("new", "about", "at new points", **given)


def test_it_searches_what_is_varied_with_what_is_tuned(make_plan: MakePlan, sampler: Sampler) -> None:
    levels = {"init": ("random", "base", "teacher"), "depth": (1, 2, 3)}
    plan = make_plan(sampler=sampler.name, nuisance={"batch_size": (8, 16)}, varied=levels, confirm_seeds=0)
    proposed = suggestions(plan, plan.arms()[0])
    assert all(point.keys() == {"batch_size", *levels} for point in proposed)
    assert len({tuple(point.items()) for point in proposed}) > 1
