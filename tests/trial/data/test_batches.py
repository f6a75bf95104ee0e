"""Batches: every row once an epoch, and each step's rows a function of (seed, step) alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from study.trial.data.batches import EVALUATION_TOKENS, POOL, TrainingBatches, evaluation_batches

LENGTHS = st.lists(st.integers(1, 300), min_size=1, max_size=400).map(np.array)
SIZES = st.integers(1, 40)


@given(LENGTHS, SIZES, st.integers(0, 99), st.integers(0, 5))
def test_an_epoch_has_every_row_once(lengths: np.ndarray, size: int, seed: int, epoch: int) -> None:
    batches = TrainingBatches(lengths, size, seed)
    steps = range(epoch * batches.per_epoch, (epoch + 1) * batches.per_epoch)
    rows = np.concatenate([batches.rows(step) for step in steps])
    assert sorted(rows.tolist()) == list(range(len(lengths)))


@given(LENGTHS, SIZES, st.integers(0, 99))
def test_batches_are_full_but_for_one_of_an_epoch(lengths: np.ndarray, size: int, seed: int) -> None:
    batches = TrainingBatches(lengths, size, seed)
    sizes = sorted(len(batches.rows(step)) for step in range(batches.per_epoch))
    assert batches.per_epoch == -(-len(lengths) // size)
    assert sizes[1:] == [size] * (batches.per_epoch - 1)
    assert 1 <= sizes[0] <= size


@given(LENGTHS, SIZES, st.integers(0, 99), st.lists(st.integers(0, 500), min_size=1, max_size=6))
def test_a_step_needs_no_memory_of_those_before(
    lengths: np.ndarray, size: int, seed: int, steps: list[int]
) -> None:
    visited = TrainingBatches(lengths, size, seed)
    for step in steps:
        fresh = TrainingBatches(lengths, size, seed).rows(step)
        assert visited.rows(step).tolist() == fresh.tolist()


def test_epochs_and_seeds_differ_in_order_and_in_company() -> None:
    lengths = np.full(200, 7)
    epochs = [
        [batches.rows(first + i).tolist() for i in range(20)]
        for batches in (TrainingBatches(lengths, 10, 0), TrainingBatches(lengths, 10, 1))
        for first in (0, 20)
    ]
    companies = [{tuple(sorted(rows)) for rows in epoch} for epoch in epochs]
    assert all(not (one & other) for i, one in enumerate(companies) for other in companies[:i])


def test_rows_of_like_length_share_a_batch() -> None:
    lengths = np.random.default_rng(0).integers(1, 100, size=POOL * 16)
    batches = TrainingBatches(lengths, 16, 0)
    spread = [np.ptp(lengths[batches.rows(step)]) for step in range(batches.per_epoch)]
    assert max(spread) < 20
    order = [lengths[batches.rows(step)].mean() for step in range(batches.per_epoch)]
    assert order != sorted(order)


@pytest.mark.parametrize("device", EVALUATION_TOKENS)
@given(lengths=LENGTHS)
def test_evaluation_takes_every_row_once_within_its_tokens(lengths: np.ndarray, device: str) -> None:
    batches = list(evaluation_batches(lengths, device))
    assert sorted(np.concatenate(batches).tolist()) == list(range(len(lengths)))
    for rows in batches:
        assert len(rows) == 1 or len(rows) * lengths[rows].max() <= EVALUATION_TOKENS[device]


def test_a_text_longer_than_a_whole_batch_is_evaluated_alone() -> None:
    batches = list(evaluation_batches(np.array([3, EVALUATION_TOKENS["cpu"] + 1, 5]), "cpu"))
    assert [rows.tolist() for rows in batches] == [[1], [2, 0]]
