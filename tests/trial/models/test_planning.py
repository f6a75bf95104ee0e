"""What is refused before anything is loaded, and in which words."""

from __future__ import annotations

from typing import Any

import pytest
from transformers import AutoConfig, ModernBertConfig, PreTrainedConfig

from study.errors import RequestError
from study.trial.models.init_methods import Start, init_method
from study.trial.models.student import check_possible


@pytest.mark.parametrize(
    ("init", "layer_map", "depth", "words"),
    [
        ("xavier", "uniform", 2, "init: no init method 'xavier'; there are base, random, teacher"),
        ("random", "middle", 2, "layer_map: no layer map 'middle'; there are average, ends, first"),
        ("teacher", "uniform", 5, "depth: 5 is not between 1 and the source's 4 layers"),
        ("random", "uniform", 0, "depth: 0 is not"),
    ],
)
def test_unknown_names_and_impossible_depths(
    bert: Any, init: str, layer_map: str, depth: int, words: str
) -> None:
    with pytest.raises(RequestError, match=words):
        check_possible(init, layer_map, depth, bert.base)


def test_a_configuration_alone_is_enough(bert: Any) -> None:
    check_possible("teacher", "last", 2, AutoConfig.from_pretrained(bert.base))


def modernbert(layers: int) -> ModernBertConfig:
    return ModernBertConfig(
        vocab_size=99,
        hidden_size=32,
        num_hidden_layers=layers,
        num_attention_heads=4,
        intermediate_size=37,
        pad_token_id=0,
    )


@pytest.mark.parametrize(
    ("layer_map", "depth", "words"),
    [
        ("last", 3, "layer 3 of a modernbert cannot be .* layer 0 of a student: they differ in attn_norm"),
        ("average", 2, "different types cannot be averaged: layer 0 is full_attention, layer 1 is sliding"),
    ],
)
def test_modernberts_first_layer_is_like_no_other(layer_map: str, depth: int, words: str) -> None:
    for init in ("base", "teacher"):
        with pytest.raises(RequestError, match=words):
            check_possible(init, layer_map, depth, modernbert(6))
    check_possible("random", layer_map, depth, modernbert(6))


def test_modernbert_takes_the_maps_that_keep_its_first_layer() -> None:
    for layer_map in ("uniform", "first", "ends"):
        for depth in range(1, 7):
            check_possible("teacher", layer_map, depth, modernbert(6))
    check_possible("teacher", "average", 5, modernbert(6))  # only layers 4 and 5, both local, are averaged


def test_a_name_is_given_once() -> None:
    with pytest.raises(ValueError, match="'base'"):
        init_method("base", "again", source="none", copies_layers=False)(
            lambda origins: Start(PreTrainedConfig(), {})
        )
