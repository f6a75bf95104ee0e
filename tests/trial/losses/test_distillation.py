"""What every distillation loss must keep, and the built-in ones against float64 formulas."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from study.errors import RequestError
from study.trial.losses.distillation import (
    DistillationLoss,
    distillation_loss,
    distillation_losses,
    find_distillation_loss,
)

LOSSES = list(distillation_losses().values())
each_loss = pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.name)

shapes = st.tuples(st.integers(1, 6), st.integers(2, 9))
logits = st.floats(-30, 30, width=32)
pairs = shapes.flatmap(
    lambda shape: st.tuples(
        hnp.arrays(np.float32, shape, elements=logits), hnp.arrays(np.float32, shape, elements=logits)
    )
)


def log_softmax(z: np.ndarray) -> np.ndarray:
    z = z - z.max(axis=1, keepdims=True)
    logs: np.ndarray = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    return logs


def kl_formula(student: np.ndarray, teacher: np.ndarray, temperature: float) -> float:
    log_p, log_q = (log_softmax(z.astype(np.float64) / temperature) for z in (teacher, student))
    return float(temperature**2 * (np.exp(log_p) * (log_p - log_q)).sum() / len(student))


@settings(max_examples=60, deadline=None)
@given(pairs, st.floats(0.5, 10))
def test_kl_is_the_formula(pair: tuple[np.ndarray, np.ndarray], temperature: float) -> None:
    student, teacher = pair
    loss = distillation_losses()["kl"](torch.from_numpy(student), torch.from_numpy(teacher), temperature)
    assert loss.item() == pytest.approx(kl_formula(student, teacher, temperature), rel=1e-4, abs=2e-3)


def test_kl_without_softening_is_the_plain_divergence() -> None:
    student, teacher = np.array([[0.0, 0.0]]), np.array([[np.log(3.0), 0.0]])
    expected = 0.75 * np.log(0.75 / 0.5) + 0.25 * np.log(0.25 / 0.5)
    loss = distillation_losses()["kl"](torch.from_numpy(student), torch.from_numpy(teacher), 1.0)
    assert loss.item() == pytest.approx(expected, rel=1e-12)


def test_kl_keeps_the_size_of_its_gradient_when_the_temperature_grows() -> None:
    """At a high temperature it becomes half the squared distance of the centred logits over K."""
    student = torch.tensor([[0.3, -0.2, 0.5]], dtype=torch.float64)
    teacher = torch.tensor([[1.0, 0.1, -0.4]], dtype=torch.float64)
    gap = student - student.mean() - (teacher - teacher.mean())
    loss = distillation_losses()["kl"](student, teacher, 1e4)
    assert loss.item() == pytest.approx((gap**2).sum().item() / 2 / 3, rel=1e-3)


@settings(max_examples=60, deadline=None)
@given(pairs, st.floats(0.5, 10))
def test_mse_is_the_formula_at_any_temperature(
    pair: tuple[np.ndarray, np.ndarray], temperature: float
) -> None:
    student, teacher = pair
    expected = ((student.astype(np.float64) - teacher.astype(np.float64)) ** 2).mean()
    loss = distillation_losses()["mse"](torch.from_numpy(student), torch.from_numpy(teacher), temperature)
    assert loss.item() == pytest.approx(expected, rel=1e-5, abs=1e-6)


@each_loss
@settings(max_examples=30, deadline=None)
@given(pair=pairs, temperature=st.floats(0.5, 10))
def test_it_is_a_distance(
    loss: DistillationLoss, pair: tuple[np.ndarray, np.ndarray], temperature: float
) -> None:
    student, teacher = map(torch.from_numpy, pair)
    value = loss(student, teacher, temperature)
    assert value.shape == ()
    assert value.item() >= -1e-3
    assert loss(teacher, teacher, temperature).item() == 0


@each_loss
def test_it_is_a_mean_over_the_batch(loss: DistillationLoss) -> None:
    torch.manual_seed(0)
    student, teacher = torch.randn(2, 6, 4, dtype=torch.float64)
    each = torch.stack([loss(student[i : i + 1], teacher[i : i + 1], 2.0) for i in range(6)])
    torch.testing.assert_close(loss(student, teacher, 2.0), each.mean())


@each_loss
@pytest.mark.parametrize("size", [1e3, 1e6])
def test_large_logits_stay_finite(loss: DistillationLoss, size: float) -> None:
    student = (size * torch.tensor([[1.0, -1.0, 0.0]])).requires_grad_()
    value = loss(student, size * torch.tensor([[-1.0, 1.0, 0.0]]), 1.0)
    value.backward()
    assert value.isfinite()
    assert student.grad is not None
    assert student.grad.isfinite().all()


@each_loss
@pytest.mark.parametrize("temperature", [1.0, 3.0])
def test_its_gradient_is_that_of_its_value(loss: DistillationLoss, temperature: float) -> None:
    torch.manual_seed(1)
    student = torch.randn(3, 5, dtype=torch.float64, requires_grad=True)
    teacher = torch.randn(3, 5, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda z: loss(z, teacher, temperature), student)


@each_loss
def test_it_says_what_it_is_in_one_line(loss: DistillationLoss) -> None:
    assert loss.about
    assert "\n" not in loss.about
    assert loss.function.__doc__


def test_an_unknown_name_is_answered_with_those_that_there_are() -> None:
    with pytest.raises(RequestError, match=r"'kld' \(did you mean kl\?\); there are kl, mse"):
        find_distillation_loss("kld")


def test_a_name_is_given_once() -> None:
    with pytest.raises(ValueError, match="'kl'"):
        distillation_loss("kl", "again")(lambda s, t, temperature: s.sum())
