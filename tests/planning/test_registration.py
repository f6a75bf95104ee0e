"""A registration: what a study asks and by which rules, as one text with its hash."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import pytest

from study.planning.plan import Plan
from study.planning.registration import registration, registration_tags

MakePlan = Callable[..., Plan]
NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)


def content(tags: dict[str, str]) -> Any:
    parts = [tags[f"kdstudy.registered.{number}"] for number in range(len(tags) - 2)]
    text = "".join(parts)
    assert tags["kdstudy.registered.hash"] == sha256(text.encode()).hexdigest()
    return json.loads(text)


def test_all_of_the_plan_is_registered_but_the_words_of_the_request(make_plan: MakePlan) -> None:
    plan = make_plan(trials=7, confirm_seeds=5).model_copy(update={"margin": 0.02})
    tags = registration_tags(plan, NOON)
    assert tags["kdstudy.registered"] == "2026-11-29T12:00:00+00:00"
    frozen = content(tags)
    assert frozen == json.loads(json.dumps(registration(plan)))
    assert (frozen["margin"], frozen["direction"]) == (0.02, "two-sided")
    assert (frozen["space"]["trials"], frozen["space"]["confirm_seeds"]) == (7, 5)
    assert set(Plan.model_fields) - {"request", "name", "exact"} <= set(frozen)
    assert "request" not in frozen


def test_the_hash_changes_with_what_decides_the_answer_and_with_nothing_else(make_plan: MakePlan) -> None:
    def hash_of(plan: Plan) -> str:
        return registration_tags(plan)["kdstudy.registered.hash"]

    plan = make_plan()
    assert (
        hash_of(plan) == hash_of(make_plan(name="demo")) == hash_of(plan.model_copy(update={"request": {}}))
    )
    changed = [make_plan(trials=9), make_plan(confirm_seeds=9), plan.model_copy(update={"margin": 0.02})]
    assert len({hash_of(each) for each in (plan, *changed)}) == 4


@pytest.mark.parametrize(
    ("scientific", "contrast"),
    [
        ({"init": ("random", "base", "teacher"), "alpha": (0.2, 1.0)}, "claim C1"),
        ({"init": ("random", "teacher"), "data_fraction": (0.1, 1.0)}, "claim C4"),
        ({"init": ("random", "base"), "alpha": (0.2, 1.0)}, "the best arm against every other arm"),
        ({"depth": (1, 2)}, "the best arm against every other arm"),
        ({}, "the accuracy of the one arm"),
    ],
)
def test_the_contrast_is_that_of_the_answer(
    make_plan: MakePlan, scientific: dict[str, Any], contrast: str
) -> None:
    assert registration(make_plan(scientific=scientific))["contrast"].startswith(contrast)


def test_a_long_plan_fills_several_tags(make_plan: MakePlan) -> None:
    plan = make_plan(question="why? " * 3000)
    tags = registration_tags(plan)
    assert max(map(len, tags.values())) == 5000
    assert content(tags)["space"]["question"] == "why? " * 3000


def test_a_study_that_varies_something_registers_the_effects_as_its_contrast(make_plan: MakePlan) -> None:
    plan = make_plan(scientific={"init": ("random", "base")}, varied={"alpha": (0.0, 1.0)}, confirm_seeds=0)
    assert registration(plan)["contrast"] == "the effect of each of init, alpha over its values"


def test_a_study_of_one_arm_with_costs_registers_its_front(make_plan: MakePlan) -> None:
    plan = make_plan(costs=("latency_ms", "size_mb"))
    assert registration(plan)["contrast"] == (
        "the Pareto front of accuracy and latency_ms and size_mb, in the one arm"
    )
