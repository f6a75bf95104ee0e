"""Shares of variance are omega squared of type II sums of squares."""

from __future__ import annotations

import math

import pandas as pd
import pytest
from statsmodels.formula.api import ols
from statsmodels.stats.anova import anova_lm

from analysis.statistics.effects.variance import variance_shares
from tests.analysis.effect_tables import CORE, Cell, missing, noisy, table


def macro_rows(results: pd.DataFrame) -> pd.DataFrame:
    return results[results["language"] == "macro"]


def test_shares_are_omega_squared_of_type_two_sums_of_squares() -> None:
    """Against statsmodels' own analysis of variance, on a table that lacks some runs."""
    results = missing(("random", 1.0, 2), ("base", 0.2, 4), ("base", 0.2, 5))
    fit = ols("value ~ C(seed) + C(init) * C(alpha)", macro_rows(results)).fit()
    expected = anova_lm(fit, typ=2)
    error = fit.mse_resid
    total = fit.centered_tss
    found = variance_shares(results, CORE).set_index("term")
    names = {"init": "C(init)", "alpha": "C(alpha)", "init x alpha": "C(init):C(alpha)", "seed": "C(seed)"}
    for term, name in names.items():
        one = expected.loc[name]
        share = max(0.0, (one["sum_sq"] - one["df"] * error) / (total + error))
        assert found.loc[term, "share"] == pytest.approx(share, abs=1e-12)
        assert found.loc[term, "p"] == pytest.approx(one["PR(>F)"])
        assert found.loc[term, "df"] == one["df"]
    assert found.loc["residual", "df"] == fit.df_resid
    assert found["share"].sum() == pytest.approx(1)


def test_a_factor_that_does_nothing_has_no_share() -> None:
    level = noisy(lambda cell: 0.4 + 0.2 * (cell["init"] == "teacher"))
    found = variance_shares(table(CORE, level), CORE).set_index("term")
    assert found.loc["init", "share"] > 0.8
    assert found.loc["alpha", "share"] < 0.01
    assert found.loc["alpha", "p"] > 0.01


def test_a_factor_without_effect_in_some_arms_explains_what_differs_in_the_others() -> None:
    factors = CORE | {"temperature": (1.0, 4.0)}

    def level(cell: Cell) -> float:
        return 0.4 + 0.1 * (cell["alpha"] == 0.2) + {None: 0.0, 1.0: -0.1, 4.0: 0.1}[cell["temperature"]]

    results = table(
        factors, noisy(level), without=lambda cell: ("temperature",) if cell["alpha"] == 1 else ()
    )
    found = variance_shares(results, factors).set_index("term")
    # of nine arms, six are at 0.4 and three at 0.6: temperature +-0.1 in six, alpha 0.1 between three and six
    assert found.loc["temperature", "share"] / found.loc["alpha", "share"] == pytest.approx(3, rel=0.1)
    assert found.loc["temperature", "share"] > 0.5
    assert (found.loc["alpha x temperature", "df"], found.loc["init x temperature", "df"]) == (0, 2)
    assert math.isnan(found.loc["alpha x temperature", "share"])


@pytest.mark.parametrize(("value", "seeds"), [(1 / 3, 3), (0.1, 5), (1.0, 3)])
def test_where_all_runs_tie_rounding_has_no_shares(value: float, seeds: int) -> None:
    """As where all students stay at chance."""
    found = variance_shares(table(CORE, lambda cell, seed, language: value, seeds=seeds), CORE)
    assert found[["share", "p"]].isna().all(axis=None)


def test_without_anything_left_over_there_are_no_shares(core: pd.DataFrame) -> None:
    """One seed and both factors' interaction: nothing says how large chance is."""
    found = variance_shares(core[core["seed"] == 1], CORE).set_index("term")
    assert found["share"].isna().all()
    assert found.loc["residual", "df"] == 0
