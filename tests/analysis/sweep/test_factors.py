"""The columns of a factor: orthonormal over its values, absent without effect, on the scale that is even."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.record.domain import Domain
from analysis.sweep.factors import Factor, factor_of

RANGES = st.tuples(st.floats(1e-6, 1e3), st.floats(1.01, 1e4), st.booleans()).map(
    lambda ends: Factor("x", (), True, ends[0], ends[0] * ends[1], ends[2])
)
AMOUNTS = st.lists(st.integers(-50, 1000), min_size=2, max_size=7, unique=True)
NAMES = st.lists(st.text(min_size=1, max_size=5), min_size=2, max_size=7, unique=True)


def made(levels: list[Any]) -> Factor:
    found = factor_of("x", Domain(levels=tuple(levels)))
    assert found is not None
    return found


@given(st.one_of(AMOUNTS.map(made), NAMES.map(made)))
def test_columns_are_orthonormal_over_the_levels(factor: Factor) -> None:
    columns = factor.columns(list(factor.levels))
    assert columns.shape == (len(factor.levels), factor.degree)
    assert np.allclose(columns.mean(axis=0), 0, atol=1e-6)
    assert np.allclose(columns.T @ columns / len(factor.levels), np.eye(factor.degree), atol=1e-5)


@given(RANGES)
def test_columns_are_orthonormal_over_a_range(factor: Factor) -> None:
    places, weights = np.polynomial.legendre.leggauss(20)
    columns = factor.columns(factor.at(places))
    gram = columns.T @ (columns * weights[:, None] / 2)
    assert np.allclose(gram, np.eye(3), atol=1e-5)


@given(RANGES, st.lists(st.floats(0, 1), min_size=1, max_size=9))
def test_a_drawn_value_lies_in_the_range(factor: Factor, shares: list[float]) -> None:
    drawn = np.array(factor.draw(np.array(shares)), dtype=float)
    assert ((drawn >= factor.low * (1 - 1e-9)) & (drawn <= factor.high * (1 + 1e-9))).all()


def test_levels_have_equal_shares() -> None:
    drawn = made(["a", "b", "c"]).draw(np.array([0.0, 0.32, 0.34, 0.66, 0.67, 1.0]))
    assert drawn == ["a", "a", "b", "b", "c", "c"]


@pytest.mark.parametrize("missing", [None, float("nan")])
def test_a_value_without_effect_has_no_columns(missing: Any) -> None:
    columns = Factor("x", (), True, 1.0, 8.0, True).columns([missing, 8.0])
    assert not columns[0].any()
    assert columns[1].all()


def test_a_value_outside_the_range_counts_as_the_nearer_end() -> None:
    factor = Factor("x", (), True, 0.0, 1.0)
    assert np.array_equal(factor.columns([-3.0, 7.0]), factor.columns([0.0, 1.0]))


@pytest.mark.parametrize(
    ("levels", "log"), [((0.01, 0.1, 1.0), True), ((2, 3, 4), False), ((1, 2), False), ((0, 1, 10), False)]
)
def test_levels_are_placed_where_they_are_even(levels: tuple[Any, ...], log: bool) -> None:
    assert made(list(levels)).log == log


def test_the_ends_are_the_difference_that_is_asked_for() -> None:
    assert made(["base", "teacher", "random"]).ends == ("random", "teacher")
    assert made([3, 1, 2]).ends == (1, 3)
    assert made(["kl", "mse"]).ends == ("kl", "mse")
    assert Factor("x", (), True, 0.5, 2.0).ends == (0.5, 2.0)


def test_seeds_of_teachers_are_names() -> None:
    seeds = factor_of("teacher_seed", Domain(levels=(0, 1, 2)))
    assert seeds is not None
    assert not seeds.numeric


def test_one_level_is_no_factor() -> None:
    assert factor_of("x", Domain(levels=(3,))) is None
