"""Effects as a table: main effects, two-factor interactions, and claim C1 as one number."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from analysis.record.domain import Value
from analysis.record.languages import SUMMARIES
from analysis.statistics.effects.contrasts import (
    Contrast,
    Paired,
    copy_and_distillation,
    copy_with_distillation,
    interactions,
    main_effects,
)
from analysis.statistics.effects.precision import interval_of
from analysis.statistics.effects.runs import Factors, Runs, runs_of
from analysis.statistics.effects.tuning import Tuning, could_explain, widened
from analysis.statistics.intervals import Interval, holm, new_languages

__all__ = [
    *("EFFECT_COLUMNS", "NEW_LANGUAGES", "THESE_LANGUAGES"),
    *("ClaimParts", "claim_parts", "copying_and_distilling", "effects"),
]

THESE_LANGUAGES = "these languages"
"""The estimand in which the languages of the study are fixed and seeds are a random sample."""

NEW_LANGUAGES = "new languages"
"""The estimand in which languages are a random sample too: the effect in other languages of the same kind."""

EFFECT_COLUMNS = [
    *("effect", "kind", "factor", "levels", "outcome", "estimand"),
    *("estimate", "low", "high", "p", "p_holm", "seeds", "languages", "cells", "cells_dropped"),
    *("equivalent_within", "averaged_over", "could_be_tuning"),
]


def effects(
    results: pd.DataFrame,
    factors: Factors,
    planned: pd.DataFrame | None = None,
    tuning: Tuning | None = None,
) -> pd.DataFrame:
    """Every main effect and two-factor interaction of the `confirmed` table, with 95% intervals.

    There is one row for each effect, outcome (macro, worst, each language) and estimand ("new languages" for
    macro alone). An effect without matched cells has no row. The difference of each seed is the mean over the
    same matched cells; macro and worst are over the languages that all arms of the effect share.

    p_holm: corrected (Holm 1979) for the family. The family of a row of a language: all languages of the
    effect. The family of a row of macro or worst: all effects of this kind, outcome and estimand.
    equivalent_within: `Interval.within`. seeds, languages, cells: the numbers of seeds, languages and cells
    of the row. cells_dropped: the number of matched cells that lack seeds (by the rule of `Contrast.paired`),
    or that have an arm of `planned` (`analysis.record.design.cells`) without any run. averaged_over: factors
    that are not compared and that have several levels among the cells. With one seed there is only an
    estimate.

    tuning: how far each arm may lie below its best macro accuracy. Every interval and p includes this, those
    of worst and of a language as well. could_be_tuning: `tuning.could_explain` of the row's contrast.
    """
    runs = runs_of(results, factors, planned, tuning)
    return _table(runs, [*main_effects(runs, factors), *interactions(runs, factors)])


def copying_and_distilling(
    results: pd.DataFrame,
    factors: Factors,
    planned: pd.DataFrame | None = None,
    tuning: Tuning | None = None,
) -> pd.DataFrame | None:
    """Claim C1 as one number, and the interaction of copying and distilling, of the same arms.

    COPY_MINUS_DISTILLATION: the effect of init (teacher - random) minus the effect of distillation.
    COPY_X_DISTILLATION: the effect of copying on distilled students minus its effect on students that are not
    distilled. Rows and columns are those of `effects`; the kind is "contrast", so the two numbers are one
    family. The result is None if init or alpha is not a factor, lacks a level that is needed, or has no
    matched cells.
    """
    runs = runs_of(results, factors, planned, tuning)
    contrasts = copy_and_distillation(runs, factors), copy_with_distillation(runs, factors)
    table = _table(runs, [contrast for contrast in contrasts if contrast])
    return table if len(table) else None


class ClaimParts(NamedTuple):
    """init, distillation: the two effects on macro whose difference is the number of claim C1.

    alphas: the alphas below 1. All have equal weights.
    """

    init: float
    distillation: float
    alphas: tuple[Value, ...]


def claim_parts(results: pd.DataFrame, factors: Factors) -> ClaimParts | None:
    """The two effects of claim C1, from the same runs as its number; None if there is no number.

    The effects are over the four arms of each cell (`copy_and_distillation` has the equations). They differ
    from the rows of `effects`, which are over all inits.
    """
    runs = runs_of(results, factors)
    contrast = copy_and_distillation(runs, factors)
    if not contrast or not (shared := list(runs.shared(contrast.arms))):
        return None
    if not (paired := contrast.paired(runs.values[:, :, shared])):
        return None
    of_alphas = [paired.means[np.array(cells)].mean(axis=0) for cells in paired.kept]
    copied, random, copied_distilled, random_distilled = np.mean(of_alphas, axis=0)
    return ClaimParts(
        float(copied - random + copied_distilled - random_distilled) / 2,
        float(copied_distilled - copied + random_distilled - random) / 2,
        tuple(runs.cells[cells[0][-1]]["alpha"] for cells in paired.kept),
    )


def _table(runs: Runs, contrasts: Iterable[Contrast]) -> pd.DataFrame:
    rows = [row for contrast in contrasts for row in _rows(runs, contrast)]
    table = pd.DataFrame(rows, columns=EFFECT_COLUMNS)
    language = ~table["outcome"].isin(SUMMARIES)
    for part, family in ((language, ["effect", "estimand"]), (~language, ["kind", "outcome", "estimand"])):
        for _, index in table[part].groupby(family, sort=False).groups.items():
            table.loc[index, "p_holm"] = holm(table.loc[index, "p"].to_numpy(dtype=float))
    return table


def _rows(runs: Runs, contrast: Contrast) -> Iterator[dict[str, Any]]:
    shared = list(runs.shared(contrast.arms))
    if shared:
        values = runs.values[:, :, shared]
        if macro := contrast.paired(values):
            about = _about(runs, contrast, macro, len(shared))
            over_seeds = interval_of(macro, tuning=runs.tuning_variance(macro.weights))
            yield about | {"outcome": "macro", "estimand": THESE_LANGUAGES} | _numbers(over_seeds)
            over_both = widened(new_languages(macro.differences), runs.tuning_variance(macro.weights))
            yield about | {"outcome": "macro", "estimand": NEW_LANGUAGES} | _numbers(over_both)
        if worst := contrast.paired(values.min(axis=2, keepdims=True)):
            about = _about(runs, contrast, worst, len(shared))
            over_seeds = interval_of(worst, tuning=runs.tuning_variance(worst.weights))
            yield about | {"outcome": "worst", "estimand": THESE_LANGUAGES} | _numbers(over_seeds)
    for index, language in enumerate(runs.languages):
        if one := contrast.paired(runs.values[:, :, [index]]):
            about = _about(runs, contrast, one, 1)
            over_seeds = interval_of(one, tuning=runs.tuning_variance(one.weights))
            yield about | {"outcome": language, "estimand": THESE_LANGUAGES} | _numbers(over_seeds)


def _about(runs: Runs, contrast: Contrast, paired: Paired, languages: int) -> dict[str, Any]:
    return {
        "effect": contrast.name,
        "kind": contrast.kind,
        "factor": contrast.factor,
        "levels": contrast.levels,
        "languages": languages,
        "cells": paired.cells,
        "cells_dropped": paired.dropped,
        "averaged_over": ", ".join(contrast.averaged_over(runs, paired)),
        "could_be_tuning": could_explain(runs.tuning_variance(paired.weights)),
    }


def _numbers(interval: Interval) -> dict[str, Any]:
    return {
        "estimate": interval.estimate,
        "low": interval.low,
        "high": interval.high,
        "p": interval.p,
        "p_holm": np.nan,
        "seeds": interval.n,
        "equivalent_within": interval.within,
    }
