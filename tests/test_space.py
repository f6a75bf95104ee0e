"""Search spaces: which roles, ranges and budgets are allowed."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from study.space import Range, SearchSpace

RATE = Range(low=1e-4, high=1e-2, log=True)
SPACE = SearchSpace(
    question="why?",
    scientific={"init": ("random", "teacher"), "alpha": (1.0, 0.5)},
    nuisance={"learning_rate": RATE, "warmup": (0.0, 0.1)},
    fixed={"steps": 100},
    trials=4,
)


@pytest.mark.parametrize(
    ("roles", "complaint"),
    [
        ({"nuisance": {"lr": RATE}}, "lr: no such hyperparameter; there are alpha, "),
        ({"scientific": {"seed": (0, 1)}}, "seed: no such hyperparameter"),
        ({"fixed": {"model": "other"}}, "model: no such hyperparameter"),
        ({"fixed": {"alpha": 1.0}, "scientific": {"alpha": (0.0, 1.0)}}, "alpha: has two roles"),
        ({"scientific": {"alpha": (1.0, 0.5, 1)}}, "alpha: a level is given twice"),
        ({"nuisance": {"warmup": ()}}, "warmup: there is no level"),
        ({"nuisance": {"batch_size": Range(low=16, high=64.5)}}, "batch_size: is a whole number, and so are"),
        ({"nuisance": {"init": Range(low=0, high=1)}}, "init: is not a number and needs levels"),
        ({"trials": 0}, "greater than or equal to 1"),
        ({"budget": 3}, "Extra inputs are not permitted"),
    ],
)
def test_a_space_that_cannot_be_asked_is_refused(roles: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        SearchSpace(**{"question": "why?", "trials": 2} | roles)


def test_epochs_may_be_a_range_though_they_may_be_missing_too() -> None:
    space = SearchSpace(question="why?", trials=2, nuisance={"epochs": Range(low=0.5, high=4)})
    assert space.nuisance["epochs"] == Range(low=0.5, high=4)


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"low": 1, "high": 1}, "low 1.0 must be below high 1.0"),
        ({"low": 2, "high": 1}, "low 2.0 must be below high 1.0"),
        ({"low": float("nan"), "high": 1}, "low nan must be below high 1.0"),
        ({"low": 0, "high": 1, "log": True}, "a logarithmic range must be above 0"),
    ],
)
def test_a_range_goes_up(values: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        Range(**values)


def test_a_space_survives_json() -> None:
    assert SearchSpace.model_validate_json(SPACE.model_dump_json()) == SPACE


ALPHA = {"alpha": Range(low=0, high=1)}


def test_a_space_that_varies_something_has_no_confirm_runs() -> None:
    space = SearchSpace(question="why?", trials=2, varied=ALPHA)
    assert space.confirm_seeds == 0
    assert SearchSpace(question="why?", trials=2).confirm_seeds == 3
    assert SearchSpace(**space.model_dump()) == space


def test_what_is_searched_is_what_is_tuned_and_what_is_varied() -> None:
    space = SearchSpace(question="why?", trials=2, varied=ALPHA, nuisance={"learning_rate": RATE})
    assert list(space.searched) == ["learning_rate", "alpha"]


@pytest.mark.parametrize(
    ("roles", "complaint"),
    [
        ({"varied": ALPHA, "confirm_seeds": 2}, "confirm_seeds: must be 0 if hyperparameters are varied"),
        ({"varied": ALPHA, "pruner": "median"}, "pruner: must be none if hyperparameters are varied"),
        (
            {"varied": ALPHA, "fixed": {"alpha": 1.0}},
            "alpha: has two roles; give it one of scientific, nuisance",
        ),
        ({"varied": {"alpha": (0.5,)}}, "alpha: is varied, and needs at least two levels"),
        (
            {"varied": {"teacher_seed": Range(low=0, high=3)}},
            "teacher_seed: is varied, and needs at least two",
        ),
        ({"varied": {"depth": Range(low=1.5, high=3)}}, "depth: is a whole number"),
        ({"varied": {"alhpa": (0.0, 1.0)}}, "alhpa: no such hyperparameter"),
    ],
)
def test_what_cannot_be_varied_is_refused(roles: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        SearchSpace(**{"question": "why?", "trials": 2} | roles)


@pytest.mark.parametrize("name", ["data_fraction", "label_floor", "teacher_data", "teacher_seed"])
def test_what_is_never_tuned_may_be_varied(name: str) -> None:
    levels: tuple[Any, ...] = ("full", "same") if name == "teacher_data" else (0, 1)
    assert SearchSpace(question="why?", trials=2, varied={name: levels}).varied == {name: levels}
