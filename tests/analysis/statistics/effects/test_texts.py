"""What the choice of test texts adds to the variance of a contrast, against a two-way table computed here."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from analysis.statistics.effects.texts import Texts, texts_of

WEIGHTS = np.array([1.0, -1.0, 0.5, 0.0])
ALL = np.ones(5, dtype=bool)


def drawn(counts: tuple[int, ...] = (30, 7), seeds: int = 5) -> Texts:
    rng = np.random.default_rng(3)
    correct = tuple(rng.random((4, seeds, n)) < rng.random(n) for n in counts)
    return Texts(correct, np.ones((4, seeds, len(counts)), dtype=bool), np.eye(4))


def two_way(d: Any) -> tuple[float, float]:
    """(MS_text - MS_error) / (S n) and MS_text / (S n), of a table of seeds and texts without replicates."""
    seeds, texts = d.shape
    of_text = d.mean(axis=0)
    rest = d - d.mean(axis=1, keepdims=True) - of_text + d.mean()
    ms_text = seeds * of_text.var(ddof=1)
    ms_error = (rest**2).sum() / ((seeds - 1) * (texts - 1))
    return (ms_text - ms_error) / d.size, ms_text / d.size


def test_the_spread_of_one_language_is_that_of_a_two_way_table() -> None:
    texts = drawn()
    d = np.einsum("a,ast->st", WEIGHTS, texts.correct[1].astype(float))
    spread = texts.spread(WEIGHTS, ALL, [1])
    assert spread is not None
    assert spread[:2] == pytest.approx(two_way(d))
    assert spread.df == pytest.approx(6)
    assert spread.texts == 7


def test_languages_have_texts_of_their_own_and_equal_weights() -> None:
    texts = drawn()
    both, one, other = (texts.spread(WEIGHTS, ALL, languages) for languages in ([0, 1], [0], [1]))
    assert both is not None
    assert one is not None
    assert other is not None
    assert both.shared == pytest.approx((one.shared + other.shared) / 4)
    assert both.whole == pytest.approx((one.whole + other.whole) / 4)
    assert min(one.df, other.df) < both.df < one.df + other.df
    assert both.texts == 37


def test_only_the_seeds_of_the_contrast_count() -> None:
    texts, some = drawn(), np.array([True, False, True, True, False])
    d = np.einsum("a,ast->st", WEIGHTS, texts.correct[0][:, some].astype(float))
    assert texts.spread(WEIGHTS, some, [0])[:2] == pytest.approx(two_way(d))  # type: ignore[index]


def test_a_mean_of_arms_has_the_texts_of_its_arms() -> None:
    """As of an arm with several teachers."""
    texts = drawn()
    mixed = texts.mixed(np.array([[0.5, 0.5, 0, 0], [0, 0, 1, 0]]))
    expected = texts.spread(np.array([0.5, 0.5, -1, 0]), ALL, [0])
    assert mixed.spread(np.array([1.0, -1.0]), ALL, [0]) == pytest.approx(expected)


def test_of_runs_with_one_lowest_language_the_spread_is_the_languages() -> None:
    texts = drawn()
    lowest = np.ones((4, 5), dtype=int)
    found, expected = texts.spread_of_lowest(WEIGHTS, ALL, [0, 1], lowest), texts.spread(WEIGHTS, ALL, [1])
    assert found is not None
    assert expected is not None
    assert found == pytest.approx(expected)


def test_lowest_languages_of_several_runs_share_no_texts() -> None:
    """Two arms, each lowest in a language of its own: the variances of the two add."""
    texts = drawn()
    lowest = np.zeros((4, 5), dtype=int)
    lowest[1] = 1
    found = texts.spread_of_lowest(np.array([1.0, -1, 0, 0]), ALL, [0, 1], lowest)
    parts = [texts.spread(np.eye(4)[arm], ALL, [arm]) for arm in (0, 1)]
    assert found is not None
    assert found.whole == pytest.approx(sum(part.whole for part in parts if part))
    assert found.shared == pytest.approx(sum(part.shared for part in parts if part))


@pytest.mark.parametrize("lost", ["a run", "a language", "another number of texts"])
def test_a_contrast_of_a_run_without_texts_has_no_spread_and_others_have(lost: str) -> None:
    rng = np.random.default_rng(0)
    correct: dict[tuple[str, int], dict[str, Any]] = {
        (arm, seed): {"deu": rng.random(9) < 0.5, "yor": rng.random(4) < 0.5}
        for arm, seed in itertools.product("abc", (1, 2, 3))
    }
    if lost == "a run":
        del correct["b", 2]
    elif lost == "a language":
        del correct["b", 2]["yor"]
    else:
        correct["b", 2]["yor"] = rng.random(5) < 0.5
    texts = texts_of(correct, ["a", "b", "c"], [1, 2, 3], ["deu", "yor"])
    assert texts is not None
    seeds = np.ones(3, dtype=bool)
    assert texts.spread(np.array([1.0, 0, -1]), seeds, [0, 1]) is not None
    assert texts.spread(np.array([1.0, -1, 0]), seeds, [0, 1]) is None
    assert (texts.spread(np.array([1.0, -1, 0]), seeds, [0]) is None) == (lost == "a run")
    assert texts.spread(np.array([1.0, -1, 0]), np.array([True, False, True]), [0, 1]) is not None


def test_without_answers_there_are_no_texts() -> None:
    assert texts_of({}, ["a"], [1], ["deu"]) is None


def test_one_seed_or_one_text_has_no_spread() -> None:
    texts = drawn((30, 1))
    one = np.array([True, False, False, False, False])
    assert texts.spread(WEIGHTS, one, [0]) is None
    assert texts.spread(WEIGHTS, ALL, [0, 1]) is None
