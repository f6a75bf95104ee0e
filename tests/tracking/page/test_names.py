"""Names of runs: what varies, in short; the same values give the same name."""

from __future__ import annotations

from typing import Any

import pytest

from study.config import TrialConfig
from study.ledger.records import Record
from study.planning.plan import ModelFacts, Plan
from study.space import Range, SearchSpace
from study.tracking.page.names import automatic_name, teacher_name, trial_name


def plan_of(**space: Any) -> Plan:
    asked: dict[str, Any] = {"question": "?", "trials": 2} | space
    request = {"model": "org/some-encoder", "teacher": ""}
    return Plan.make("demo", SearchSpace(**asked), "a" * 64, ModelFacts("b" * 64, 12, 2e-4), "", request)


def record(plan: Plan, phase: Any, number: int, **values: Any) -> Record:
    arm = next(arm for arm in plan.arms() if all(dict(arm.values).get(k, v) == v for k, v in values.items()))
    config: TrialConfig = plan.config(arm, values, plan.search_seed + number)
    return Record(config.key, phase, arm.name, 0, config, None, None, None, 0)


def test_a_trial_is_named_by_what_varies_and_its_seed() -> None:
    plan = plan_of(
        scientific={"init": ("random", "teacher"), "alpha": (1.0, 0.5), "data_fraction": (0.1, 1.0)},
        nuisance={"learning_rate": Range(low=1e-4, high=1e-2, log=True)},
    )
    of = record(plan, "confirm", 2, init="teacher", alpha=0.5, data_fraction=0.1, learning_rate=4.838e-4)
    assert trial_name(plan, of) == "teacher a0.5 f0.1 lr4.84e-4 s2"


def test_a_value_without_an_effect_is_no_part_of_the_name() -> None:
    plan = plan_of(scientific={"alpha": (1.0, 0.5), "temperature": (1.0, 4.0)}, fixed={"loss": "kl"})
    assert trial_name(plan, record(plan, "search", 0, alpha=1.0)) == "a1 s0"
    assert trial_name(plan, record(plan, "search", 0, alpha=0.5, temperature=4.0)) == "a0.5 T4 s0"


def test_a_study_that_varies_nothing_names_its_seeds() -> None:
    plan = plan_of()
    assert trial_name(plan, record(plan, "confirm", 3)) == "s3"


@pytest.mark.parametrize(
    ("recipe", "name"),
    [
        ({"data": "full", "teacher_seed": 0}, "teacher some-encoder"),
        ({"data": {"fraction": 0.05, "data_seed": 12001}}, "teacher some-encoder f0.05 s12001"),
    ],
)
def test_a_teacher_is_named_by_its_base_model_and_its_data(recipe: dict[str, Any], name: str) -> None:
    assert teacher_name(plan_of(), recipe) == name


def test_names_of_older_versions_are_known() -> None:
    assert automatic_name("0123456789", "search") == "01234567"
    assert automatic_name("0123456789", "teacher") == "teacher 01234567"
