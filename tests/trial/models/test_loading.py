"""Models from local files: their tensors exactly, silently, and in memory of their own when needed."""

from __future__ import annotations

from contextlib import suppress
from logging import CRITICAL
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import CLIPConfig
from transformers.utils import logging

from study.errors import RequestError
from study.trial.models.loading import (
    assemble,
    because,
    classifier_class,
    labelled,
    own_memory,
    quiet,
    read_config,
    seeded,
    skeleton,
)
from study.trial.models.teacher import load_classifier


def test_a_skeleton_has_the_names_and_shapes_and_no_memory(family: Any) -> None:
    model = load_classifier(family.teacher)
    found = skeleton(model.config)
    assert all(parameter.is_meta for parameter in found.parameters())
    shapes = ({n: p.shape for n, p in m.named_parameters()} for m in (found, model))
    assert next(shapes) == next(shapes)


def test_labels_are_the_classes_of_a_copy(bert: Any) -> None:
    config = read_config(bert.base)
    named = labelled(config, ("x", "y"))
    assert (named.id2label, named.label2id, named.num_labels) == ({0: "x", 1: "y"}, {"x": 0, "y": 1}, 2)
    assert config.id2label != named.id2label


def test_an_architecture_without_a_sequence_classifier_is_refused() -> None:
    with pytest.raises(RequestError, match="'clip' has no sequence classifier"):
        classifier_class(CLIPConfig())


def test_an_assembled_model_has_exactly_its_tensors(bert: Any) -> None:
    source = load_classifier(bert.teacher)
    state = dict(source.state_dict())
    model = assemble(source.config, state)
    assert not model.training
    assert all(torch.equal(state[name], tensor) for name, tensor in model.state_dict().items())
    places = {tensor.data_ptr() for tensor in state.values()}
    assert not places & {parameter.data_ptr() for parameter in model.parameters()}


def test_other_tensors_than_the_models_are_refused(bert: Any) -> None:
    source = load_classifier(bert.teacher)
    state = dict(source.state_dict())
    with pytest.raises(ValueError, match=r"not exactly the model's tensors.*classifier\.bias"):
        assemble(source.config, {name: state[name] for name in state if name != "classifier.bias"})
    with pytest.raises(ValueError, match=r"not exactly the model's tensors.*classifier\.more"):
        assemble(source.config, state | {"classifier.more": torch.zeros(3)})
    with pytest.raises(ValueError, match=r"not exactly the model's tensors.*mismatched.*classifier\.bias"):
        assemble(source.config, state | {"classifier.bias": torch.zeros(4)})


def test_a_model_in_its_own_memory_outlives_its_file(bert: Any, tmp_path: Path) -> None:
    load_classifier(bert.teacher).save_pretrained(tmp_path)
    model = own_memory(load_classifier(tmp_path))
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    file = tmp_path / "model.safetensors"
    with file.open("r+b") as content:
        content.write(bytes(file.stat().st_size))
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())


def test_a_seeded_block_draws_from_its_seed_and_leaves_the_outer_stream() -> None:
    torch.manual_seed(1)
    expected = torch.rand(2)
    torch.manual_seed(1)
    with seeded(7):
        one = torch.rand(3)
    assert torch.equal(torch.rand(2), expected)
    with seeded(7):
        assert torch.equal(torch.rand(3), one)


def test_after_a_quiet_block_the_library_is_as_loud_as_before() -> None:
    before = logging.get_verbosity(), logging.is_progress_bar_enabled()
    with suppress(KeyError), quiet():
        inside = logging.get_verbosity(), logging.is_progress_bar_enabled()
        raise KeyError
    assert inside == (CRITICAL, False)
    assert (logging.get_verbosity(), logging.is_progress_bar_enabled()) == before


def test_a_value_that_the_library_does_not_know_is_named_with_its_field() -> None:
    values = {"hidden_act": "geglu", "hidden_size": 32, "model_type": "bert"}
    assert because(KeyError("geglu"), values) == "hidden_act: the library has no 'geglu'"
    assert because(ValueError("hidden_act: no geglu"), values) == "hidden_act: no geglu"
    assert because(ValueError("Validation error for field 'x':\n  TypeError: too much\n  more")) == (
        "Validation error for field 'x': TypeError: too much"
    )
    assert because(ZeroDivisionError()) == "ZeroDivisionError"


def test_a_model_that_the_library_cannot_build_is_refused_with_the_librarys_reason(bert: Any) -> None:
    config = read_config(bert.base)
    config.num_attention_heads = 5
    with pytest.raises(
        RequestError, match=r"config\.json: the library cannot build this model: .*heads \(5\)"
    ) as e:
        skeleton(config)
    assert isinstance(e.value.__cause__, ValueError)  # `--debug` shows it
