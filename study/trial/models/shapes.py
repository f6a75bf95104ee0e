"""The shape of a student: the source's configuration with fewer layers."""

from __future__ import annotations

import copy

from transformers import PreTrainedConfig

from study.errors import RequestError
from study.trial.models.layer_maps import Groups
from study.trial.models.loading import place_of, skeleton
from study.trial.models.stack import layer_shapes, shapes_outside

__all__ = ["check_copyable", "with_layers"]

PER_LAYER = ("layer_types", "attention_window")
"""Fields with one value a layer: ModernBERT's global and local attention, and Longformer's windows."""


def with_layers(config: PreTrainedConfig, groups: Groups) -> PreTrainedConfig:
    """A copy of `config` with one layer for each group of source layers.

    A configuration may have one value for each layer (`PER_LAYER`). Each layer keeps the value that its
    weights were trained with, even if a new model of that depth has another pattern.

    Raises:
        RequestError: if a group has layers of different types, which have no meaningful average; if there are
            more or fewer values than layers.
    """
    config = copy.deepcopy(config)
    for field in PER_LAYER:
        types = getattr(config, field, None)
        if not isinstance(types, list | tuple):
            continue
        if len(types) != config.num_hidden_layers:
            there = f"{len(types)} values for {config.num_hidden_layers} layers"
            raise RequestError(f"{place_of(config)}: {field}: there are {there}")
        for group in groups:
            if len({types[i] for i in group}) > 1:
                kinds = ", ".join(f"layer {i} is {types[i]}" for i in group)
                raise RequestError(f"layer_map: layers of different types cannot be averaged: {kinds}")
        setattr(config, field, [types[group[0]] for group in groups])
    config.num_hidden_layers = len(groups)
    return config


def check_copyable(config: PreTrainedConfig, groups: Groups) -> None:
    """Check, on names and shapes alone, that every source layer fits its place in `groups`.

    A layer does not fit if the place has another structure: ModernBERT's first layer has no `attn_norm`, so
    no other layer can be a student's first layer, and the first layer can have no other place. Nor can a
    student be copied if a part outside the layers depends on their number, as ESM's contact head.

    Raises:
        RequestError: if a layer does not fit; the message names the first such layer, or such a part.
    """
    whole, fewer = skeleton(config), skeleton(with_layers(config, groups))
    if odd := sorted({name for name, _ in shapes_outside(whole).items() ^ shapes_outside(fewer).items()}):
        raise RequestError(
            f"depth: {odd[0]} of a {config.model_type} has another shape at {len(groups)} layers, and cannot "
            f"be copied; --set depth={config.num_hidden_layers} or init=random"
        )
    source, student = layer_shapes(whole), layer_shapes(fewer)
    for place, group in enumerate(groups):
        for layer in group:
            if source[layer] != student[place]:
                odd = sorted({name for name, _ in source[layer].items() ^ student[place].items()})
                raise RequestError(
                    f"layer_map: layer {layer} of a {config.model_type} cannot be (part of) layer {place} "
                    f"of a student: they differ in {', '.join(odd)}"
                )
