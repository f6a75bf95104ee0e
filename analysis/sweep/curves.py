"""Response curves of a sweep, and what the model predicts at settings that were not run."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import pandas as pd

from analysis.record.domain import Value
from analysis.sweep.factors import Factor
from analysis.sweep.population import Population

__all__ = ["ALL", "curves", "highest", "predict", "predicted_table"]

ALL = "all"
"""The line of a curve that is averaged over everything else."""
POINTS = 21


def curves(population: Population, score: str, by: str | None = None) -> pd.DataFrame:
    """The mean score along each factor: `factor, line, value, mean, low, high`.

    The bands are pointwise 95% intervals of the mean. by: a factor with a line for each of its levels;
    without it, one line averaged over everything else.
    """
    model, rows = population.model, []
    lines: list[dict[str, Value]] = [{}] if by is None else [{by: v} for v in model.factor(by).grid(3)]
    for factor in model.factors:
        if factor.nuisance or factor.name == by:
            continue
        for given in lines:
            name = ALL if by is None else model.factor(by).text(given[by])
            for value in factor.grid(POINTS):
                found = model.mean(population.at(given | {factor.name: value}), score)
                rows.append([factor.name, name, value, found.estimate, found.low, found.high])
    return pd.DataFrame(rows, columns=["factor", "line", "value", "mean", "low", "high"])


def highest(of_factor: pd.DataFrame) -> Value:
    """The value at which the one curve in `of_factor` is highest."""
    value: Value = of_factor.loc[of_factor["mean"].astype(float).idxmax(), "value"]
    return value


def predict(population: Population, score: str, given: Mapping[str, Value]) -> dict[str, float]:
    """The predicted mean score at `given`, averaged over what is not given, and two 95% intervals.

    `low, high`: of the mean. `run_low, run_high`: of one new run, whose seed and data sample add the spread
    of the residuals.
    """
    model, rows = population.model, population.at(given)
    found = model.mean(rows, score)
    run = model.mean(rows, score, model.noise(rows, score))
    return {
        "mean": found.estimate,
        "low": found.low,
        "high": found.high,
        "run_low": run.low,
        "run_high": run.high,
    }


def predicted_table(population: Population, score: str, order: Sequence[str]) -> pd.DataFrame:
    """Predictions at settings of the factors that matter most, a row each; the other factors at their middle.

    order: the factors, the strongest first. The rows are all names of the first factor that has names, at the
    ends and the middle of the two strongest amounts.
    """
    factors = [population.model.factor(name) for name in order]
    named = [factor for factor in factors if not factor.numeric][:1]
    amounts = [factor for factor in factors if factor.numeric][:2]
    shown = [*named, *amounts]
    middle = {factor.name: _middle(factor) for factor in factors}
    rows: list[dict[str, Value]] = []
    for values in itertools.product(*(factor.grid(3) for factor in shown)):
        chosen = dict(zip((factor.name for factor in shown), values, strict=True))
        setting = middle | chosen
        rows.append({**setting, **population.best(setting), **predict(population, score, setting)})
    return pd.DataFrame(rows)


def _middle(factor: Factor) -> Value:
    values = factor.grid(3)
    return values[len(values) // 2] if factor.numeric else values[-1]
