"""Decay and gradient norm of a model's parameters, the same however many rows of an embedding are unused."""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["decay_groups", "embeddings_of", "gradient_norm"]


def decay_groups(model: nn.Module) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """Parameters with and without weight decay.

    Biases and norms (vectors) have none, as usual. Embeddings have none, because decay would shrink the rows
    of tokens that never occur, and a student without these rows would then be another student. Without decay
    AdamW leaves a row that never has a gradient unchanged, to the bit: its update is 0 / (sqrt(0) + eps).
    """
    embeddings = embeddings_of(model)
    decayed: list[nn.Parameter] = []
    plain: list[nn.Parameter] = []
    for parameter in model.parameters():
        if parameter.requires_grad:
            is_plain = parameter.ndim < 2 or id(parameter) in embeddings
            (plain if is_plain else decayed).append(parameter)
    return decayed, plain


def embeddings_of(model: nn.Module) -> set[int]:
    """The ids of the parameters that are looked up by row."""
    return {id(module.weight) for module in model.modules() if isinstance(module, nn.Embedding)}


def gradient_norm(parameters: list[nn.Parameter], embeddings: set[int]) -> Tensor:
    """2-norm of all gradients, a scalar; for `embeddings`, of the rows that have a gradient.

    The other rows add nothing, but would change the order in which the rest is summed. Without them the norm,
    and so every clipped step, is the same to the bit, however many tokens of the embedding never occur. On a
    GPU the norm is the same to rounding: to search for such rows, every step would wait for the device.
    """
    gradients = [(p.grad, id(p) in embeddings) for p in parameters if p.grad is not None]
    if any(g.is_cuda for g, _ in gradients):
        # To choose rows on a GPU, the host would wait for the device in every step. The sum over rows is in
        # float64, so that its order vanishes in rounding.
        norm = torch.linalg.vector_norm
        norms = [norm(norm(g, dim=1).double()).float() if rows else norm(g) for g, rows in gradients]
        total: torch.Tensor = norm(torch.stack(norms))
        return total
    # A row's norm is 0 if the squares of all its numbers are 0, in whatever order they are summed.
    return nn.utils.get_total_norm(
        [g[torch.linalg.vector_norm(g, dim=1) != 0] if rows else g for g, rows in gradients]
    )
