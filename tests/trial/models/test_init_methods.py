"""Init methods: their registry, and what each one starts from."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from transformers import PreTrainedConfig

from study.trial.models.init_methods import (
    Origins,
    Start,
    copy_layers,
    find_init_method,
    init_method,
    init_methods,
)
from study.trial.models.teacher import load_classifier


@pytest.fixture
def family(either: Any) -> Any:
    """All that is tested here holds for both kinds of classifiers."""
    return either


def test_a_name_is_given_once() -> None:
    with pytest.raises(ValueError, match="'base'"):
        init_method("base", "again", source="none", copies_layers=False)(
            lambda origins: Start(PreTrainedConfig(), {})
        )


def test_every_method_is_listed_under_its_name_with_the_model_that_it_copies() -> None:
    methods = init_methods()
    assert {name: method.source for name, method in methods.items()} == {
        "random": "none",
        "base": "base",
        "teacher": "teacher",
    }
    assert all(method.name == name for name, method in methods.items())
    assert not methods["random"].copies_layers


def test_the_list_is_a_copy() -> None:
    init_methods().clear()
    assert find_init_method("base") is init_methods()["base"]


def test_copied_layers_have_their_new_index_and_the_rest_stays(family: Any) -> None:
    source = load_classifier(family.teacher)
    start = copy_layers(source, [[0], [2]])
    state = source.state_dict()
    outside = {name for name in state if not name.startswith(f"{family.stack}.")}
    assert all(torch.equal(start.state[name], state[name]) for name in outside)
    for place, layer in enumerate((0, 2)):
        prefix = f"{family.stack}.{layer}."
        for name in (name.removeprefix(prefix) for name in state if name.startswith(prefix)):
            assert torch.equal(start.state[f"{family.stack}.{place}.{name}"], state[prefix + name])
    assert start.config.num_hidden_layers == 2
    assert source.config.num_hidden_layers == 4


def test_a_teacher_copy_without_a_teacher_is_an_error(bert: Any) -> None:
    origins = Origins(bert.config(init="teacher"), bert.labels, [[0], [1]], bert.base, None)
    with pytest.raises(ValueError, match="init=teacher needs a teacher"):
        find_init_method("teacher").start(origins)
