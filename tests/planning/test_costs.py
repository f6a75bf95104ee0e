"""Costs: found by either name, refused with the names that there are, and computed from a result."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from study.errors import RequestError
from study.planning.changes import with_budget, with_objectives
from study.planning.costs import costs, costs_of, find_cost, size_mb
from study.planning.plan import Plan
from study.selection import BEST_TRIED
from study.space import Range, SearchSpace

RATE = {"learning_rate": Range(low=1e-4, high=1e-2, log=True)}


def space(**roles: Any) -> SearchSpace:
    return SearchSpace(**{"question": "why?", "nuisance": RATE, "trials": 4} | roles)


@pytest.mark.parametrize("cost", costs().values(), ids=lambda cost: cost.name)
def test_a_cost_is_found_by_both_of_its_names(cost: Any) -> None:
    assert find_cost(cost.name) is find_cost(cost.called) is cost


def test_an_unknown_cost_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(RequestError, match=r"latencie: no such cost.*latency.*there are parameters, size_mb"):
        find_cost("latencie")


def test_the_costs_of_a_result_are_those_that_it_has() -> None:
    assert costs_of({"parameters": 1_000_000}) == {"parameters": 1e6, "size_mb": 4.0}
    measured = costs_of({"parameters": 10, "latency": {"ms": 2.5, "device": "a CPU"}})
    assert measured == {"parameters": 10.0, "size_mb": size_mb(10), "latency_ms": 2.5}


def test_objectives_become_the_costs_of_a_space() -> None:
    assert with_objectives(space(), "accuracy,latency", None).costs == ("latency_ms",)
    assert with_objectives(space(), "f1, size_mb, parameters", None).costs == ("size_mb", "parameters")
    assert with_objectives(space(costs=("size_mb",)), "accuracy", None).costs == ()


def test_objectives_take_the_pruner_away() -> None:
    halving = space(pruner="halving")
    assert with_objectives(halving, "accuracy,parameters", None).pruner == "none"
    assert with_objectives(halving, "accuracy", None).pruner == "halving"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("latency", "must begin with accuracy or f1"),
        ("latency,accuracy", "must begin with accuracy or f1"),
        ("", "must begin with accuracy or f1"),
        ("accuracy,", "no such cost"),
        ("accuracy,speed", "speed: no such cost"),
        ("accuracy,accuracy", "accuracy: no such cost"),
        ("accuracy,latency,latency_ms", "costs: a cost is given twice"),
    ],
)
def test_objectives_of_another_form_are_refused(text: str, why: str) -> None:
    with pytest.raises(RequestError, match=why):
        with_objectives(space(), text, None)


def test_objectives_may_come_with_a_sampler() -> None:
    assert with_objectives(space(), "accuracy,parameters", "nsga2").sampler == "nsga2"


def test_a_pruner_beside_costs_is_refused() -> None:
    with pytest.raises(RequestError, match="pruner: must be none if there are costs"):
        with_budget(space(costs=("parameters",)), {"pruner": "median"})


def test_a_space_with_a_cost_that_there_is_not_makes_no_plan(make_plan: Callable[..., Plan]) -> None:
    with pytest.raises(RequestError, match="memory: no such cost"):
        make_plan(costs=("memory",))
    with pytest.raises(RequestError, match="latency is called latency_ms in a search space"):
        make_plan(costs=("latency",))


def test_a_study_with_costs_confirms_tried_trials(make_plan: Callable[..., Plan]) -> None:
    assert make_plan(costs=("parameters",)).selection == BEST_TRIED


def test_costs_are_a_part_of_what_stays_the_same_under_one_name(make_plan: Callable[..., Plan]) -> None:
    assert make_plan().identity() != make_plan(costs=("parameters",)).identity()
