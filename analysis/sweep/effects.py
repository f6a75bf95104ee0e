"""What each factor of a sweep does, which factors work together, and the copy's advantage as data shrink."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator

import pandas as pd

from analysis.record.domain import Value
from analysis.statistics.intervals import holm
from analysis.sweep.factors import Factor
from analysis.sweep.population import Population

__all__ = ["EFFECT_COLUMNS", "advantage_by_data", "effects", "interactions"]

EFFECT_COLUMNS = ["factor", "at", "against", "score", "estimate", "low", "high", "p", "p_holm", "p_any"]
INTERACTION_COLUMNS = [
    *("factor", "by", "at_low", "at_high", "low_value", "high_value", "estimate", "low", "high", "p"),
    "p_holm",
]


def effects(population: Population, scores: Iterable[str]) -> pd.DataFrame:
    """The effect of each factor on each score, averaged over the settings of `population`.

    A row has the mean score with `at` minus the mean score with `against`: the upper end of a range minus the
    lower end, and each pair of names. `p` tests the difference; `p_holm` is corrected over all rows of a
    score. `p_any` tests whether the factor has any effect, alone or together with others (Wald).
    """
    model, rows = population.model, []
    for score in scores:
        for factor in (factor for factor in model.factors if not factor.nuisance):
            of = [i for i, term in enumerate(model.terms) if factor.name in term.factors]
            _, any_effect = model.joint_test(score, of)
            for against, at in _pairs(factor):
                change = population.change({factor.name: at}, {factor.name: against})
                found = model.estimate(change, score)
                rows.append([factor.name, at, against, score, found.estimate, found.low, found.high, found.p])
                rows[-1] += [float("nan"), any_effect]
    table = pd.DataFrame(rows, columns=EFFECT_COLUMNS)
    table["p_holm"] = table.groupby("score", sort=False)["p"].transform(lambda p: holm(p.to_numpy()))
    return table


def interactions(population: Population, score: str) -> pd.DataFrame:
    """For each pair of factors, how much the effect of the one changes over the values of the other.

    `at_low` and `at_high` are the effect of `factor`, from end to end, at the ends `low_value` and
    `high_value` of `by`; `estimate` is the second minus the first, in points of the score (on the scale of
    the logit, an interaction may differ). `p_holm` is corrected over all pairs. The most certain first. Empty
    if the model has no products.
    """
    model, rows = population.model, []
    subjects = [factor for factor in model.factors if not factor.nuisance]
    for one, other in itertools.combinations(subjects, 2):
        of = [i for i, term in enumerate(model.terms) if set(term.factors) == {one.name, other.name}]
        if not of:
            continue
        against, at = one.ends
        low, high = (
            population.change(
                {one.name: at, other.name: value}, {one.name: against, other.name: value}, weight
            )
            for value, weight in zip(other.ends, (-1.0, 1.0), strict=True)
        )
        found = model.estimate([*low, *high], score)
        ends = [-model.estimate(low, score).estimate, model.estimate(high, score).estimate]
        rows.append(
            [one.name, other.name, *ends, *other.ends, found.estimate, found.low, found.high, found.p]
        )
        rows[-1].append(float("nan"))
    table = pd.DataFrame(rows, columns=INTERACTION_COLUMNS)
    table["p_holm"] = holm(table["p"].to_numpy(float)) if len(table) else []
    return table.sort_values("p", kind="stable", ignore_index=True)


def advantage_by_data(population: Population, scores: Iterable[str]) -> pd.DataFrame:
    """Claim C4: how the difference between copied and random students changes if the data shrink tenfold.

    The difference teacher - random at the smallest share of the data minus the difference at the largest
    share, divided by the decades between the shares. Empty unless init has both levels, data_fraction
    differs, and the model has products of the two.
    """
    model, rows = population.model, []
    there = {factor.name: factor for factor in model.factors}
    init, data = there.get("init"), there.get("data_fraction")
    together = any(set(term.factors) == {"init", "data_fraction"} for term in model.terms)
    if init is None or data is None or not together or set(init.ends) != {"random", "teacher"}:
        return pd.DataFrame(columns=["score", "estimate", "low", "high", "p", "decades"])
    small, large = data.ends
    decades = math.log10(float(large) / float(small))
    change = [
        part
        for share, weight in ((small, 1 / decades), (large, -1 / decades))
        for part in population.change(
            {"init": "teacher", "data_fraction": share}, {"init": "random", "data_fraction": share}, weight
        )
    ]
    for score in scores:
        found = model.estimate(change, score)
        rows.append([score, found.estimate, found.low, found.high, found.p, decades])
    return pd.DataFrame(rows, columns=["score", "estimate", "low", "high", "p", "decades"])


def _pairs(factor: Factor) -> Iterator[tuple[Value, Value]]:
    """The values that are compared: both ends of an amount, every two names."""
    if factor.numeric:
        yield factor.ends
    else:
        yield from itertools.combinations(factor.levels, 2)
