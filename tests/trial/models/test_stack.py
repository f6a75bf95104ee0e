"""Finding the stack of layers in a model."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from transformers import MobileBertConfig, XLMConfig

from study.errors import RequestError
from study.trial.models.loading import read_config, skeleton
from study.trial.models.stack import layer_stack


def test_it_is_found_in_every_architecture(family: Any) -> None:
    model = skeleton(read_config(family.base))
    assert layer_stack(model) == family.stack
    assert all(parameter.is_meta for parameter in model.parameters())


def test_a_list_inside_a_layer_is_not_the_stack() -> None:
    config = MobileBertConfig(num_hidden_layers=3, num_feedforward_networks=4)
    assert layer_stack(skeleton(config)) == "mobilebert.encoder.layer"


def test_a_second_list_of_the_same_length_is_refused() -> None:
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.config = MobileBertConfig(num_hidden_layers=3)
            self.layers, self.adapters = (nn.ModuleList(nn.Linear(2, 2) for _ in range(3)) for _ in range(2))

    with pytest.raises(RequestError, match="there are layers, adapters"):
        layer_stack(Two())  # type: ignore[arg-type]


def test_layers_that_lie_apart_are_refused() -> None:
    config = XLMConfig(vocab_size=50, emb_dim=16, n_layers=2, n_heads=2)
    with pytest.raises(RequestError, match="one stack of 2 layers"):
        layer_stack(skeleton(config))


def test_a_model_without_a_list_of_that_length_is_refused() -> None:
    model = nn.Sequential(nn.Linear(2, 2))
    model.config = MobileBertConfig(num_hidden_layers=3)  # type: ignore[assignment]
    with pytest.raises(RequestError, match="there is none"):
        layer_stack(model)  # type: ignore[arg-type]


def test_a_skeleton_draws_nothing(family: Any) -> None:
    before = torch.get_rng_state()
    skeleton(read_config(family.base))
    assert torch.equal(torch.get_rng_state(), before)
