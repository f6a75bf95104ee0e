"""The mixture of hard labels and teacher: exact ends, and no look at what alpha leaves out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from study.config import TrialConfig
from study.errors import RequestError
from study.trial.losses.distillation import distillation_losses
from study.trial.losses.objective import cross_entropy, objective

Batch = tuple[torch.Tensor, torch.Tensor, torch.Tensor]
"""Logits of student and teacher, and labels."""

LOSSES = sorted(distillation_losses())


def config(**values: Any) -> TrialConfig:
    fixed = {"task": "t", "model": "m", "model_layers": 6, "depth": 3}
    return TrialConfig(**fixed | {"learning_rate": 1e-3, "teacher_learning_rate": 1e-3} | values)


@pytest.fixture
def batch() -> Batch:
    torch.manual_seed(0)
    return torch.randn(8, 5), torch.randn(8, 5), torch.randint(5, (8,))


def test_cross_entropy_is_the_formula(batch: Batch) -> None:
    student, _, labels = batch
    z = student.numpy().astype(np.float64)
    log_q = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    assert cross_entropy(student, labels).item() == pytest.approx(-log_q[range(8), labels].mean(), rel=1e-6)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("alpha", [0.0, 0.2, 0.5, 0.9, 1.0])
def test_it_is_the_weighted_sum(batch: Batch, loss: str, alpha: float) -> None:
    student, teacher, labels = batch
    soft = distillation_losses()[loss](student, teacher, 3.0)
    value = objective(student, teacher, labels, config(alpha=alpha, loss=loss, temperature=3.0))
    torch.testing.assert_close(value, alpha * F.cross_entropy(student, labels) + (1 - alpha) * soft)


@pytest.mark.parametrize("loss", LOSSES)
def test_the_ends_are_exact(batch: Batch, loss: str) -> None:
    student, teacher, labels = batch
    hard = objective(student, None, labels, config(alpha=1.0, loss=loss))
    assert torch.equal(hard, F.cross_entropy(student, labels))
    soft = objective(student, teacher, None, config(alpha=0.0, loss=loss, temperature=2.0))
    assert torch.equal(soft, distillation_losses()[loss](student, teacher, 2.0))


def test_the_ends_do_not_look_at_what_they_leave_out(batch: Batch) -> None:
    student, teacher, labels = batch
    broken = torch.full_like(teacher, torch.nan)
    assert objective(student, broken, labels, config(alpha=1.0)).isfinite()
    assert objective(student, teacher, torch.full_like(labels, 99), config(alpha=0.0)).isfinite()


def test_the_ends_are_continuous(batch: Batch) -> None:
    student, teacher, labels = batch
    for end, near in ((0.0, 1e-6), (1.0, 1 - 1e-6)):
        at, beside = (objective(student, teacher, labels, config(alpha=a)) for a in (end, near))
        torch.testing.assert_close(at, beside, rtol=1e-4, atol=1e-4)


def test_a_missing_part_is_an_error(batch: Batch) -> None:
    student, teacher, labels = batch
    with pytest.raises(ValueError, match="teacher logits"):
        objective(student, None, labels, config(alpha=0.5))
    with pytest.raises(ValueError, match="labels"):
        objective(student, teacher, None, config(alpha=0.5))


def test_bf16_logits_are_widened_before_they_are_compared(batch: Batch) -> None:
    student, teacher, labels = batch
    low = student.bfloat16().requires_grad_()
    value = objective(low, teacher.bfloat16(), labels, config())
    assert value.dtype == torch.float32
    assert torch.equal(value, objective(low.float(), teacher.bfloat16().float(), labels, config()))
    value.backward()
    assert low.grad is not None
    assert low.grad.dtype == torch.bfloat16


def test_only_the_student_learns(batch: Batch) -> None:
    student, teacher, labels = batch
    student.requires_grad_()
    teacher.requires_grad_()
    objective(student, teacher, labels, config()).backward()
    assert student.grad is not None
    assert teacher.grad is None


def test_its_gradient_is_that_of_its_value(batch: Batch) -> None:
    student, teacher, labels = (t.double() if t.is_floating_point() else t for t in batch)
    student.requires_grad_()
    assert torch.autograd.gradcheck(lambda z: objective(z, teacher, labels, config(alpha=0.3)), student)


def test_an_unknown_loss_is_refused(batch: Batch) -> None:
    student, teacher, labels = batch
    with pytest.raises(RequestError, match="there are kl, mse"):
        objective(student, teacher, labels, config(loss="huber"))
