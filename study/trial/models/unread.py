"""What a classifier computes and never reads: the last layer's states of all tokens but the first.

A sequence classifier reads the last layer's state of the first token. The last layer needs keys and values of
all tokens; its output projection and its feed-forward part, three quarters of its products, are needed for
the first token alone. For a student with d layers this is 3 / (4 d) of a step: 12% at six layers, 38% at two.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from study.trial.models.loading import kind_of
from study.trial.models.stack import layer_stack

if TYPE_CHECKING:  # the modelling code takes seconds to import, and a driver never runs a model
    from transformers import PreTrainedModel

__all__ = ["skip_unread"]

TOLERANCE = 1e-4  # of logits on the probe, absolute and relative: sums in another order differ


class FirstTokenDropout(nn.Dropout):
    """Dropout of the first of `length` tokens, with the mask that is drawn for all of them.

    So the numbers are the same as with dropout on all tokens, and later draws are the same as well.
    """

    length = 1

    def forward(self, states: Tensor) -> Tensor:
        """[B x 1 x H] -> [B x 1 x H]."""
        if not self.training or self.p == 0:
            return states
        batch, _, width = states.shape
        whole = torch.ones(batch, self.length, width, dtype=states.dtype, device=states.device)
        return states * nn.functional.dropout(whole, self.p)[:, :1]


def skip_unread(model: PreTrainedModel) -> bool:
    """Make the classifier `model` leave out, in its last layer, what its head does not read.

    Returns whether the model does so from now on. Logits and gradients stay the same to rounding: products of
    fewer rows sum in another order. This works for layers that are built like BERT's (RoBERTa, XLM-R,
    CamemBERT, ELECTRA, DeBERTa-v2). Since heads differ, a model is changed only if the logits of a copy stay
    the same on a probe, in evaluation and, with the same masks of dropout, in training. A second call changes
    nothing.
    """
    if kind_of(model.config) == "token":  # its head reads all tokens
        return False
    output = getattr(getattr(_last_layer(model), "attention", None), "output", None)
    if not isinstance(output, nn.Module):
        return False
    if any(isinstance(hook, _FirstToken) for hook in output._forward_pre_hooks.values()):
        return True
    whole, less = _copy(model), _copy(model)
    before = _probe(whole)
    if [type(part) for part in whole.modules()] != [type(part) for part in model.modules()]:
        return False  # BigBird reads short texts with other parts than long ones: a probe shows little
    _leave_out(less)
    try:
        pairs = zip(_probe(less), before, strict=True)
        same = all(torch.allclose(now, then, rtol=TOLERANCE, atol=TOLERANCE) for now, then in pairs)
    except (RuntimeError, TypeError, ValueError, IndexError):  # states of one token do not fit the next part
        same = False
    if same:
        _leave_out(model)
    return same


def _last_layer(model: PreTrainedModel) -> Any:
    return model.get_submodule(layer_stack(model))[-1]  # type: ignore[index]


def _leave_out(model: PreTrainedModel) -> None:
    """From now on, the last layer's output and feed-forward part see the first token alone."""
    layer = _last_layer(model)
    output = layer.attention.output
    dropouts = []
    for owner, name, dropout in [d for part in (output, layer) for d in _dropouts(part, layer.attention)]:
        dropouts.append(FirstTokenDropout(dropout.p).train(owner.training))
        setattr(owner, name, dropouts[-1])
    output.register_forward_pre_hook(_FirstToken(dropouts))


def _copy(model: PreTrainedModel) -> PreTrainedModel:
    """A copy of `model` that shares its parameters and nothing else: a forward pass may change a model."""
    return copy.deepcopy(model, {id(parameter): parameter for parameter in model.parameters()})


class _FirstToken:
    """A hook before the attention's output: cuts its arguments, [B x L x H] each, to the first token."""

    def __init__(self, dropouts: list[FirstTokenDropout]) -> None:
        self.dropouts = dropouts

    def __call__(self, module: Any, states: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        for dropout in self.dropouts:
            dropout.length = states[0].shape[1]
        return tuple(state[:, :1] for state in states)


def _dropouts(module: nn.Module, without: nn.Module) -> Iterator[tuple[nn.Module, str, nn.Dropout]]:
    """Every dropout inside `module` and outside the module `without`, as (owner, name, dropout)."""
    for name, child in module.named_children():
        if isinstance(child, nn.Dropout):
            yield module, name, child
        elif child is not without:
            yield from _dropouts(child, without)


@torch.no_grad()
def _probe(model: PreTrainedModel) -> tuple[Tensor, Tensor]:
    """Logits of `model` on two made-up texts, one of them padded: in evaluation, and in training.

    The model is in training mode afterwards. Masks are drawn from a fixed seed, and the trial's own draws
    stay the same.
    """
    length = 7  # odd, as no window of attention is: a model that pads texts to windows (Longformer) does so
    ids = torch.arange(2 * length, device=model.device).reshape(2, length) % model.config.vocab_size
    mask = torch.ones_like(ids)
    mask[1, length // 2 :] = 0
    devices = [model.device] if model.device.type == "cuda" else []
    logits = []
    with torch.random.fork_rng(devices):
        for training in (False, True):
            torch.manual_seed(0)
            logits.append(model.train(training)(input_ids=ids, attention_mask=mask).logits)
    return logits[0], logits[1]
