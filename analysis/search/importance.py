"""Which tuned hyperparameters mattered for a good score within each arm: PED-ANOVA over the search trials.

The importances only describe. TPE tries more points where scores are high, so the marginal effects of the
tried points are not those of the space. A comparison of the best trials with all tried trials (the local mode
of PED-ANOVA) corrects for the places of the trials, but not for their small number elsewhere. An importance
is a share of what these hyperparameters explain in that comparison: it has no interval, and no claim rests on
it.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analysis.record.domain import Domain, parse_value

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

__all__ = ["importance"]

COLUMNS = ["arm", "hyperparameter", "importance", "trials"]
FEWEST = 10
"""With fewer complete trials there is no importance."""
TOP = 5
"""The number of best trials that are compared with all trials; Optuna recommends at least five."""


def importance(search: pd.DataFrame, nuisance: Mapping[str, Domain]) -> pd.DataFrame:
    """The PED-ANOVA importance of each nuisance hyperparameter for being among the best search trials of an
    arm.

    With p_top and p_all the densities of a hyperparameter among the best max(5, n / 10) trials and among all
    n complete trials, the importance is the Pearson divergence ``E_all[(p_top / p_all - 1)^2]``, as a share
    of its sum over hyperparameters (Watanabe, Bansal and Hutter 2023, arXiv 2304.10255, by
    `optuna.importance.PedAnovaImportanceEvaluator`).

    Args:
        search: search trials (`analysis.search.trials`): `arm, outcome, value`, and a column of text for each
            of `nuisance`, with missing values if the hyperparameter had no effect.

    Returns:
        `arm, hyperparameter, importance, trials` (the number of complete trials). The importance is missing
        if fewer than ten trials are complete, if all scores are equal, or if the hyperparameter took only one
        value. It is also missing if only one hyperparameter varied, because its share would always be 1.
    """
    rows: list[list[object]] = []
    for arm, of_arm in search.groupby("arm", sort=False):
        trials = of_arm[(of_arm["outcome"] == "complete") & of_arm["value"].notna()]
        tried = [name for name in nuisance if name in trials and trials[name].nunique() > 1]
        shares = {}
        if len(tried) > 1 and len(trials) >= FEWEST and trials["value"].nunique() > 1:
            shares = _shares(trials, {name: nuisance[name] for name in tried})
        rows += [[arm, name, shares.get(name, np.nan), len(trials)] for name in nuisance]
    return pd.DataFrame(rows, columns=COLUMNS)


def _shares(trials: pd.DataFrame, nuisance: Mapping[str, Domain]) -> dict[str, float]:
    import optuna  # the import takes a second, and most reports have no arm with enough trials

    top = max(TOP / len(trials), 0.1)
    evaluator = optuna.importance.PedAnovaImportanceEvaluator(target_quantile=top)
    tried = {name: trials[name].dropna().map(parse_value) for name in nuisance}
    distributions = {name: _distribution(domain, tried[name]) for name, domain in nuisance.items()}
    with _quiet():
        study = optuna.create_study(direction="maximize")
        for index, value in trials["value"].items():
            params = {name: values[index] for name, values in tried.items() if index in values.index}
            of_trial = {name: distributions[name] for name in params}
            study.add_trial(optuna.create_trial(params=params, distributions=of_trial, value=float(value)))
        divergences = evaluator.evaluate(study)
    total = sum(divergences.values())
    return {name: value / total for name, value in divergences.items()} if total > 0 else {}


def _distribution(domain: Domain, tried: pd.Series) -> BaseDistribution:
    """`domain`, extended by the tried values: a record rounds the ends of a range and may lack levels."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution

    if domain.low is not None and domain.high is not None:
        low, high = min(domain.low, tried.min()), max(domain.high, tried.max())
        return FloatDistribution(float(low), float(high), log=domain.log)
    return CategoricalDistribution(tuple(dict.fromkeys([*domain.levels, *sorted(tried, key=str)])))


@contextmanager
def _quiet() -> Iterator[None]:
    """Silences Optuna's line on the study in memory, and its warnings on few trials."""
    import optuna

    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        optuna.logging.set_verbosity(verbosity)
