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
from analysis.statistics.effects.runs import Factors, Runs, runs_of
from analysis.statistics.intervals import Interval, holm, new_languages, paired_t

__all__ = [
    *("EFFECT_COLUMNS", "NEW_LANGUAGES", "THESE_LANGUAGES"),
    *("ClaimParts", "claim_parts", "copying_and_distilling", "effects"),
]

THESE_LANGUAGES = "these languages"
"""The estimand with the study's languages as they are; seeds are a random sample."""

NEW_LANGUAGES = "new languages"
"""The estimand with the languages a random sample too: what to expect in others of their kind."""

EFFECT_COLUMNS = [
    *("effect", "kind", "factor", "levels", "outcome", "estimand"),
    *("estimate", "low", "high", "p", "p_holm", "seeds", "languages", "cells", "cells_dropped"),
    *("equivalent_within", "averaged_over"),
]


def effects(results: pd.DataFrame, factors: Factors, planned: pd.DataFrame | None = None) -> pd.DataFrame:
    """Every main effect and two-factor interaction of the `confirmed` table, with 95% intervals.

    One row an effect, outcome (macro, worst, each language) and estimand ("new languages" for macro alone).
    An effect without matched cells has no row. Each per-seed difference is the mean over the same matched
    cells; macro and worst are over the languages that all arms of the effect share.

    p_holm: corrected (Holm 1979) for the family. Of a language's row: the effect's languages. Of macro and
    worst: all effects of this kind, outcome and estimand. equivalent_within: `Interval.within`.
    seeds, languages, cells: how many the row rests on; cells_dropped: matched cells that lack seeds
    (`Contrast.paired` has the rule), or of which an arm of `planned` (`analysis.record.design.cells`) has no
    run at all. averaged_over: factors, besides those compared, of which the cells are at several levels. With
    one seed there is an estimate alone.
    """
    runs = runs_of(results, factors, planned)
    return _table(runs, [*main_effects(runs, factors), *interactions(runs, factors)])


def copying_and_distilling(
    results: pd.DataFrame, factors: Factors, planned: pd.DataFrame | None = None
) -> pd.DataFrame | None:
    """Claim C1 as one number, and how the two act on one another, of the same arms.

    COPY_MINUS_DISTILLATION: the init effect (teacher - random) minus that of distillation.
    COPY_X_DISTILLATION: how much more copying does where students are distilled than where not.
    Rows and columns as of `effects`, of kind "contrast", which makes the two a family. None where init or
    alpha is not a factor, lacks the levels that it takes, or has no matched cells.
    """
    runs = runs_of(results, factors, planned)
    contrasts = copy_and_distillation(runs, factors), copy_with_distillation(runs, factors)
    table = _table(runs, [contrast for contrast in contrasts if contrast])
    return table if len(table) else None


class ClaimParts(NamedTuple):
    """init, distillation: the two effects on macro whose difference is claim C1's number.

    alphas: those below 1, each of which counts alike.
    """

    init: float
    distillation: float
    alphas: tuple[Value, ...]


def claim_parts(results: pd.DataFrame, factors: Factors) -> ClaimParts | None:
    """What claim C1's number is made of, of the runs that it is of. None where there is no number.

    They are of the four arms of each cell (`copy_and_distillation` has the equations), so they are not the
    rows of `effects`, which are over all inits.
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
            over_seeds = paired_t(macro.differences.mean(axis=1))
            yield about | {"outcome": "macro", "estimand": THESE_LANGUAGES} | _numbers(over_seeds)
            over_both = new_languages(macro.differences)
            yield about | {"outcome": "macro", "estimand": NEW_LANGUAGES} | _numbers(over_both)
        if worst := contrast.paired(values.min(axis=2, keepdims=True)):
            about = _about(runs, contrast, worst, len(shared))
            over_seeds = paired_t(worst.differences[:, 0])
            yield about | {"outcome": "worst", "estimand": THESE_LANGUAGES} | _numbers(over_seeds)
    for index, language in enumerate(runs.languages):
        if one := contrast.paired(runs.values[:, :, [index]]):
            about = _about(runs, contrast, one, 1)
            over_seeds = paired_t(one.differences[:, 0])
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
