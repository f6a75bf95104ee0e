"""The shares of the variance of macro accuracy that the factors and their two-way interactions explain."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.linalg import orth
from scipy.special import fdtrc
from statsmodels.regression.linear_model import OLS

from analysis.record.domain import Value
from analysis.statistics.effects.runs import Factors, runs_of
from analysis.statistics.intervals import TINY, Array

__all__ = ["variance_shares"]

SHARE_COLUMNS = ["term", "share", "df", "p"]


def variance_shares(results: pd.DataFrame, factors: Factors) -> pd.DataFrame:
    """Omega squared of every factor, of every pair's interaction, of the seed (a block), and the residual
    share.

        omega^2 = (SS - df MS_residual) / (SS_total + MS_residual), at least 0

    with type II sums of squares (of a term beside all terms that do not contain it) of an OLS of macro over
    the confirm runs (Olejnik and Algina 2003). A share holds for these levels: levels that are further apart
    explain more. `p` is the p of the F test.

    If a factor has no effect in an arm, its (sum-to-zero) columns are zero there: temperature explains the
    differences among the arms below alpha = 1, and alpha explains their difference from the arms at alpha =
    1. A term that the arms cannot distinguish from other terms has df 0 and no share. Interactions of three
    factors and more are in the residual. There are no shares if the residual has no degrees of freedom, or is
    only rounding.
    """
    runs = runs_of(results, factors)
    shared = list(runs.shared(range(len(runs.arms))))
    macro = runs.values[:, :, shared].mean(axis=2) if shared else np.empty((0, 0))
    arm, seed = np.nonzero(np.isfinite(macro))
    if not len(arm):
        return pd.DataFrame(columns=SHARE_COLUMNS)
    y = macro[arm, seed]
    mains = {(f,): _columns([runs.cells[a].get(f) for a in arm], factors[f]) for f in factors}
    products = {
        (f, g): np.einsum("ni,nj->nij", mains[(f,)], mains[(g,)]).reshape(len(y), -1)
        for f, g in itertools.combinations(factors, 2)
    }
    terms = mains | products
    block = np.column_stack([np.ones(len(y)), _columns(list(seed), sorted(set(seed)))])
    rest, rest_df = _fit(y, [block, *terms.values()])
    error = rest / rest_df if rest_df else math.nan
    error = error if error > TINY**2 else math.nan
    total = float(((y - y.mean()) ** 2).sum())

    rows: list[tuple[str, float, int, float]] = []
    for name, columns in terms.items():
        beside = [block, *(c for other, c in terms.items() if not set(name) <= set(other))]
        rows.append(_share(" x ".join(name), y, beside, columns, error, total, rest_df))
    rows.append(
        _share("seed", y, [np.ones((len(y), 1)), *terms.values()], block[:, 1:], error, total, rest_df)
    )
    explained = sum(share for _, share, _, _ in rows if not math.isnan(share))
    left = max(0.0, 1 - explained) if error > 0 else math.nan
    return pd.DataFrame([*rows, ("residual", left, rest_df, math.nan)], columns=SHARE_COLUMNS)


def _share(
    name: str, y: Array, beside: list[Array], columns: Array, error: float, total: float, rest_df: int
) -> tuple[str, float, int, float]:
    without, without_df = _fit(y, beside)
    with_it, with_df = _fit(y, [*beside, columns])
    df, squares = without_df - with_df, max(0.0, without - with_it)
    if not df or not error > 0:
        return name, math.nan, df, math.nan
    share = max(0.0, (squares - df * error) / (total + error))
    return name, share, df, float(fdtrc(df, rest_df, squares / df / error))


def _fit(y: Array, columns: list[Array]) -> tuple[float, int]:
    """The residual sum of squares and its degrees of freedom. Columns may be linearly dependent."""
    fit = OLS(y, orth(np.column_stack(columns))).fit()
    return float(fit.ssr), int(fit.df_resid)


def _columns(values: Sequence[Value | None], levels: Sequence[Value]) -> Array:
    """Sum-to-zero coding, [runs x levels - 1]; zeros in runs in which the factor has no effect."""
    present = [level for level in levels if level in values]
    one_hot = np.array([[value == level for level in present] for value in values], dtype=float)
    return one_hot[:, :-1] - one_hot[:, -1:]
