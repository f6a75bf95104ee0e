"""Each batch is read as if it were the first: what a model answers depends on no batch before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:  # the modelling code takes seconds to import, and a driver never runs a model
    from transformers import PreTrainedModel

__all__ = ["read_afresh"]


def read_afresh(model: PreTrainedModel) -> None:
    """Make the classifier `model` read each batch with the attention that its configuration names.

    BigBird reads a short batch with full attention, and reads all later batches so as well. A trial that was
    interrupted would then end with other numbers. A second call changes nothing, nor does a call for another
    architecture.
    """
    if hasattr(model.base_model, "set_attention_type") and hasattr(model.config, "attention_type"):
        hooks = model._forward_pre_hooks
        if _with_stated_attention not in hooks.values():
            model.register_forward_pre_hook(_with_stated_attention)


def _with_stated_attention(model: Any, inputs: Any) -> None:
    with torch.random.fork_rng(devices=[]):  # BigBird draws the weights of a layer, and drops them at once
        model.base_model.set_attention_type(model.config.attention_type)
