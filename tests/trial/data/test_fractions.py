"""Data fractions are nested, stratified, complete at 1, and decided by task, fraction and seed alone."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from study.trial.data.fractions import sample_rows, sample_sizes

Rows = tuple[np.ndarray, np.ndarray]
"""Labels and languages."""

fractions = st.floats(0, 1, exclude_min=True)
rows_of_tasks = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3)), min_size=1, max_size=120).map(
    lambda rows: (np.array([r[0] for r in rows]), np.array([r[1] for r in rows]))
)
seeds = st.integers(0, 1000)


def unbalanced(languages: int = 3, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """2,000 rows a language under labels of 50%, 30%, 15%, 4% and 1%, shuffled."""
    rng = np.random.default_rng(seed)
    labels = np.tile(np.repeat(np.arange(5), [1000, 600, 300, 80, 20]), languages)
    order = rng.permutation(len(labels))
    return labels[order], np.repeat(np.arange(languages), 2000)[order]


@given(rows_of_tasks, fractions, fractions, seeds)
@settings(max_examples=300, deadline=None)
@example((np.repeat([0, 1, 2], 5), np.zeros(15, int)), 0.1, 0.5, 0)
def test_a_smaller_fraction_is_inside_a_larger_one(rows: Rows, one: float, other: float, seed: int) -> None:
    smaller, larger = sorted((one, other))
    inside, outside = sample_rows(*rows, smaller, "t", seed), sample_rows(*rows, larger, "t", seed)
    assert set(inside.tolist()) <= set(outside.tolist())


@given(rows_of_tasks, fractions, seeds)
@settings(max_examples=300, deadline=None)
def test_each_language_keeps_its_share_and_every_label(rows: Rows, fraction: float, seed: int) -> None:
    labels, languages = rows
    kept = sample_rows(labels, languages, fraction, "t", seed)
    assert kept.dtype == np.int64
    assert (np.diff(kept) > 0).all()
    for language in np.unique(languages):
        own, own_kept = labels[languages == language], labels[kept][languages[kept] == language]
        assert set(own) == set(own_kept)
        assert len(own_kept) == max(len(set(own)), int(np.floor(len(own) * fraction + 0.5)))


@given(rows_of_tasks, fractions, fractions, seeds)
@settings(max_examples=200, deadline=None)
def test_without_a_label_floor_each_language_keeps_its_share_alone(
    rows: Rows, one: float, other: float, seed: int
) -> None:
    labels, languages = rows
    smaller, larger = sorted((one, other))
    kept = sample_rows(labels, languages, smaller, "t", seed, floor=0)
    for language in np.unique(languages):
        count = int((languages == language).sum())
        assert (languages[kept] == language).sum() == int(np.floor(count * smaller + 0.5))
    assert set(kept) <= set(sample_rows(labels, languages, larger, "t", seed, floor=0))


def test_without_a_label_floor_rare_labels_have_no_row_in_a_small_sample() -> None:
    labels, languages = unbalanced()
    kept = sample_rows(labels, languages, 0.01, "t", 0, floor=0)
    counts = np.bincount(labels[kept][languages[kept] == 0], minlength=5)
    assert counts.tolist() == [10, 6, 3, 1, 0]


@given(rows_of_tasks, seeds)
@settings(max_examples=50, deadline=None)
def test_the_whole_is_everything(rows: Rows, seed: int) -> None:
    np.testing.assert_array_equal(sample_rows(*rows, 1.0, "t", seed), np.arange(len(rows[0])))


@pytest.mark.parametrize("fraction", [0.01, 0.05, 0.1, 0.333, 0.5, 0.9])
def test_labels_keep_their_proportions(fraction: float) -> None:
    labels, languages = unbalanced()
    kept = sample_rows(labels, languages, fraction, "t", 0)
    for language in range(3):
        counts = np.bincount(labels[kept][languages[kept] == language], minlength=5)
        quota = fraction * np.array([1000, 600, 300, 80, 20])
        assert (np.abs(counts - np.maximum(quota, 1)) <= 1.5).all()


def test_labels_of_equal_size_take_turns_by_lot() -> None:
    # 40 labels of 50 rows at 5%: 2.5 each, and which get the third is not decided by their names.
    labels, languages = np.repeat(np.arange(40), 50), np.zeros(2000, int)
    with_third = [
        np.flatnonzero(np.bincount(labels[sample_rows(labels, languages, 0.05, "t", seed)]) == 3)
        for seed in range(20)
    ]
    assert all(len(labels_of_seed) == 20 for labels_of_seed in with_third)
    assert (np.bincount(np.concatenate(with_third), minlength=40) > 0).sum() >= 38


def test_the_same_request_gives_the_same_rows_and_another_seed_or_task_others() -> None:
    labels, languages = unbalanced()
    rows = sample_rows(labels, languages, 0.1, "task", 0)
    np.testing.assert_array_equal(rows, sample_rows(labels, languages, 0.1, "task", 0))
    for task, seed in (("task", 1), ("other", 0)):
        again = sample_rows(labels, languages, 0.1, task, seed)
        assert len(again) == len(rows)
        assert len(np.intersect1d(rows, again)) < 0.3 * len(rows)


def test_rows_are_drawn_evenly_from_the_whole_file() -> None:
    labels, languages = np.zeros(1000, int), np.zeros(1000, int)
    drawn = np.zeros(1000)
    for seed in range(400):
        drawn[sample_rows(labels, languages, 0.1, "t", seed)] += 1
    # Each row is drawn 40 times of 400, with a standard deviation of 6.
    assert drawn.min() > 40 - 6 * 6
    assert drawn.max() < 40 + 6 * 6
    assert abs(drawn[:500].mean() - drawn[500:].mean()) < 2


def test_the_sample_is_this_one() -> None:
    # Pinned: another sample under an old key would make resumed studies mix two of them.
    labels, languages = np.tile([0, 0, 0, 1], 10), np.repeat([0, 1], 20)
    assert sample_rows(labels, languages, 0.25, "pinned", 0).tolist() == [
        4,
        9,
        11,
        13,
        17,
        22,
        25,
        27,
        28,
        33,
    ]


def test_no_rows_give_no_rows() -> None:
    assert sample_rows(np.zeros(0, int), np.zeros(0, int), 0.5, "t", 0).tolist() == []


@pytest.mark.parametrize("fraction", [0.0, -0.1, 1.01, float("nan")])
def test_a_fraction_outside_its_range_is_refused(fraction: float) -> None:
    with pytest.raises(ValueError, match=r"lies in \(0, 1\]"):
        sample_rows(np.zeros(3, int), np.zeros(3, int), fraction, "t", 0)


def test_a_large_task_is_sampled_at_once() -> None:
    rng = np.random.default_rng(0)
    labels, languages = rng.integers(0, 7, 150_000), rng.integers(0, 205, 150_000)
    start = time.perf_counter()
    sample_rows(labels, languages, 0.1, "t", 0)
    assert time.perf_counter() - start < 1  # 0.06 s on one free core


@given(rows_of_tasks, fractions, seeds)
@settings(max_examples=100, deadline=None)
def test_the_sizes_are_those_of_the_sample(rows: Rows, fraction: float, seed: int) -> None:
    labels, languages = rows
    kept = languages[sample_rows(labels, languages, fraction, "t", seed)]
    sizes = sample_sizes(labels, languages, fraction)
    assert sizes.tolist() == np.bincount(kept, minlength=int(languages.max()) + 1).tolist()
