"""The response model: ordinary least squares on the terms of `design.py`, for the logit of each score.

The logit keeps scores between 0 and 1, and makes straight what saturates. Effects are differences of scores
again: the mean over settings of the inverse logit (`Model.estimate`), with the delta method for its error.
Errors may differ from trial to trial, because students of little data vary more. The covariance of the
coefficients is therefore the heteroscedasticity-consistent HC3 (MacKinnon and White 1985), with Student's t
of n - p degrees of freedom, as statsmodels computes it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats
from scipy.special import expit, logit

from analysis.sweep.design import STEPS, Term, columns_of, finer_terms, terms
from analysis.sweep.factors import Factor

__all__ = ["CLOSEST", "Estimate", "Model", "Part", "fewest_trials", "fit"]

Array = np.ndarray[Any, np.dtype[np.float64]]
Part = tuple[Array, float]
"""Terms [settings x terms], and the weight of their mean score in a sum."""

CLOSEST = 0.005
"""Scores nearer to 0 or 1 count as this far away, because 0 and 1 have no logit."""
STRONG = 36.0
"""From this Wald F statistic on, a factor is strong: 6 standard errors."""
PER_TERM = 1.75
"""Trials for each term at least: 58 for the fullest model of six factors, so that 64 trials are enough."""
LEVEL = 0.95


@dataclass(frozen=True)
class Estimate:
    """An estimate with its standard error, interval and two-sided p value."""

    estimate: float
    error: float
    low: float
    high: float
    p: float


@dataclass(frozen=True)
class Model:
    """A fitted model. step: its name. strong: the factors with finer terms.

    matrix: [trials x terms]. logits: the logits of the scores, a column for each score. coefficients: score
    -> [terms]. covariances: score -> [terms x terms].
    """

    factors: tuple[Factor, ...]
    terms: tuple[Term, ...]
    step: str
    strong: tuple[str, ...]
    matrix: Array
    logits: pd.DataFrame
    coefficients: dict[str, Array] = field(repr=False)
    covariances: dict[str, Array] = field(repr=False)

    @property
    def free(self) -> int:
        """Residual degrees of freedom."""
        return self.matrix.shape[0] - self.matrix.shape[1]

    @cached_property
    def quantile(self) -> float:
        """Half the width of a 95% interval, in standard errors."""
        return float(stats.t.ppf((1 + LEVEL) / 2, self.free))

    def rows(self, values: Mapping[str, Sequence[Any]]) -> Array:
        """The terms [settings x terms] of settings; see `columns_of`."""
        return columns_of(self.terms, self.factors, values)

    def factor(self, name: str) -> Factor:
        return next(factor for factor in self.factors if factor.name == name)

    def scores(self, score: str) -> Array:
        """The scores of the trials [trials]."""
        return np.asarray(expit(self._logits(score)), dtype=float)

    def residuals(self, score: str) -> Array:
        """The logits of the trials minus the fitted logits [trials]."""
        return np.asarray(self._logits(score) - self.matrix @ self.coefficients[score])

    def _logits(self, score: str) -> Array:
        return np.asarray(self.logits[score], dtype=float)

    def estimate(self, parts: Sequence[Part], score: str) -> Estimate:
        """The sum over `parts` of weight x mean score over the settings of the part.

        With s = expit(rows b), the mean score of a part is mean(s), and its gradient in b is
        mean(s (1 - s) rows).
        """
        value, gradient = 0.0, np.zeros(len(self.terms))
        for rows, weight in parts:
            shares = expit(rows @ self.coefficients[score])
            value += weight * float(shares.mean())
            gradient += weight * ((shares * (1 - shares)) @ rows) / len(rows)
        error = float(np.sqrt(np.maximum(gradient @ self.covariances[score] @ gradient, 0.0)))
        half = self.quantile * error
        p = float(2 * stats.t.sf(abs(value) / error, self.free)) if error else float("nan")
        return Estimate(value, error, value - half, value + half, p)

    def mean(self, rows: Array, score: str, spread: float = 0.0) -> Estimate:
        """The mean score over the settings `rows` [settings x terms], with an interval within 0..1.

        The interval is symmetric in the logit of the mean. spread: a standard deviation, of the score, that
        is added to the error, for the score of one new run.
        """
        found = self.estimate([(rows, 1.0)], score)
        middle, slope = float(logit(found.estimate)), found.estimate * (1 - found.estimate)
        half = self.quantile * float(np.hypot(found.error, spread)) / slope
        low, high = (float(expit(middle + side * half)) for side in (-1, 1))
        return replace(found, low=low, high=high)

    def noise(self, rows: Array, score: str) -> float:
        """The standard deviation of the score of one run around the model, at the settings `rows`."""
        shares = expit(rows @ self.coefficients[score])
        logits = float(np.sqrt((self.residuals(score) ** 2).sum() / self.free))
        return logits * float((shares * (1 - shares)).mean())

    def joint_test(self, score: str, of: Sequence[int]) -> tuple[float, float]:
        """(F, p) of the Wald test that the coefficients `of` are all 0; NaN if there are none."""
        if not of:
            return float("nan"), float("nan")
        values, part = self.coefficients[score][list(of)], self.covariances[score][np.ix_(of, of)]
        statistic = float(values @ np.linalg.solve(part, values)) / len(of)
        return statistic, float(stats.f.sf(statistic, len(of), self.free))


def fewest_trials(factors: Sequence[Factor]) -> list[int]:
    """For each step of the model, from how many trials on the model is fitted."""
    return [math.ceil(PER_TERM * len(terms(factors, step))) for step in range(len(STEPS))]


def fit(
    factors: Sequence[Factor], values: Mapping[str, Sequence[Any]], scores: pd.DataFrame, guide: str
) -> Model | None:
    """The fullest model with `PER_TERM` trials for each term; None if even lines need more trials.

    Args:
        values: for each factor, its value in each trial; missing if it had no effect there.
        scores: a row for each trial, a column for each score, all within 0..1.
        guide: the score that decides which factors are strong.
    """
    closest = scores.clip(CLOSEST, 1 - CLOSEST)
    logits = pd.DataFrame(logit(closest.to_numpy(float)), scores.index, scores.columns)
    for step in reversed(range(len(STEPS))):
        wanted = terms(factors, step)
        found = _fitted(factors, values, logits, wanted, step)
        if found is None:
            continue
        if step < len(STEPS) - 1:
            return found
        strong = [factor.name for factor in factors if _is_strong(found, factor, guide)]
        finer = finer_terms(factors, strong)
        return (_fitted(factors, values, logits, [*wanted, *finer], step, strong) if finer else None) or found
    return None


def _fitted(
    factors: Sequence[Factor],
    values: Mapping[str, Sequence[Any]],
    logits: pd.DataFrame,
    wanted: Sequence[Term],
    step: int,
    strong: Sequence[str] = (),
) -> Model | None:
    """The model of the `wanted` terms; None if there are too few trials for them."""
    import statsmodels.api as sm  # takes a second, and other reports do without

    matrix = columns_of(wanted, factors, values)
    kept = _independent(matrix)
    if len(logits) < PER_TERM * len(kept):
        return None
    matrix = matrix[:, kept]
    fitted = {
        str(score): sm.OLS(logits[score].to_numpy(float), matrix).fit(cov_type="HC3", use_t=True)
        for score in logits
    }
    return Model(
        tuple(factors),
        tuple(wanted[number] for number in kept),
        STEPS[step],
        tuple(strong),
        matrix,
        logits,
        {score: np.asarray(found.params) for score, found in fitted.items()},
        {score: np.asarray(found.cov_params()) for score, found in fitted.items()},
    )


def _is_strong(model: Model, factor: Factor, guide: str) -> bool:
    """Whether the lines or contrasts of `factor` are far from 0."""
    lines = [
        number
        for number, term in enumerate(model.terms)
        if term.factors == (factor.name,) and (term.powers[0] == 0 or not factor.numeric)
    ]
    return model.joint_test(guide, lines)[0] >= STRONG


def _independent(matrix: Array) -> list[int]:
    """The columns that are no sum of earlier ones; a product may be one if a factor acts in few settings."""
    kept: list[int] = []
    basis = np.zeros((matrix.shape[0], 0))
    for number, column in enumerate(matrix.T):
        rest = column - basis @ (basis.T @ column)
        rest -= basis @ (basis.T @ rest)  # once more, for the last digits
        size = float(np.linalg.norm(rest))
        if size > 1e-6 * max(1.0, float(np.linalg.norm(column))):
            kept.append(number)
            basis = np.column_stack([basis, rest / size])
    return kept
