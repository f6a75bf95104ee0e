"""Distillation losses: how far the student's logits are from the teacher's.

A new loss is one function under `@distillation_loss(name, about)`. It gets logits in float32 or wider.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from study.errors import RequestError, did_you_mean

if TYPE_CHECKING:  # torch takes seconds to import, and whoever lists the losses computes none
    from torch import Tensor

__all__ = ["DistillationLoss", "distillation_loss", "distillation_losses", "find_distillation_loss"]

Function: TypeAlias = "Callable[[Tensor, Tensor, float], Tensor]"
"""(student logits [B x K], teacher logits [B x K], temperature) -> scalar, the mean over the batch."""


@dataclass(frozen=True)
class DistillationLoss:
    """A distillation loss under the name that configurations use."""

    name: str
    about: str
    function: Function

    def __call__(self, student_logits: Tensor, teacher_logits: Tensor, temperature: float) -> Tensor:
        return self.function(student_logits, teacher_logits, temperature)


_LOSSES: dict[str, DistillationLoss] = {}


def distillation_loss(name: str, about: str) -> Callable[[Function], Function]:
    """Register the decorated function as the distillation loss `name`; `about` describes it in one line."""

    def register(function: Function) -> Function:
        if name in _LOSSES:
            raise ValueError(f"two distillation losses are called {name!r}")
        _LOSSES[name] = DistillationLoss(name, about, function)
        return function

    return register


def distillation_losses() -> dict[str, DistillationLoss]:
    """All registered losses by name."""
    return dict(_LOSSES)


def find_distillation_loss(name: str) -> DistillationLoss:
    """The loss called `name`.

    Raises:
        RequestError: if there is none of that name; the message lists the names that exist.
    """
    if name not in _LOSSES:
        near, known = did_you_mean(name, _LOSSES), ", ".join(sorted(_LOSSES))
        raise RequestError(f"loss: no distillation loss {name!r}{near}; there are {known}")
    return _LOSSES[name]


@distillation_loss("kl", "T^2 * KL(softmax(z_t / T) || softmax(z_s / T)); temperature applies")
def kl(student_logits: Tensor, teacher_logits: Tensor, temperature: float) -> Tensor:
    """KL divergence of the softened outputs, T^2 / B * sum_bk p_bk * (log p_bk - log q_bk).

    p = softmax(z_t / T) and q = softmax(z_s / T) over the K classes, [B x K] each. The sum runs over the
    classes, the mean over the B texts. The factor T^2 keeps the gradient's size when T changes. Source:
    Hinton, Vinyals and Dean 2015, "Distilling the Knowledge in a Neural Network" (arXiv 1503.02531).
    """
    from torch.nn import functional as F

    log_q = F.log_softmax(student_logits / temperature, dim=-1)
    log_p = F.log_softmax(teacher_logits / temperature, dim=-1)
    return temperature**2 * F.kl_div(log_q, log_p, reduction="batchmean", log_target=True)


@distillation_loss("mse", "mean squared error of the logits; temperature has no effect")
def mse(student_logits: Tensor, teacher_logits: Tensor, temperature: float) -> Tensor:
    """Squared error of the logits, sum_bk (z_s - z_t)^2 / (B * K), logits [B x K].

    The temperature is ignored. Source: Kim et al. 2021, "Comparing Kullback-Leibler Divergence and Mean
    Squared Error Loss in Knowledge Distillation" (arXiv 2105.08919), here with the mean over classes.
    """
    from torch.nn import functional as F

    return F.mse_loss(student_logits, teacher_logits)
