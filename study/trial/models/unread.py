"""What a classifier computes and never reads: the last layer, of every token but the first.

A sequence classifier reads the last layer's state of the first token. That layer needs keys and values of all
tokens; its output projection and its feed-forward part, three quarters of its products, are needed for one.
Of a student with d layers that is 3 / (4 d) of a step: 12% at six layers, 38% at two.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from study.trial.models.stack import layer_stack

if TYPE_CHECKING:  # the modelling code takes seconds to import, and a driver never runs a model
    from transformers import PreTrainedModel

__all__ = ["skip_unread"]

TOLERANCE = 1e-4  # of logits on the probe, beside their size: sums in another order


def skip_unread(model: PreTrainedModel) -> bool:
    """Make the classifier `model` leave out, in its last layer, what its head does not read; whether it does.

    Logits and gradients stay what they were, to rounding: products of fewer rows sum in another order. A
    layer with dropout is left as it is: masks of fewer tokens would be other masks, and so other numbers.
    For layers that are built as BERT's are (RoBERTa, XLM-R, CamemBERT, ELECTRA, DeBERTa-v2); and, since heads
    differ, for those models alone whose logits on a probe are not moved by it. Asked again, it does nothing.
    """
    layer: Any = model.get_submodule(layer_stack(model))[-1]  # type: ignore[index]
    output = getattr(getattr(layer, "attention", None), "output", None)
    dropout = any(module.p > 0 for module in layer.modules() if isinstance(module, torch.nn.Dropout))
    if dropout or not isinstance(output, torch.nn.Module):
        return False
    if _first_token in output._forward_pre_hooks.values():
        return True
    before = _probe(model)
    hook = output.register_forward_pre_hook(_first_token)
    try:
        same = torch.allclose(_probe(model), before, rtol=TOLERANCE, atol=TOLERANCE)
    except (RuntimeError, TypeError, ValueError, IndexError):  # states of one token do not fit what follows
        same = False
    if not same:
        hook.remove()
    return same


def _first_token(module: Any, states: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """Arguments of the attention's output, [B x L x H] each, of the first token alone: [B x 1 x H]."""
    return tuple(state[:, :1] for state in states)


@torch.no_grad()
def _probe(model: PreTrainedModel) -> Tensor:
    """Logits of `model` in evaluation mode on two made-up texts, one of them padded; draws nothing."""
    training = model.training
    length = 6
    ids = torch.arange(2 * length, device=model.device).reshape(2, length) % model.config.vocab_size
    mask = torch.ones_like(ids)
    mask[1, length // 2 :] = 0
    try:
        logits: Tensor = model.eval()(input_ids=ids, attention_mask=mask).logits
    finally:
        model.train(training)
    return logits
