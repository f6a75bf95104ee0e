"""What a trial reads: keys change with all that decides the content, and with nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from study.config import TrialConfig
from study.storage.artifacts import Store
from study.trial.inputs import Inputs

FIXED: dict[str, Any] = {"task": "t", "model": "m", "model_layers": 4, "depth": 2}
RATES = {"learning_rate": 1e-3, "teacher_learning_rate": 1e-4}
OF_STUDENT: dict[str, Any] = {
    "init": "random",
    "layer_map": "last",
    "depth": 1,
    "alpha": 0.1,
    "temperature": 5.0,
    "loss": "mse",
    "learning_rate": 1e-2,
    "warmup": 0.3,
    "weight_decay": 0.2,
    "batch_size": 8,
    "steps": 7,
    "epochs": 2.0,
    "gradient_clip": 0.5,
    "seed": 1,
    "train_languages": "deu",
}
OF_TEACHER: dict[str, Any] = {
    "teacher_steps": 10,
    "teacher_learning_rate": 1e-3,
    "teacher_batch_size": 8,
    "teacher_seed": 1,
    "teacher": "given",
    "teacher_languages": "deu",
}
OF_TOKENS: dict[str, Any] = {"task": "t2", "model": "m2", "max_length": 16}
OF_SAMPLE: dict[str, Any] = {
    "data_fraction": 0.1,
    "data_seed": 1,
    "teacher_data": "same",
    "label_floor": 0,
}


def inputs(**values: Any) -> Inputs:
    return Inputs(Store(Path("nowhere")), TrialConfig(**FIXED | RATES | values))


def keys(one: Inputs) -> tuple[str, str, str, str]:
    return one.tokens_key, one.teacher_key, one.outputs_key("train"), one.outputs_key("test")


def test_every_hyperparameter_is_judged_here() -> None:
    judged = OF_STUDENT.keys() | OF_TEACHER.keys() | OF_TOKENS.keys() | OF_SAMPLE.keys()
    assert judged | {"model_layers"} == set(TrialConfig.model_fields)


@pytest.mark.parametrize("name", OF_STUDENT)
def test_students_that_differ_share_everything(name: str) -> None:
    assert keys(inputs(**{name: OF_STUDENT[name]})) == keys(inputs())


@pytest.mark.parametrize("name", OF_TEACHER)
def test_another_recipe_is_another_teacher_on_the_same_tokens(name: str) -> None:
    one, other = keys(inputs()), keys(inputs(**{name: OF_TEACHER[name]}))
    assert one[0] == other[0]
    assert all(a != b for a, b in zip(one[1:], other[1:], strict=True))


@pytest.mark.parametrize("name", OF_TOKENS)
def test_another_task_tokenizer_or_length_is_another_everything(name: str) -> None:
    one, other = keys(inputs()), keys(inputs(**{name: OF_TOKENS[name]}))
    assert all(a != b for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("changed", [{"data_fraction": 0.2}, {"data_seed": 1}])
def test_a_teacher_that_saw_all_is_shared_by_all_samples(changed: dict[str, Any]) -> None:
    sample = {"data_fraction": 0.1}
    assert keys(inputs(**sample)) == keys(inputs(**sample | changed)) == keys(inputs())


@pytest.mark.parametrize("changed", [{"data_fraction": 0.2}, {"data_seed": 1}, {"label_floor": 0}])
def test_a_teacher_that_saw_the_students_sample_belongs_to_that_sample(changed: dict[str, Any]) -> None:
    sample = {"data_fraction": 0.1, "teacher_data": "same"}
    one, other = keys(inputs(**sample)), keys(inputs(**sample | changed))
    assert one[0] == other[0]
    assert one[1] != other[1]
    assert one[1] != inputs(data_fraction=0.1).teacher_key


def test_at_all_the_data_both_kinds_of_teacher_are_one() -> None:
    assert keys(inputs(teacher_data="same")) == keys(inputs())


def test_a_given_teacher_is_named_by_what_it_is_and_not_by_a_recipe_without_effect() -> None:
    one = inputs(teacher="given")
    assert keys(one) == keys(inputs(teacher="given", teacher_steps=5, teacher_seed=3))
    assert keys(one)[1] != inputs(teacher="another").teacher_key


def test_a_teacher_of_all_languages_has_the_key_of_older_versions() -> None:
    assert "teacher_languages" not in inputs().teacher_recipe
    assert inputs(teacher_languages="deu").teacher_recipe["teacher_languages"] == "deu"


def test_splits_have_outputs_of_their_own() -> None:
    assert len({inputs().outputs_key(split) for split in ("train", "validation", "test")}) == 3
