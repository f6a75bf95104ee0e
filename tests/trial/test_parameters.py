"""Decay and gradient norm: rows of an embedding that are not used change nothing."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from study.trial.parameters import decay_groups, embeddings_of, gradient_norm


@given(st.integers(0, 40), st.integers(1, 40), st.integers(1, 37), st.integers(0, 2**32))
def test_the_norm_of_the_gradient_does_not_depend_on_rows_without_one(
    rows: int, others: int, width: int, seed: int
) -> None:
    """To the bit, and it is the norm of all of it."""
    generator = torch.Generator().manual_seed(seed)
    some = torch.randn(rows, width, generator=generator)
    places = torch.randperm(rows + others, generator=generator)[:rows].sort().values
    all_rows = torch.zeros(rows + others, width).index_copy(0, places, some)
    norms = []
    for gradient in (some, all_rows):
        embedding, head = nn.Embedding(len(gradient) or 1, width), nn.Linear(width, 2)
        embedding.weight.grad = gradient if len(gradient) else torch.zeros(1, width)
        head.weight.grad = torch.full((2, width), 0.3)
        norms.append(gradient_norm([*embedding.parameters(), *head.parameters()], {id(embedding.weight)}))
    assert norms[0] == norms[1]
    expected = math.sqrt(float(some.double().square().sum()) + 2 * width * 0.09)
    assert float(norms[0]) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("wrong", [math.nan, math.inf])
def test_a_gradient_that_is_no_number_is_not_left_out_of_the_norm(wrong: float) -> None:
    weight = nn.Parameter(torch.zeros(3, 2))
    weight.grad = torch.tensor([[0.0, 0.0], [0.0, wrong], [1.0, 0.0]])
    assert not math.isfinite(gradient_norm([weight], {id(weight)}))


def test_vectors_and_embeddings_have_no_decay_and_what_is_frozen_is_in_no_group() -> None:
    model = nn.Sequential(nn.Embedding(5, 4), nn.LayerNorm(4), nn.Linear(4, 3), nn.Linear(3, 2))
    model[3].requires_grad_(False)
    decayed, plain = decay_groups(model)
    assert [id(parameter) for parameter in decayed] == [id(model[2].weight)]
    assert {id(parameter) for parameter in plain} == {
        id(parameter) for parameter in (model[0].weight, model[1].weight, model[1].bias, model[2].bias)
    }
    assert embeddings_of(model) == {id(model[0].weight)}


def test_the_norm_is_that_of_all_gradients_together() -> None:
    one, other = nn.Parameter(torch.zeros(2, 2)), nn.Parameter(torch.zeros(3))
    assert gradient_norm([one, other], set()) == 0
    one.grad, other.grad = torch.tensor([[1.0, 2.0], [0.0, 0.0]]), torch.tensor([0.0, 4.0, 2.0])
    assert gradient_norm([one, other], {id(one)}) == 5
