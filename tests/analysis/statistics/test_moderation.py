"""Variances over few seeds, shrunk over languages: what is kept, and that the intervals still cover."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.special import polygamma, stdtrit

from analysis.statistics.moderation import _effective_number, _trigamma_inverse, moderated


def differences(seeds: int, languages: int, common: float = 0.0, spread: Any = 1.0, n: int = 1) -> Any:
    rng = np.random.default_rng(seeds * 100 + languages)
    shape = (n, seeds, languages)
    return common * rng.standard_normal((n, seeds, 1)) + spread * rng.standard_normal(shape)


@pytest.mark.parametrize(("seeds", "languages"), [(2, 8), (5, 1), (5, 2)])
def test_with_too_few_seeds_or_languages_the_variances_are_those_of_the_sample(
    seeds: int, languages: int
) -> None:
    (d,) = differences(seeds, languages)
    values, df = moderated(d)
    assert values == pytest.approx(d.var(axis=0, ddof=1))
    assert df == pytest.approx(np.full(languages, seeds - 1))


def test_variances_move_towards_each_other_and_have_more_degrees_of_freedom() -> None:
    (d,) = differences(4, 12)
    values, df = moderated(d)
    sample = d.var(axis=0, ddof=1)
    assert values.std() < 0.7 * sample.std()
    assert values.mean() == pytest.approx(sample.mean(), rel=0.2)
    assert (df > 5).all()


def test_languages_that_differ_far_more_than_chance_are_not_made_alike() -> None:
    spread = np.where(np.arange(12) % 2, 0.001, 1.0)
    (d,) = differences(10, 12, spread=spread)
    values, _ = moderated(d)
    noisy, quiet = values[spread == 1.0], values[spread < 1]
    assert noisy.mean() > 3 * quiet.mean()  # the quiet ones have the common part, which is not known better


def test_languages_that_move_together_gain_nothing() -> None:
    (d,) = differences(5, 12, common=1.0, spread=1e-3)
    values, df = moderated(d)
    assert values == pytest.approx(d.var(axis=0, ddof=1), rel=0.05)
    assert df == pytest.approx(np.full(12, 4), rel=0.01)


@pytest.mark.parametrize("common", [0.0, 1.0, 3.0])
@pytest.mark.parametrize(("seeds", "languages"), [(3, 8), (5, 12)])
def test_intervals_cover_and_are_narrower_than_alone(seeds: int, languages: int, common: float) -> None:
    covered, widths, alone = [], [], []
    for d in differences(seeds, languages, common, n=600):
        values, df = moderated(d)
        width = stdtrit(df, 0.975) * np.sqrt(values / seeds)
        covered.append(np.mean(np.abs(d.mean(axis=0)) < width))
        widths.append(width.mean())
        alone.append(stdtrit(seeds - 1, 0.975) * d.std(axis=0, ddof=1).mean() / np.sqrt(seeds))
    assert 0.93 < np.mean(covered) < 0.985
    assert np.mean(widths) < np.mean(alone) * (0.85 if not common else 1.0)


def test_a_language_in_which_nothing_differs_is_shrunk_too() -> None:
    (d,) = differences(4, 6)
    d[:, 2] = 0.0
    values, _ = moderated(d)
    assert np.isfinite(values).all()
    assert values[2] > 0


def test_the_effective_number_of_languages() -> None:
    (alone,) = differences(40, 6)
    assert _effective_number(alone - alone.mean(axis=0)) == pytest.approx(6, rel=0.15)
    together = np.outer(np.arange(5.0), np.ones(7))
    assert _effective_number(together) == pytest.approx(1)


@pytest.mark.parametrize("x", [0.01, 0.5, 1.0, 30.0, 1e4])
def test_trigamma_is_inverted(x: float) -> None:
    assert _trigamma_inverse(float(polygamma(1, x))) == pytest.approx(x)


@pytest.mark.parametrize(("value", "expected"), [(1e-12, 1e8), (1e20, 1e-8)])
def test_beyond_its_range_the_inverse_is_an_end(value: float, expected: float) -> None:
    assert _trigamma_inverse(value) == pytest.approx(expected)
