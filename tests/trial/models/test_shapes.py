"""The shape of a student: which layers fit which place."""

from __future__ import annotations

from typing import Any

import pytest
from transformers import LongformerConfig, ModernBertConfig

from study.errors import RequestError
from study.trial.models.loading import read_config
from study.trial.models.shapes import check_copyable, with_layers
from study.trial.models.student import check_possible
from tests.trial.models.architectures import tiny_config


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


def test_a_copy_has_a_layer_for_each_group_and_the_source_stays() -> None:
    source = modernbert(6)
    shorter = with_layers(source, [[0], [3], [5]])
    assert shorter.num_hidden_layers == 3
    assert source.num_hidden_layers == 6
    types = source.layer_types
    assert types is not None
    assert shorter.layer_types == [types[0], types[3], types[5]]


def test_layers_of_one_architecture_fit_every_place(bert: Any) -> None:
    config = read_config(bert.base)
    check_copyable(config, [[3], [0, 2], [1]])


def longformer(windows: list[int]) -> LongformerConfig:
    config: LongformerConfig = tiny_config("longformer", 99)  # type: ignore[assignment]
    config.attention_window = windows
    return config


def test_each_layer_of_a_longformer_keeps_its_window() -> None:
    shorter = with_layers(longformer([4, 8, 12, 16]), [[0], [2]])
    assert shorter.attention_window == [4, 12]
    with pytest.raises(RequestError, match="cannot be averaged: layer 0 is 4, layer 1 is 8"):
        with_layers(longformer([4, 8, 12, 16]), [[0, 1], [2, 3]])


def test_more_or_fewer_windows_than_layers_are_refused() -> None:
    with pytest.raises(
        RequestError, match=r"^a longformer model: attention_window: there are 3 values for 4 layers$"
    ):
        with_layers(longformer([4, 8, 12]), [[0], [2]])


def test_a_part_outside_the_layers_that_depends_on_their_number_is_refused() -> None:
    """ESM's contact head reads the attention of all layers; at full depth, and at random, it is in no way."""
    config = tiny_config("esm", 99)
    with pytest.raises(
        RequestError, match=r"^depth: esm\.contact_head\.regression\.weight of a esm has another"
    ):
        check_possible("teacher", "uniform", 2, config)
    check_possible("teacher", "uniform", 4, config)
    check_possible("random", "uniform", 2, config)
