"""The validation score of an arm as a curve over its tuned values: a mixture of Gaussian processes.

The score of a trial at x is ``f(x) + noise``. f has a constant mean and a Matern covariance with nu = 5/2
(Rasmussen and Williams 2006, sections 4.2 and 2.7). Lengths and amplitudes are not fitted, because a few
trials do not determine them: each pair of `LENGTHS` and `AMPLITUDES` has the weight of its likelihood.

A score more than `FAR` below the best score counts as `FAR` below. Such a trial shows where the curve is low.
How low is of no interest, and a fall to chance would make the curve appear rough at its top as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

__all__ = ["FAR", "Response"]

Array = np.ndarray[Any, np.dtype[np.float64]]

LENGTHS = (0.8, 1.6, 3.2)
"""Natural-log units. Half a decade of the learning rate is 1.15."""
AMPLITUDES = (0.01, 0.03, 0.1)
FAR = 0.1


@dataclass(frozen=True)
class Response:
    """x: [trials x dimensions]. scores: [trials], accuracies. noise: the standard deviation of a score."""

    x: Array
    scores: Array
    noise: float

    def moments(self, at: Array) -> tuple[Array, Array]:
        """Mean and standard deviation of f at the points `at` [points x dimensions]."""
        found = [self._posterior(at, *each) for each in self._parts]
        means = np.array([mean for mean, _ in found])
        squares = np.array([np.diagonal(covariance) for _, covariance in found]) + means**2
        mean = self._weights @ means
        return self._top + mean, np.sqrt(np.maximum(self._weights @ squares - mean**2, 0))

    def draws(self, at: Array, count: int) -> Array:
        """About `count` draws of f at the points `at`: [draws x points]. Equal calls give equal draws."""
        rng = np.random.default_rng(0)
        ends = np.floor(np.cumsum(self._weights) * count + 0.5).astype(int)
        drawn = []
        for each, n in zip(self._parts, np.diff(ends, prepend=0), strict=True):
            if n:
                mean, covariance = self._posterior(at, *each)
                root = np.linalg.cholesky(covariance + 1e-6 * each[1] ** 2 * np.eye(len(at)))
                drawn.append(mean + rng.standard_normal((n, len(at))) @ root.T)
        return self._top + np.concatenate(drawn)

    @property
    def _parts(self) -> list[tuple[float, float]]:
        return [(length, amplitude) for length in LENGTHS for amplitude in AMPLITUDES]

    @cached_property
    def _top(self) -> float:
        return float(self.scores.max())

    @cached_property
    def _below(self) -> Array:
        """The scores minus the best score, at least `-FAR`."""
        return np.maximum(self.scores - self._top, -FAR)

    @cached_property
    def _weights(self) -> Array:
        logs = []
        for each in self._parts:
            root = np.linalg.cholesky(self._of_scores(*each))
            z = np.linalg.solve(root, self._below - self._below.mean())
            logs.append(-0.5 * float(z @ z) - float(np.log(np.diagonal(root)).sum()))
        weights = np.exp(np.array(logs) - max(logs))
        return np.asarray(weights / weights.sum())

    def _of_scores(self, length: float, amplitude: float) -> Array:
        return _covariance(self.x, self.x, length, amplitude) + self.noise**2 * np.eye(len(self.x))

    def _posterior(self, at: Array, length: float, amplitude: float) -> tuple[Array, Array]:
        """Mean (below the top) and covariance of f at the points `at`."""
        centre = self._below.mean()
        to_scores = _covariance(at, self.x, length, amplitude)
        gain = np.linalg.solve(self._of_scores(length, amplitude), to_scores.T).T
        covariance = _covariance(at, at, length, amplitude) - gain @ to_scores.T
        return centre + gain @ (self._below - centre), (covariance + covariance.T) / 2


def _covariance(one: Array, other: Array, length: float, amplitude: float) -> Array:
    """The Matern covariance, and that of a constant mean of the same amplitude."""
    z = np.sqrt(5 * ((one[:, None] - other[None]) ** 2).sum(axis=2)) / length
    return np.asarray(amplitude**2 * ((1 + z + z**2 / 3) * np.exp(-z) + 1))
