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
