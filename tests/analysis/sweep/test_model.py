"""The response model: least squares by its formula, nested terms, intervals within 0..1."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.special import expit, logit

from analysis.sweep.design import STEPS, finer_terms, terms
from analysis.sweep.factors import Factor
from analysis.sweep.model import CLOSEST, Model, fewest_trials, fit
from tests.analysis.planted_sweep import FACTORS, LINK, NOTHING, SATURATING, planted


def model_of(truth: Any = LINK, trials: int = 128, noise: float = 0.02, seed: int = 0) -> Model:
    values, scores = planted(truth, trials, np.random.default_rng(seed), noise)
    found = fit(FACTORS, values, pd.DataFrame({"macro": scores}), "macro")
    assert found is not None
    return found


def test_coefficients_and_covariance_are_those_of_the_formulas() -> None:
    model = model_of()
    x, y = model.matrix, model.logits["macro"].to_numpy()
    inverse = np.linalg.inv(x.T @ x)
    coefficients = inverse @ x.T @ y
    residuals = y - x @ coefficients
    leverage = np.einsum("ij,jk,ik->i", x, inverse, x)
    hc3 = inverse @ (x.T * (residuals / (1 - leverage)) ** 2) @ x @ inverse
    assert np.allclose(model.coefficients["macro"], coefficients, atol=1e-8)
    assert np.allclose(model.covariances["macro"], hc3, rtol=1e-6, atol=1e-12)
    assert model.free == len(y) - x.shape[1]
    assert np.allclose(model.residuals("macro"), residuals, atol=1e-8)


def test_an_estimate_is_a_mean_of_scores_with_the_error_of_its_gradient() -> None:
    model = model_of()
    rows = model.rows({f.name: f.draw(np.linspace(0, 0.99, 7)) for f in FACTORS})
    parts = [(rows[:4], 1.0), (rows[4:], -0.5)]

    def value(coefficients: Any) -> float:
        return sum(weight * expit(part @ coefficients).mean() for part, weight in parts)

    coefficients = model.coefficients["macro"]
    steps = 1e-6 * np.eye(len(coefficients))
    gradient = np.array([(value(coefficients + s) - value(coefficients - s)) / 2e-6 for s in steps])
    found = model.estimate(parts, "macro")
    assert found.estimate == pytest.approx(value(coefficients))
    assert found.error == pytest.approx(np.sqrt(gradient @ model.covariances["macro"] @ gradient), rel=1e-5)
    half = stats.t.ppf(0.975, model.free) * found.error
    assert (found.low, found.high) == pytest.approx((found.estimate - half, found.estimate + half))
    assert found.p == pytest.approx(2 * stats.t.sf(abs(found.estimate) / found.error, model.free))


def test_the_joint_test_is_the_wald_test() -> None:
    model, of = model_of(), [1, 2, 5]
    b, v = model.coefficients["macro"][of], model.covariances["macro"][np.ix_(of, of)]
    statistic = b @ np.linalg.inv(v) @ b / 3
    assert model.joint_test("macro", of) == pytest.approx((statistic, stats.f.sf(statistic, 3, model.free)))
    assert np.isnan(model.joint_test("macro", [])).all()


def test_a_mean_and_a_new_run_have_intervals_within_0_and_1() -> None:
    model = model_of(trials=20, noise=0.2)
    rows = model.rows({f.name: [f.ends[1]] for f in FACTORS})
    mean, run = model.mean(rows, "macro"), model.mean(rows, "macro", model.noise(rows, "macro"))
    assert 0 < run.low < mean.low < mean.estimate < mean.high < run.high < 1


def test_a_score_of_0_or_1_is_kept_away_from_the_ends() -> None:
    values, scores = planted(LINK, 64, np.random.default_rng(0))
    scores[:2] = 0.0, 1.0
    model = fit(FACTORS, values, pd.DataFrame({"macro": scores}), "macro")
    assert model is not None
    assert model.logits["macro"].iloc[:2].tolist() == pytest.approx([logit(CLOSEST), logit(1 - CLOSEST)])


def test_terms_of_a_step_begin_with_those_of_the_step_before() -> None:
    for step in range(1, len(STEPS)):
        before, after = terms(FACTORS, step - 1), terms(FACTORS, step)
        assert set(before) < set(after)
        assert len(set(after)) == len(after)
    assert not set(finer_terms(FACTORS, [f.name for f in FACTORS])) & set(terms(FACTORS, 2))


def test_the_model_is_as_full_as_the_trials_allow() -> None:
    fewest = fewest_trials(FACTORS)
    assert fewest == sorted(fewest)
    for step, trials in enumerate(fewest):
        assert model_of(NOTHING, trials).step == STEPS[step]
    values, scores = planted(LINK, fewest[0] - 1, np.random.default_rng(0))
    assert fit(FACTORS, values, pd.DataFrame({"macro": scores}), "macro") is None


def test_a_strong_factor_has_finer_curves_and_a_weak_one_has_none() -> None:
    assert model_of(NOTHING).strong == ()
    strong = model_of(SATURATING)
    assert {"init", "data_fraction"} <= set(strong.strong)
    assert "temperature" not in strong.strong
    cubes = [term for term in strong.terms if term.powers == (2,)]
    assert {term.factors[0] for term in cubes} == set(strong.strong) - {"init", "depth"}


def test_a_factor_that_acts_nowhere_has_no_terms() -> None:
    values, scores = planted(LINK, 64, np.random.default_rng(0))
    values["temperature"] = [None] * 64
    model = fit(FACTORS, values, pd.DataFrame({"macro": scores}), "macro")
    assert model is not None
    assert not [term for term in model.terms if "temperature" in term.factors]


def test_a_score_that_is_a_copy_has_the_same_coefficients() -> None:
    values, scores = planted(LINK, 64, np.random.default_rng(0))
    model = fit(FACTORS, values, pd.DataFrame({"macro": scores, "deu": scores}), "macro")
    assert model is not None
    assert np.array_equal(model.coefficients["macro"], model.coefficients["deu"])


def test_two_names_alone_are_a_model() -> None:
    named = (Factor("init", ("random", "teacher"), False),)
    values: dict[str, Any] = {"init": ["random", "teacher"] * 4}
    scores = pd.DataFrame({"macro": [0.4, 0.6, 0.42, 0.61, 0.38, 0.62, 0.4, 0.57]})
    model = fit(named, values, scores, "macro")
    assert model is not None
    difference = model.estimate([(model.rows({"init": ["teacher"]}), 1.0)], "macro").estimate
    assert difference == pytest.approx(expit(logit(scores["macro"][1::2]).mean()))
