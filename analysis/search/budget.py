"""The best of b search trials: what the search budget of an arm brought, and how certain that is."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy import special, stats

from analysis.record.domain import Domain
from analysis.search.sampler_facts import facts_of

__all__ = ["budget_curve", "expected_best", "median_best", "median_best_band"]

COLUMNS = ["arm", "trials", "expected", "found", "median", "low", "high", "adaptive"]


def budget_curve(
    search: pd.DataFrame, sampler: str | None, nuisance: Mapping[str, Domain] | None = None
) -> pd.DataFrame:
    """The best validation macro accuracy against the number of search trials, for each arm.

    Every trial that ended counts as spent. A pruned, diverged or failed trial has no final score and cannot
    be the best of the trials that it is drawn with.

    The bands hold for trials that are drawn independently from one distribution: random search, and
    approximately quasi-random search, of an arm that tunes a range. `adaptive` is true, and the numbers only
    describe the trials of the study, in these cases: TPE, because later trials depend on earlier trials; a
    grid, which is no sample of its space; an arm that tunes only levels, because the ledger proposes no point
    twice, so its trials are drawn without replacement; an arm with a pruned trial, because pruning depends on
    the other trials and the final score of the trial is not known; a record without the sampler or without
    the ranges.

    Args:
        search: search trials that ended (`analysis.search.trials`): `arm, outcome, value`, and a column for
            each nuisance hyperparameter, with missing values if the hyperparameter has no effect.
        sampler: the sampler of the study; nuisance: where each nuisance hyperparameter was tuned.

    Returns:
        For each arm one row for every b from 1 to its number of trials: `arm, trials` (b), `expected` and
        `found` (`expected_best`), `median` (`median_best`), `low, high` (`median_best_band`), `adaptive`.
    """
    ranges = [name for name, domain in (nuisance or {}).items() if domain.is_range and name in search]
    tables = []
    for arm, trials in search.groupby("arm", sort=False):
        values = trials["value"].where(trials["outcome"] == "complete").to_numpy(float)
        expected, found = expected_best(values)
        low, high = median_best_band(values)
        whole = not trials["outcome"].eq("pruned").any()
        drawn = facts_of(sampler).independent and whole and bool(trials[ranges].notna().any(axis=None))
        columns = {"expected": expected, "found": found, "median": median_best(values), "low": low}
        table = pd.DataFrame(columns | {"high": high, "adaptive": not drawn})
        tables.append(table.assign(arm=arm, trials=np.arange(1, len(values) + 1)))
    return pd.concat(tables, ignore_index=True)[COLUMNS] if tables else pd.DataFrame(columns=COLUMNS)


def expected_best(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The expected maximum of b of the n `values`, drawn without replacement, for b = 1 ... n.

    Let y_(1) ... y_(n) be the values in ascending order, the values without a score (NaN) first, and
    ``F_b(r) = C(r, b) / C(n, b)`` the probability that no value of the draw is above y_(r). All C(n, b) draws
    are equally likely:

        expected(b) = sum_r y_(r) (F_b(r) - F_b(r-1)) / found(b)
        found(b)    = 1 - F_b(m)        m: the number of values without a score

    `found` is the share of draws that contain a score. `expected` is the mean over these draws, and is
    missing if there are none. Dodge et al. 2019 (arXiv 1909.03004) draw with replacement, F_b(r) = (r/n)^b.
    Such draws repeat trials, so they find less than b trials do. The formula here is the unbiased estimate of
    Tang et al. 2020 (arXiv 2004.13705).

    Returns:
        (expected, found), each of n values.
    """
    ordered = _scored(values)
    gains = np.diff(_none_above(len(values)), axis=1)[:, len(values) - len(ordered) :]
    found = gains.sum(axis=1)
    with np.errstate(invalid="ignore"):
        return gains @ ordered / found, found


def median_best(values: np.ndarray) -> np.ndarray:
    """The median of the maximum of b of the n `values`, drawn without replacement, for b = 1 ... n.

    The median is the lowest value that at least half of all draws do not exceed. It is missing if half of the
    draws contain no score.
    """
    rank = (_none_above(len(values)) > 0.5 - 1e-9).argmax(axis=1)
    return _at_rank(_scored(values), rank, len(values))


def median_best_band(values: np.ndarray, level: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
    """A pointwise interval of the median tuning curve: the median of the best of b fresh trials.

    The best of b independent trials is below y with probability F(y)^b, so its median is the quantile of the
    score of one trial at ``q = 2^(-1/b)``. Order statistics bound a quantile for every distribution: with B ~
    Binomial(n, q) and the tail a = (1 - level) / 2,

        low  = y_(l), the highest l with P(B < l) <= a
        high = y_(u), the lowest u with P(B >= u) <= a

    which is the Clopper-Pearson interval on the scale of scores (Lourie, Cho and He 2024, arXiv 2311.09480,
    who also give simultaneous bands). The interval covers with at least `level` at each b, not at all b
    together. n trials cannot bound a quantile near their maximum: an end is missing if no order statistic
    gives it, or if it falls on a trial without a score.

    Returns:
        (low, high), each of n values.
    """
    n, tail = len(values), (1 - level) / 2
    q = 0.5 ** (1 / np.arange(1, n + 1))
    ordered = _scored(values)
    low = stats.binom.ppf(tail, n, q).astype(int)
    high = stats.binom.ppf(1 - tail, n, q).astype(int) + 1
    return _at_rank(ordered, low, n), _at_rank(ordered, high, n)


def _scored(values: np.ndarray) -> np.ndarray:
    """The scores without the missing ones, in ascending order."""
    return np.sort(values[~np.isnan(values)])


def _none_above(n: int) -> np.ndarray:
    """F_b(r), the probability that b drawn values are at most the r-th: [b = 1 ... n, r = 0 ... n]."""
    b, r = np.arange(1, n + 1)[:, None], np.arange(n + 1)[None, :]
    factorials = special.gammaln(np.arange(n + 1) + 1.0)
    logs = factorials[r] - factorials[np.maximum(r - b, 0)] - factorials[n] + factorials[n - b]
    return np.where(r < b, 0.0, np.exp(logs))  # C(r, b) / C(n, b); b! cancels


def _at_rank(ordered: np.ndarray, rank: np.ndarray, n: int) -> np.ndarray:
    """The value at each rank 1 ... n. The lowest ranks have no score: there and beyond n, NaN."""
    padded = np.concatenate([np.full(n - len(ordered) + 1, np.nan), ordered, [np.nan]])
    return padded[rank]
