"""The training objective: alpha is the weight of the labels, 1 - alpha that of the teacher's outputs."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from study.config import TrialConfig
from study.trial.losses.distillation import find_distillation_loss

__all__ = ["cross_entropy", "objective"]


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """-1 / B * sum_b log softmax(z_b)[y_b]: logits [B x K] of any float type, labels [B] int64 -> scalar."""
    return F.cross_entropy(_wide(logits), labels)


def objective(
    student_logits: Tensor, teacher_logits: Tensor | None, labels: Tensor | None, config: TrialConfig
) -> Tensor:
    """alpha * CE(z_s, y) + (1 - alpha) * soft(z_s, z_t), a scalar, in float32 or wider.

    student_logits and teacher_logits are [B x K], labels [B]. Both ends are exact: at alpha = 1 the
    teacher's logits are not read and may be none; at alpha = 0 the labels are not read and may be none. A
    weight of zero would not be enough: 0 * inf is NaN.

    Raises:
        RequestError: if the loss is not registered.
        ValueError: if alpha needs teacher logits or labels, and they are none.
    """
    alpha = config.alpha
    if (alpha < 1 and teacher_logits is None) or (alpha > 0 and labels is None):
        raise ValueError(f"alpha={alpha:g} needs {'teacher logits' if teacher_logits is None else 'labels'}")
    if alpha == 1:
        assert labels is not None
        return cross_entropy(student_logits, labels)
    assert teacher_logits is not None
    loss = find_distillation_loss(config.loss)
    # The teacher's logits are a constant, however the caller computed them: only the student learns.
    soft = loss(_wide(student_logits), _wide(teacher_logits.detach()), config.temperature)
    if alpha == 0:
        return soft
    assert labels is not None
    return alpha * cross_entropy(student_logits, labels) + (1 - alpha) * soft


def _wide(logits: Tensor) -> Tensor:
    """Logits in at least float32: bf16 keeps 8 bits, too few for a difference of log-probabilities."""
    return logits.to(torch.promote_types(logits.dtype, torch.float32))
