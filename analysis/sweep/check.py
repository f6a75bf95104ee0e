"""How well the response model predicts runs that it has not seen, and whether a freer model does better."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats
from scipy.special import expit

from analysis.sweep.model import Model

__all__ = ["BETTER", "Check", "check"]

Array = np.ndarray[Any, np.dtype[np.float64]]

Numbers = np.ndarray[Any, np.dtype[np.int64]]
Predicted = Callable[[Numbers, Numbers], Array]
"""(numbers of the trials to learn from, numbers of the others) -> predicted logits of the others."""

FOLDS = 10
BETTER = 0.95
"""If the Gaussian process's error on new runs is below this share of the noise, the model does not fit."""


@dataclass(frozen=True)
class Check:
    """All in shares of 1. noise: the standard deviation of a run around the model. spread: of the scores.

    explained: 1 - the mean squared error of leave-one-out predictions / the variance of the scores.
    covered: the share of runs within the 95% interval that is predicted from all other runs. error,
    process_error: the root mean squared error of the model, and of a Gaussian process, on runs that were left
    out (tenfold).
    """

    noise: float
    spread: float
    explained: float
    covered: float
    error: float
    process_error: float

    @property
    def fits(self) -> bool:
        """Whether the model lacks no bend.

        The noise, which has the degrees of freedom of the model, contains what the model misses. A Gaussian
        process may bend in any way; on new runs its error is at least the true noise. So if its error is
        below the noise, the model misses something. (The error of the model on new runs is no measure of
        that: with many terms for few trials it is large if the model is true as well.)
        """
        return self.process_error >= BETTER * self.noise


def check(model: Model, score: str) -> Check:
    """Check `model` on the trials that it was fitted to.

    Leave-one-out residuals of the logits are r / (1 - h), with the leverages h; a run is covered if its
    externally studentised residual is within Student's t (Cook and Weisberg 1982, sections 2.2 and 2.3).
    Errors are errors of scores.
    """
    matrix, logits, scores = model.matrix, model.logits[score].to_numpy(float), model.scores(score)
    n, p = matrix.shape
    q, _ = np.linalg.qr(matrix)
    leverage = np.minimum((q**2).sum(axis=1), 1 - 1e-9)
    residuals = model.residuals(score)
    left_out = scores - expit(logits - residuals / (1 - leverage))
    rest = ((residuals**2).sum() - residuals**2 / (1 - leverage)) / (n - p - 1)
    student = residuals / np.sqrt(np.maximum(rest, 1e-18) * (1 - leverage))
    around = scores - expit(logits - residuals)
    return Check(
        noise=float(np.sqrt((around**2).sum() / model.free)),
        spread=float(scores.std(ddof=1)),
        explained=float(1 - (left_out**2).mean() / scores.var()) if scores.var() > 0 else float("nan"),
        covered=float((np.abs(student) <= stats.t.ppf(0.975, n - p - 1)).mean()),
        error=_error(logits, lambda train, test: _least_squares(matrix, logits, train, test)),
        process_error=_error(logits, lambda train, test: _process(_lines(model), logits, train, test)),
    )


def _error(logits: Array, predicted: Predicted) -> float:
    """The root mean squared error of predicted scores over `FOLDS` folds, the same folds for every model."""
    order = np.random.default_rng(0).permutation(len(logits))
    squares = np.zeros(len(logits))
    for test in np.array_split(order, FOLDS):
        train = np.setdiff1d(order, test)
        squares[test] = (expit(logits[test]) - expit(predicted(train, test))) ** 2
    return float(np.sqrt(squares.mean()))


def _least_squares(matrix: Array, y: Array, train: Numbers, test: Numbers) -> Array:
    found, *_ = np.linalg.lstsq(matrix[train], y[train], rcond=None)
    return np.asarray(matrix[test] @ found)


def _lines(model: Model) -> Array:
    """The columns of the factors alone that are lines or contrasts: the places of the trials."""
    first = {f.name: f.numeric for f in model.factors}
    of = [
        i
        for i, term in enumerate(model.terms)
        if len(term.factors) == 1 and (term.powers[0] == 0 or not first[term.factors[0]])
    ]
    return model.matrix[:, of]


def _process(places: Array, y: Array, train: Numbers, test: Numbers) -> Array:
    """A Gaussian process with a length for each column, and noise; its parameters maximise the likelihood."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel

    lengths = np.full(places.shape[1], 2.0)
    kernel = ConstantKernel(1.0, (1e-2, 1e3)) * RBF(lengths, (0.3, 1e3)) + WhiteKernel(0.1, (1e-5, 10))
    process = GaussianProcessRegressor(kernel, normalize_y=True, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        process.fit(places[train], y[train])
    return np.asarray(process.predict(places[test]))
