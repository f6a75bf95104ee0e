"""The sections on the factors: effects with intervals, shares of variance, effects per language."""

from __future__ import annotations

import pandas as pd

from analysis.record.formats import count, intervals, p_value, points
from analysis.record.languages import SUMMARIES, ordered
from analysis.report.figures.forest import forest
from analysis.report.sections.section import Drawing, Section
from analysis.report.tables import Table, make_table
from analysis.statistics.effects.estimates import NEW_LANGUAGES, THESE_LANGUAGES
from analysis.statistics.intervals import ALPHA, MARGIN
from analysis.verdict.results import Results

__all__ = ["effects_by_language", "main_effects", "variance"]

MOST = 24
"""So many effects are in a forest plot, contrasts and main effects first. The table has all effects."""

DIFFERENCE = "difference of accuracy, points"


def main_effects(results: Results) -> Section:
    """Effects on macro and on worst: the interval for these languages, and for new languages."""
    effects = pd.concat([results.claim, results.effects], ignore_index=True)
    if effects.empty:
        return Section("Effects")
    crossed = effects["texts"].gt(0).any()
    sources, samples = ("seeds and test texts", "random samples") if crossed else ("seeds", "a random sample")
    text = (
        "A main effect is the difference between two levels of a factor, averaged over matched arms that "
        "agree in all other factors. An interaction is a difference of such differences. The interval for "
        f"these languages treats {sources} as {samples}. The interval for new languages treats languages as "
        "a random sample too, and is never narrower. New languages are languages that students are trained "
        "on, like the languages of the study; nothing is said of languages without training data.",
    )
    tables = [_table(effects, outcome) for outcome in ("macro", "worst")]
    shown = effects[(effects["outcome"] == "macro") & effects["estimate"].notna()]
    shown = shown[shown["effect"].isin(shown["effect"].unique()[:MOST])]
    rows = _forest_rows(shown, shown["effect"], shown["estimand"])
    left = effects["effect"].nunique() - rows["label"].nunique()
    caption = (
        "Effects on macro test accuracy with 95% intervals; filled marks: p < .05 after Holm's correction."
        + (f" {left} more effects are in the table." if left else "")
    )
    drawing = Drawing("effects", caption, lambda: forest(rows, DIFFERENCE))
    return Section("Effects", text, tuple(tables), (drawing,) if len(rows) else ())


def _table(effects: pd.DataFrame, outcome: str) -> Table:
    rows = effects[(effects["outcome"] == outcome) & (effects["estimand"] == THESE_LANGUAGES)]
    new = effects[(effects["outcome"] == outcome) & (effects["estimand"] == NEW_LANGUAGES)]
    of_new = dict(zip(new["effect"], intervals(new), strict=True))
    table = pd.DataFrame(
        {
            "effect": rows["effect"],
            THESE_LANGUAGES: intervals(rows),
            "p (Holm)": rows["p_holm"],
            NEW_LANGUAGES: rows["effect"].map(of_new),
            "equal within": rows["equivalent_within"].map(_margin),
            "seeds": rows["seeds"],
            "languages": rows["languages"],
            "cells": rows["cells"],
            "dropped": rows["cells_dropped"],
            "averaged over": rows["averaged_over"].replace("", pd.NA),
        }
    )
    if not table["dropped"].any():
        table = table.drop(columns="dropped")
    if table["averaged over"].isna().all():
        table = table.drop(columns="averaged over")
    if outcome != "macro":
        table = table.drop(columns=NEW_LANGUAGES)
    note = (
        "Points of accuracy with 95% intervals. Holm's correction is over all effects of a kind. "
        "equal within: the smallest margin for which two one-sided tests at 5% (TOST, not corrected) show "
        "that "
        f"the difference is within the margin; * at most {100 * MARGIN:g} point, which counts as no "
        "difference. "
        "cells: the number of sets of matched arms"
        + ("; dropped: sets that are left out because runs are missing" if "dropped" in table else "")
        + ("; averaged over: the factors in which the sets differ." if "averaged over" in table else ".")
    )
    formats = {"p (Holm)": p_value}
    formats |= dict.fromkeys(["seeds", "languages", "cells", "dropped"], count)
    name = {"macro": "macro accuracy", "worst": "accuracy of the worst language"}[outcome]
    return make_table(f"effects_{outcome}", f"Effects on {name}, test", table, formats, note)


def _margin(within: float) -> str | None:
    return None if pd.isna(within) else points(within) + "*" * (within <= MARGIN)


def _forest_rows(effects: pd.DataFrame, label: pd.Series, series: pd.Series) -> pd.DataFrame:
    marked = effects["p_holm"].to_numpy(dtype=float) < ALPHA
    return effects[["estimate", "low", "high"]].assign(label=label, series=series, marked=marked)


def variance(results: Results) -> Section:
    if results.shares["share"].isna().all():
        return Section("Shares of variance")
    note = (
        "Omega squared, in per cent, of an analysis of variance of macro test accuracy over confirm runs, "
        "with seeds as blocks. The shares describe the levels that the study has: levels that are further "
        "apart explain more. p is the p of the F test, not corrected. The F test assumes that all arms have "
        "the same noise. If arms differ in noise, the F test claimed an effect that does not exist in 5 to "
        "10% of simulated studies."
    )
    formats = {"share": points, "df": count, "p": p_value}
    table = make_table("variance", "Shares of variance", results.shares, formats, note)
    return Section("Shares of variance", (), (table,))


def effects_by_language(results: Results) -> Section:
    """Claim C1, and of each factor the difference between its extreme levels, language by language."""
    effects = pd.concat([results.claim, results.effects], ignore_index=True)
    effects = effects[~effects["outcome"].isin(SUMMARIES)]
    extremes = {f"{name}: {levels[-1]} - {levels[0]}" for name, levels in results.factors.items()}
    effects = effects[(effects["kind"] == "contrast") | effects["effect"].isin(extremes)]
    if effects.empty:
        return Section("Effects per language")
    cells = [
        text + "*" if holm < ALPHA else text
        for text, holm in zip(intervals(effects), effects["p_holm"], strict=True)
    ]
    table = effects.assign(text=cells).pivot(index="outcome", columns="effect", values="text")
    table = table.reindex(index=ordered(table.index), columns=effects["effect"].unique())
    note = (
        "Points of accuracy with 95% intervals; * p < .05 after Holm's correction over the languages. The "
        "variances of languages over seeds are shrunk towards each other."
    )
    averaged = effects[effects["averaged_over"] != ""].groupby("effect", sort=False)["averaged_over"].first()
    if len(averaged):
        note += f" Averaged over: {'; '.join(f'{effect}: {over}' for effect, over in averaged.items())}."
    shown = effects[effects["effect"] == effects["effect"].iloc[0]].set_index("outcome")
    shown = shown.reindex(ordered(shown.index))
    rows = _forest_rows(shown, pd.Series(shown.index, shown.index), shown["effect"])
    caption = (
        f"{shown['effect'].iloc[0]}, language by language on test, with 95% intervals; filled marks: p < "
        ".05 after "
        "Holm's correction over the languages."
    )
    made = make_table(
        "effects_by_language",
        "Effects per language, test",
        table.rename_axis("language").reset_index(),
        {},
        note,
    )
    drawing = Drawing("effects_by_language", caption, lambda: forest(rows, DIFFERENCE))
    return Section("Effects per language", (), (made,), (drawing,))
