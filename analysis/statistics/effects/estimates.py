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
from analysis.statistics.effects.precision import (
    interval_of,
    intervals_of_languages,
    new_languages_of,
)
from analysis.statistics.effects.runs import Factors, Runs, runs_of
from analysis.statistics.effects.texts import Correct
from analysis.statistics.intervals import Interval, holm

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
    *("estimate", "low", "high", "p", "p_holm", "seeds", "texts", "languages", "cells", "cells_dropped"),
    *("equivalent_within", "averaged_over"),
]


def effects(
    results: pd.DataFrame,
    factors: Factors,
    planned: pd.DataFrame | None = None,
    correct: Correct | None = None,
) -> pd.DataFrame:
    """Every main effect and two-factor interaction of the `confirmed` table, with 95% intervals.

    There is one row for each effect, outcome (macro, worst, each language) and estimand ("new languages" for
    macro alone). An effect without matched cells has no row. The difference of each seed is the mean over the
    same matched cells; macro and worst are over the languages that all arms of the effect share.

    p_holm: corrected (Holm 1979) for the family. The family of a row of a language: all languages of the
    effect. The family of a row of macro or worst: all effects of this kind, outcome and estimand.
    equivalent_within: `Interval.within`. seeds, texts, languages, cells: the numbers of seeds, test texts,
    languages and cells of the row; texts is 0 if the interval is over seeds only, because `correct`
    (`analysis.record.design.correct_texts`) lacks a run. cells_dropped: the number of matched
    cells that lack seeds (by the rule of `Contrast.paired`), or that have an arm of `planned`
    (`analysis.record.design.cells`) without any run. averaged_over: factors that are not compared and that
    have several levels among the cells. With one seed there is only an estimate.
    """
    runs = runs_of(results, factors, planned, correct)
    return _table(runs, [*main_effects(runs, factors), *interactions(runs, factors)])


def copying_and_distilling(
    results: pd.DataFrame,
    factors: Factors,
    planned: pd.DataFrame | None = None,
    correct: Correct | None = None,
) -> pd.DataFrame | None:
    """Claim C1 as one number, and the interaction of copying and distilling, of the same arms.

    COPY_MINUS_DISTILLATION: the effect of init (teacher - random) minus the effect of distillation.
    COPY_X_DISTILLATION: the effect of copying on distilled students minus its effect on students that are not
    distilled. Rows and columns are those of `effects`; the kind is "contrast", so the two numbers are one
    family. The result is None if init or alpha is not a factor, lacks a level that is needed, or has no
    matched cells.
    """
    runs = runs_of(results, factors, planned, correct)
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
    if shared := runs.shared(contrast.arms):
        if macro := contrast.on_languages(runs, shared):
            about = _about(runs, contrast, macro, len(shared))
            these = interval_of(macro)
            yield about | {"outcome": "macro", "estimand": THESE_LANGUAGES} | _numbers(these)
            over_all = new_languages_of(macro, these)
            yield about | {"outcome": "macro", "estimand": NEW_LANGUAGES} | _numbers(over_all)
        if worst := contrast.on_the_lowest(runs, shared):
            about = _about(runs, contrast, worst, len(shared))
            of_worst = interval_of(worst)
            yield about | {"outcome": "worst", "estimand": THESE_LANGUAGES} | _numbers(of_worst)
    of_languages = [contrast.on_languages(runs, [index]) for index in range(len(runs.languages))]
    intervals = intervals_of_languages(of_languages)
    for language, one, interval in zip(runs.languages, of_languages, intervals, strict=True):
        if one and interval:
            about = _about(runs, contrast, one, 1)
            yield about | {"outcome": language, "estimand": THESE_LANGUAGES} | _numbers(interval)


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
    }


def _numbers(interval: Interval) -> dict[str, Any]:
    return {
        "estimate": interval.estimate,
        "low": interval.low,
        "high": interval.high,
        "p": interval.p,
        "p_holm": np.nan,
        "seeds": interval.n,
        "texts": interval.texts,
        "equivalent_within": interval.within,
    }
