"""The check of the model: left-out runs by hand, and a bend that the model lacks is found."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from analysis.sweep.check import check
from analysis.sweep.factors import Factor
from analysis.sweep.model import Model, fit
from tests.analysis.planted_sweep import FACTORS, LINK, planted


def model_of(values: Any, scores: Any, factors: Any = FACTORS) -> Model:
    found = fit(factors, values, pd.DataFrame({"macro": scores}), "macro")
    assert found is not None
    return found


def test_leave_one_out_is_the_fit_without_the_run() -> None:
    values, scores = planted(LINK, 80, np.random.default_rng(0))
    model = model_of(values, scores)
    x, y = model.matrix, model.logits["macro"].to_numpy()
    squares = []
    for out in range(len(y)):
        rest = np.arange(len(y)) != out
        coefficients, *_ = np.linalg.lstsq(x[rest], y[rest], rcond=None)
        squares.append((expit(y[out]) - expit(x[out] @ coefficients)) ** 2)
    found = check(model, "macro")
    assert found.explained == pytest.approx(1 - np.mean(squares) / expit(y).var(), abs=1e-6)
    assert 0.85 <= found.covered <= 1


def test_a_model_that_can_be_the_truth_fits() -> None:
    found = check(model_of(*planted(LINK, 128, np.random.default_rng(1))), "macro")
    assert found.fits
    assert found.explained > 0.9
    assert found.noise == pytest.approx(0.035, rel=0.5)


def test_a_wave_that_no_third_power_follows_does_not_fit() -> None:
    alpha = np.linspace(0, 1, 100)
    scores = 0.5 + 0.3 * np.sin(20 * alpha) + 0.01 * np.random.default_rng(0).normal(size=100)
    model = model_of({"alpha": alpha.tolist()}, scores, (Factor("alpha", (), True, 0.0, 1.0),))
    found = check(model, "macro")
    assert not found.fits
    assert found.process_error < 0.5 * found.noise
