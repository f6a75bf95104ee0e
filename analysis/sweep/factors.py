"""A factor of a sweep: the values of a hyperparameter as the columns of a response model.

The columns of a factor have mean 0 and variance 1 over its values, and are orthogonal to each other. So the
constant of the model is the mean over all settings, and a column that is left out stands for the mean over
the values of its factor.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy.linalg import helmert

from analysis.record.domain import Domain, Value
from analysis.record.formats import number
from study.config import NO_ORDER

__all__ = ["MOST_DEGREE", "Factor", "factor_of", "factors_of"]

Array = np.ndarray[Any, np.dtype[np.float64]]

MOST_DEGREE = 3


@dataclass(frozen=True)
class Factor:
    """A hyperparameter that differs from trial to trial.

    levels: its values; empty for a range from `low` to `high`. numeric: whether the values are amounts. log:
    whether amounts are placed by their logarithm. nuisance: whether the effect is no part of the question.
    """

    name: str
    levels: tuple[Value, ...]
    numeric: bool
    low: float = 0.0
    high: float = 0.0
    log: bool = False
    nuisance: bool = False

    @property
    def degree(self) -> int:
        """The number of columns: powers up to the third of an amount, contrasts of names."""
        if self.levels:
            most = len(self.levels) - 1
            return min(MOST_DEGREE, most) if self.numeric else most
        return MOST_DEGREE

    @property
    def ends(self) -> tuple[Value, Value]:
        """The two values whose difference is the effect: the ends of a range; random and teacher of init."""
        if not self.levels:
            return self.low, self.high
        if self.numeric:
            return min(self.levels, key=float), max(self.levels, key=float)
        if {"random", "teacher"} <= set(self.levels):
            return "random", "teacher"
        return self.levels[0], self.levels[-1]

    def grid(self, count: int) -> list[Value]:
        """About `count` values from end to end; all levels if there are levels."""
        if self.levels:
            return sorted(self.levels, key=float) if self.numeric else list(self.levels)
        return self.at(np.linspace(-1, 1, count))

    def at(self, places: Array) -> list[Value]:
        """The values at `places` [n], from -1 (the lower end of the range) to 1."""
        low, high = self._scaled([self.low, self.high])
        values = low + (np.asarray(places) + 1) / 2 * (high - low)
        return [float(value) for value in (np.exp(values) if self.log else values)]

    def draw(self, shares: Array) -> list[Value]:
        """The values at `shares` [n] of the way, from 0 to 1: levels have equal shares."""
        if not self.levels:
            return self.at(2 * np.asarray(shares) - 1)
        chosen = np.minimum((np.asarray(shares) * len(self.levels)).astype(int), len(self.levels) - 1)
        return [self.levels[int(i)] for i in chosen]

    def columns(self, values: Sequence[Any]) -> Array:
        """The columns [values x degree] of `values`; 0 for a value that is missing: it had no effect.

        A number outside a range counts as the nearer end.
        """
        there = np.array([value is not None and value == value for value in values])
        found = np.zeros((len(values), self.degree))
        if not there.any():
            return found
        kept = [value for value, here in zip(values, there, strict=True) if here]
        if self.numeric:
            found[there] = (np.vander(self._places(kept), self.degree + 1, increasing=True) @ self._powers)[
                :, 1:
            ]
        else:
            rows = [self.levels.index(value) for value in kept]
            found[there] = (helmert(len(self.levels)) * np.sqrt(len(self.levels))).T[rows]
        return found

    def text(self, value: Value) -> str:
        """A value as the report shows it."""
        return number(value)

    @cached_property
    def _powers(self) -> Array:
        """[powers x columns]: polynomials that are orthonormal over the values of the factor."""
        if self.levels:
            places, weights = self._places(self.levels), np.full(len(self.levels), 1 / len(self.levels))
        else:
            places, weights = np.polynomial.legendre.leggauss(2 * MOST_DEGREE)
            weights = weights / 2
        powers = np.vander(places, self.degree + 1, increasing=True)
        _, root = np.linalg.qr(np.sqrt(weights)[:, None] * powers)
        return np.asarray(np.linalg.inv(root * np.sign(np.diagonal(root))[:, None]))

    def _places(self, values: Sequence[Any]) -> Array:
        """The place of each value, from -1 to 1."""
        ends = self._scaled([float(end) for end in self.ends])
        scaled = self._scaled([float(value) for value in values])
        return np.clip(2 * (scaled - ends[0]) / (ends[1] - ends[0]) - 1, -1, 1)

    def _scaled(self, values: Sequence[float]) -> Array:
        numbers = np.array(values, dtype=float)
        return np.log(numbers) if self.log else numbers


def factor_of(name: str, domain: Domain, nuisance: bool = False) -> Factor | None:
    """The factor `name` with the values of `domain`; None if there are no two values."""
    if domain.low is not None and domain.high is not None:
        return Factor(name, (), True, domain.low, domain.high, domain.log, nuisance)
    levels = tuple(dict.fromkeys(domain.levels))
    if len(levels) < 2:
        return None
    numeric = name not in NO_ORDER and all(isinstance(level, int | float) for level in levels)
    log = numeric and _is_even_in_logarithm([float(level) for level in levels])
    return Factor(name, levels, numeric, log=log, nuisance=nuisance)


def factors_of(
    scientific: Mapping[str, tuple[Value, ...]], varied: Mapping[str, Domain], nuisance: Mapping[str, Domain]
) -> list[Factor]:
    """The factors of a study, by role: the scientific and varied ones first. One value makes no factor."""
    domains = {name: Domain(levels=levels) for name, levels in scientific.items()} | dict(varied)
    found = [factor_of(name, domain) for name, domain in domains.items()]
    found += [factor_of(name, domain, nuisance=True) for name, domain in nuisance.items()]
    return [factor for factor in found if factor is not None]


def _is_even_in_logarithm(levels: Sequence[float]) -> bool:
    """Whether three or more amounts above 0 are spread more evenly in their logarithm than as they are."""
    ordered = np.sort(np.array(levels))
    if len(ordered) < 3 or ordered[0] <= 0:
        return False

    def unevenness(places: Array) -> float:
        gaps = np.diff(places)
        return float(gaps.max() / gaps.min())

    return unevenness(np.log(ordered)) < unevenness(ordered)
