"""The sections on the factors: effects with intervals, shares of variance, effects per language."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from analysis.record.formats import count, intervals, margin_text, p_value, points, signed
from analysis.record.languages import SUMMARIES, ordered
from analysis.report.figures.forest import forest
from analysis.report.sections.claims import NOT_CLAIMED, allowed, is_marked
from analysis.report.sections.section import Drawing, Section
from analysis.report.sections.sight import UNSEEN, marked
from analysis.report.tables import Table, make_table
from analysis.statistics.effects.estimates import MAGNITUDE, NEW_LANGUAGES, THESE_LANGUAGES
from analysis.statistics.intervals import ALPHA
from analysis.verdict.results import Results
from analysis.verdict.summary import WORST

__all__ = ["copying", "effects_by_language", "main_effects", "variance"]

MOST = 24
"""So many effects are in a forest plot, contrasts and main effects first. The table has all effects."""

DIFFERENCE = "difference of accuracy, points"
NAMES = {"macro": "macro accuracy", "worst": "accuracy of the worst language"}


def copying(results: Results) -> Section:
    """Claim C1: copying, distilling, their parts, and the number of the claim, all of the same arms."""
    if results.copying is None:
        return Section("Copying and distilling")
    alphas = ", ".join(map(str, results.copying.alphas))
    text: tuple[str, ...] = (
        "Every number is of the same arms: random and copied students, trained on labels alone or distilled "
        f"(alpha {alphas}). copying and distilling are each the mean of their two parts. "
        f"{MAGNITUDE} is the number of claim C1. Main effects, in the next section, may be over more levels.",
    )
    if results.may_claim:
        text += (
            f"The p of {MAGNITUDE} is the larger p of two tests: of copying minus distilling, and of copying "
            "plus distilling.",
        )
    claim = results.claim[results.claim["outcome"] == "macro"]
    text += () if results.may_claim else (NOT_CLAIMED,)
    table = _table(results, claim, "macro", "copying", "Copying and distilling, macro accuracy, test")
    rows = _forest_rows(claim, results, label=claim["effect"], series=claim["estimand"])
    caption = f"Claim C1 and its parts on macro test accuracy, with 95% intervals.{_marks(results)}"
    drawing = Drawing("copying", caption, lambda: forest(rows, DIFFERENCE))
    return Section("Copying and distilling", (*text, *_of_scales(results, claim)), (table,), (drawing,))


def main_effects(results: Results) -> Section:
    """Effects on macro and on worst: the interval for these languages, and for new languages."""
    effects = results.effects
    if effects.empty:
        return Section("Effects")
    crossed = effects["texts"].gt(0).any()
    sources, samples = ("seeds and test texts", "random samples") if crossed else ("seeds", "a random sample")
    text: tuple[str, ...] = (
        "A main effect is the difference between two levels of a factor. The difference is averaged over "
        "matched arms, which agree in all other factors. An interaction is a difference of such "
        f"differences. The interval for these languages treats {sources} as {samples}. The interval for new "
        "languages treats languages as a random sample too, and is never narrower. New languages are "
        + (
            "a mixture of seen and unseen languages, as in the study; the section Languages seen and unseen "
            "has the two apart."
            if results.unseen
            else "languages that students are trained on, like the languages of the study. Nothing is said "
            "of languages without training data."
        ),
    )
    text += () if results.may_claim else (NOT_CLAIMED,)
    tables = [
        _table(results, effects, outcome, f"effects_{outcome}", f"Effects on {name}, test")
        for outcome, name in NAMES.items()
    ]
    shown = effects[(effects["outcome"] == "macro") & effects["estimate"].notna()]
    shown = shown[shown["effect"].isin(shown["effect"].unique()[:MOST])]
    rows = _forest_rows(shown, results, label=shown["effect"], series=shown["estimand"])
    left = effects["effect"].nunique() - rows["label"].nunique()
    caption = f"Effects on macro test accuracy with 95% intervals.{_marks(results)}" + (
        f" {left} more effects are in the table." if left else ""
    )
    drawing = Drawing("effects", caption, lambda: forest(rows, DIFFERENCE))
    text = (*text, *_of_scales(results, effects))
    return Section("Effects", text, tuple(tables), (drawing,) if len(rows) else ())


def _of_scales(results: Results, effects: pd.DataFrame) -> Iterator[str]:
    """A sentence for each interaction of `effects` whose sign depends on the scale."""
    scales = results.scales
    for row in scales[scales["depends"] & scales["effect"].isin(effects["effect"])].to_dict("records"):
        yield (
            f"The sign of {row['effect']} depends on the scale: {signed(row['accuracy'])} points of accuracy "
            f"(p {p_value(row['accuracy_p'])}), and {row['logit']:+.2f} in logits (p {p_value(row['p'])}). "
            "Accuracy has less room near its ceiling. So these runs do not show which way the one factor "
            "changes the effect of the other."
        )


def _table(results: Results, effects: pd.DataFrame, outcome: str, file: str, title: str) -> Table:
    margin = results.record.margin
    rows = effects[(effects["outcome"] == outcome) & (effects["estimand"] == THESE_LANGUAGES)]
    new = effects[(effects["outcome"] == outcome) & (effects["estimand"] == NEW_LANGUAGES)]
    of_new = dict(zip(new["effect"], intervals(new), strict=True))
    table = pd.DataFrame(
        {
            "effect": rows["effect"],
            THESE_LANGUAGES: intervals(rows),
            "p (Holm)": rows["p_holm"],
            NEW_LANGUAGES: rows["effect"].map(of_new),
            "equal within": [_margin(within, margin) for within in rows["equivalent_within"]],
            "in logits": rows["effect"].map(_logits(results.scales)),
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
        table = table.drop(columns=[NEW_LANGUAGES, "in logits"])
    elif table["in logits"].isna().all():
        table = table.drop(columns="in logits")
    table = allowed(table, results)
    tests = (
        "p is corrected over all effects of a kind (Holm). equal within: two one-sided tests at 5% (TOST, "
        "not corrected) show that the difference is within this margin. A star marks a margin of at most "
        f"{margin_text(margin)}, which counts as no difference. "
    )
    note = (
        f"Points of accuracy with 95% intervals. {tests if results.may_claim else ''}"
        "cells: the number of sets of matched arms."
        + (" dropped: sets that are left out because runs are missing." if "dropped" in table else "")
        + (" averaged over: the factors in which the sets differ." if "averaged over" in table else "")
    )
    if "in logits" in table:
        note += (
            " in logits: an interaction on the logit scale, log(y / (1 - y)), with its 95% interval. #: the "
            "sign depends on the scale; the estimates have opposite signs, and one of them at least is shown."
        )
    if outcome == "worst":
        note += f" {WORST}"
    formats = {"p (Holm)": p_value}
    formats |= dict.fromkeys(["seeds", "languages", "cells", "dropped"], count)
    return make_table(file, title, table, formats, note)


def _margin(within: float, margin: float) -> str | None:
    return None if pd.isna(within) else points(within) + "*" * (within <= margin)


def _logits(scales: pd.DataFrame) -> dict[str, str]:
    """The text of each interaction on the logit scale."""
    texts = {}
    for row in scales.to_dict("records"):
        bounds = "" if pd.isna(row["low"]) else f" [{row['low']:+.2f}, {row['high']:+.2f}]"
        texts[str(row["effect"])] = f"{row['logit']:+.2f}{bounds}" + "#" * row["depends"]
    return texts


def _forest_rows(
    effects: pd.DataFrame, results: Results, label: pd.Series, series: pd.Series
) -> pd.DataFrame:
    marked = is_marked(effects["p_holm"].astype(float) < ALPHA, results)
    return effects[["estimate", "low", "high", "by_seed"]].assign(label=label, series=series, marked=marked)


def _marks(results: Results, over: str = "") -> str:
    filled = f" Filled marks: p < .05 after Holm's correction{over}." if results.may_claim else ""
    return f"{filled} Small dots: one seed each."


def variance(results: Results) -> Section:
    if results.shares["share"].isna().all():
        return Section("Shares of variance")
    note = (
        "Omega squared, in per cent: an analysis of variance of macro test accuracy over confirm runs, with "
        "seeds as blocks. The shares describe the levels that the study has: levels that are further apart "
        "explain more."
    )
    if results.may_claim:
        note += (
            " p is the p of the F test, not corrected. The F test assumes that all arms have the same noise. "
            "In simulated studies whose arms differ in noise, the F test claimed an effect that does not "
            "exist in 5 to 10% of studies."
        )
    formats = {"share": points, "df": count, "p": p_value}
    table = make_table("variance", "Shares of variance", allowed(results.shares, results), formats, note)
    return Section("Shares of variance", (), (table,))


def effects_by_language(results: Results) -> Section:
    """Copying and distilling, and the difference between the extreme levels of each factor, by language."""
    effects = pd.concat([results.claim, results.effects], ignore_index=True)
    effects = effects[~effects["outcome"].isin(SUMMARIES)]
    extremes = {f"{name}: {levels[-1]} - {levels[0]}" for name, levels in results.factors.items()}
    effects = effects[(effects["kind"] == "mean") | effects["effect"].isin(extremes)]
    if effects.empty:
        return Section("Effects per language")
    starred = is_marked(effects["p_holm"].astype(float) < ALPHA, results)
    cells = [text + "*" * star for text, star in zip(intervals(effects), starred, strict=True)]
    table = effects.assign(text=cells).pivot(index="outcome", columns="effect", values="text")
    table = table.reindex(index=ordered(table.index), columns=effects["effect"].unique())
    table.index = pd.Index(marked(table.index, results))
    note = (
        "Points of accuracy with 95% intervals. The variances of languages over seeds are shrunk towards "
        f"each other.{UNSEEN if results.unseen else ''}"
    )
    if results.may_claim:
        note += " A star: p < .05 after Holm's correction over the languages."
    averaged = effects[effects["averaged_over"] != ""].groupby("effect", sort=False)["averaged_over"].first()
    if len(averaged):
        note += f" Averaged over: {'; '.join(f'{effect}: {over}' for effect, over in averaged.items())}."
    shown = effects[effects["effect"] == effects["effect"].iloc[0]].set_index("outcome")
    shown = shown.reindex(ordered(shown.index))
    rows = _forest_rows(
        shown, results, label=pd.Series(marked(shown.index, results), shown.index), series=shown["effect"]
    )
    caption = (
        f"{shown['effect'].iloc[0]}, language by language on test, with 95% intervals."
        f"{_marks(results, ' over the languages')}{UNSEEN if results.unseen else ''}"
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
