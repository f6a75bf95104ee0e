"""The shape of a student: the source's configuration with fewer layers."""

from __future__ import annotations

import copy

from transformers import PreTrainedConfig

from study.errors import RequestError
from study.trial.models.layer_maps import Groups
from study.trial.models.loading import skeleton
from study.trial.models.stack import layer_shapes

__all__ = ["check_copyable", "with_layers"]


def with_layers(config: PreTrainedConfig, groups: Groups) -> PreTrainedConfig:
    """A copy of `config` with one layer for each group of source layers.

    Where layers are of several types (ModernBERT's global and local attention, `config.layer_types`), a
    layer keeps the type that its weights were trained with, whatever the pattern of a fresh model of that
    depth would be.

    Raises:
        RequestError: for a group of layers of different types, which have no meaningful average.
    """
    config = copy.deepcopy(config)
    types = getattr(config, "layer_types", None)
    if types is not None:
        for group in groups:
            if len({types[i] for i in group}) > 1:
                kinds = ", ".join(f"layer {i} is {types[i]}" for i in group)
                raise RequestError(f"layer_map: layers of different types cannot be averaged: {kinds}")
        config.layer_types = [types[group[0]] for group in groups]
    config.num_hidden_layers = len(groups)
    return config


def check_copyable(config: PreTrainedConfig, groups: Groups) -> None:
    """Check, on names and shapes alone, that every source layer fits the place that `groups` gives it.

    They differ where a place has a structure of its own: ModernBERT's first layer has no `attn_norm`, so
    nothing else can come first in a student and it can stand nowhere else.

    Raises:
        RequestError: naming the first layer that does not fit.
    """
    source = layer_shapes(skeleton(config))
    student = layer_shapes(skeleton(with_layers(config, groups)))
    for place, group in enumerate(groups):
        for layer in group:
            if source[layer] != student[place]:
                odd = sorted({name for name, _ in source[layer].items() ^ student[place].items()})
                raise RequestError(
                    f"layer_map: layer {layer} of a {config.model_type} cannot be (part of) layer {place} "
                    f"of a student: they differ in {', '.join(odd)}"
                )
