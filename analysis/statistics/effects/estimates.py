"""Effects as a table: main effects, two-factor interactions, and the numbers of claim C1."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pandas as pd

from analysis.record.languages import SUMMARIES
from analysis.statistics.effects.contrasts import Contrast, Paired, interactions, main_effects
from analysis.statistics.effects.copying import CONTRASTS, copying_of, four_arms
from analysis.statistics.effects.precision import (
    interval_of,
    intervals_of_languages,
    new_languages_of,
)
from analysis.statistics.effects.runs import Factors, Runs, runs_of
from analysis.statistics.effects.texts import Correct
from analysis.statistics.effects.tuning import Tuning, could_explain
from analysis.statistics.intervals import Interval, holm

__all__ = [
    *("EFFECT_COLUMNS", "MAGNITUDE", "NEW_LANGUAGES", "THESE_LANGUAGES"),
    *("copying_and_distilling", "effects"),
]

THESE_LANGUAGES = "these languages"
"""The estimand in which the languages of the study are fixed and seeds are a random sample."""

NEW_LANGUAGES = "new languages"
"""The estimand in which languages are a random sample too: the effect in other languages of the same kind."""

MAGNITUDE = "|copying| - |distilling|"
"""The name of the number of claim C1."""

EFFECT_COLUMNS = [
    *("effect", "kind", "factor", "levels", "outcome", "estimand"),
    *("estimate", "low", "high", "p", "p_holm", "seeds", "texts", "languages", "cells", "cells_dropped"),
    *("equivalent_within", "averaged_over", "could_be_tuning", "by_seed"),
]


def effects(
    results: pd.DataFrame,
    factors: Factors,
    planned: pd.DataFrame | None = None,
    tuning: Tuning | None = None,
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
    (`analysis.record.design.correct_texts`) lacks a run. cells_dropped: the number of matched cells that lack
    seeds (by the rule of `Contrast.paired`), or that have an arm of `planned`
    (`analysis.record.design.cells`) without any run. averaged_over: factors that are not compared and that
    have several levels among the cells. With one seed there is only an estimate.

    by_seed: the difference of each seed, a tuple; empty in rows of new languages. The mean over the seeds is
    the estimate.

    tuning: how far each arm may lie below its best macro accuracy. Every interval and p includes this, those
    of worst and of a language as well. could_be_tuning: `tuning.could_explain` of the row's contrast.
    """
    runs = runs_of(results, factors, planned, tuning, correct)
    return _table(runs, [*main_effects(runs, factors), *interactions(runs, factors)])


def copying_and_distilling(
    results: pd.DataFrame,
    factors: Factors,
    planned: pd.DataFrame | None = None,
    tuning: Tuning | None = None,
    correct: Correct | None = None,
) -> pd.DataFrame | None:
    """Claim C1: copying, distilling, the parts of both, and how the two depend on each other.

    Rows and columns are those of `effects`; the equations are those of `copying.py`. The kinds, each a family
    of p values: "mean" (copying, distilling), "part" (each of both, at either level of the other), "crossed"
    (the interaction). The last rows, of kind "claim", are |copying| - |distilling| on macro: their p is that
    of the intersection-union test. The result is None if init or alpha is not a factor, lacks a level that
    is needed, or has no matched cells.
    """
    runs = runs_of(results, factors, planned, tuning, correct)
    named = (name for name in CONTRASTS if name not in ("copying - distilling", "copying + distilling"))
    table = _table(runs, [contrast for name in named if (contrast := four_arms(runs, factors, name))])
    found = copying_of(runs, factors)
    if found is None:
        return None
    on_macro = table[table["outcome"] == "macro"]
    rows = []
    for row in on_macro[on_macro["factor"] == "copying"].to_dict("records"):
        of = found.magnitude if row["estimand"] == THESE_LANGUAGES else found.in_new_languages
        about = {"effect": MAGNITUDE, "kind": "claim", "factor": "copying - distilling", "levels": MAGNITUDE}
        numbers = {"estimate": of.estimate, "low": of.low, "high": of.high, "p": of.p, "p_holm": of.p}
        numbers |= {"equivalent_within": of.within, "could_be_tuning": found.could_be_tuning}
        by_seed = _magnitudes(on_macro[on_macro["estimand"] == row["estimand"]])
        rows.append(row | about | numbers | {"by_seed": by_seed})
    return pd.concat([table, pd.DataFrame(rows, columns=EFFECT_COLUMNS)], ignore_index=True)


def _magnitudes(on_macro: pd.DataFrame) -> tuple[float, ...]:
    """|copying| - |distilling| of each seed, with the signs of both effects over all seeds."""
    both = on_macro.set_index("factor").loc[["copying", "distilling"]]
    of_copying, of_distilling = (
        np.sign(row["estimate"]) * np.array(row["by_seed"], dtype=float) for _, row in both.iterrows()
    )
    return tuple(map(float, of_copying - of_distilling))


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
            of_new = {"outcome": "macro", "estimand": NEW_LANGUAGES, "by_seed": ()}
            yield about | of_new | _numbers(over_all)
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
        "could_be_tuning": could_explain(paired.tuning),
        "by_seed": tuple(map(float, paired.differences.mean(axis=1))),
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
