"""The section on languages seen and unseen: effects in both groups, and their difference."""

from __future__ import annotations

import pandas as pd

from analysis.record.formats import count, intervals, margin_text, p_value, points
from analysis.report.figures.forest import forest
from analysis.report.sections.claims import NOT_CLAIMED, allowed, is_marked
from analysis.report.sections.section import Drawing, Section
from analysis.report.tables import Format, Table, make_table
from analysis.statistics.effects.transfer import DIFFERENCE, GROUPS
from analysis.statistics.intervals import ALPHA
from analysis.verdict.results import Results
from study.selection import SEEN

__all__ = ["seen_and_unseen"]

MOST = 16
"""So many effects are in the figure; the table has all effects."""


def seen_and_unseen(results: Results) -> Section:
    """Effects on macro accuracy of seen and of unseen languages; nothing if students saw all languages."""
    title = "Languages seen and unseen"
    if not results.unseen:
        return Section(title)
    texts: tuple[str, ...] = (
        "A language is seen if the student is trained on texts of the language, and unseen otherwise. "
        "macro is over the languages of a group. An effect compares only arms that are trained on the same "
        "languages, and is then averaged over the sets of languages.",
        _selection(results),
    )
    found = results.transfer
    if found.empty:
        nothing = "No two arms with confirm runs are trained on the same languages, so there is no effect."
        return Section(title, (*texts, nothing), (_sets(results),))
    texts += () if results.may_claim else (NOT_CLAIMED,)
    shown = found[found["effect"].isin(found["effect"].unique()[:MOST]) & found["estimate"].notna()]
    marked = is_marked(shown["p_holm"].astype(float) < ALPHA, results)
    rows = shown[["estimate", "low", "high", "by_seed"]].assign(
        label=shown["effect"], series=shown["group"], marked=marked
    )
    filled = " Filled marks: p < .05 after Holm's correction." if results.may_claim else ""
    caption = (
        "Effects on macro test accuracy in seen and in unseen languages, and their difference, with 95% "
        f"intervals.{filled} Small dots: one seed each."
    )
    drawing = Drawing("unseen", caption, lambda: forest(rows, "difference of accuracy, points"))
    return Section(title, texts, (_effects(results), _sets(results)), (drawing,))


def _selection(results: Results) -> str:
    if results.record.select_on == SEEN:
        return "The tuned values were selected on validation texts of the seen languages alone."
    return "The tuned values were selected on validation texts of all languages, also of the unseen ones."


def _effects(results: Results) -> Table:
    found, margin = results.transfer, results.record.margin
    of_groups = {group: found[found["group"] == group].set_index("effect") for group in GROUPS}
    difference = of_groups[DIFFERENCE]
    table = pd.DataFrame({"effect": difference.index})
    for group, rows in of_groups.items():
        table[group] = intervals(rows)
    table["p (Holm)"] = difference["p_holm"].to_numpy()
    table["equal within"] = [
        None if pd.isna(within) else points(within) + "*" * (within <= margin)
        for within in difference["equivalent_within"]
    ]
    for column in ("seeds", "cells"):
        table[column] = difference[column].to_numpy()
    table["averaged over"] = difference["averaged_over"].replace("", pd.NA).to_numpy()
    if table["averaged over"].isna().all():
        table = table.drop(columns="averaged over")
    note = (
        "Points of macro test accuracy with 95% intervals. A positive difference means that the effect is "
        "more favourable in unseen languages. "
    )
    if results.may_claim:
        note += (
            "p is of the difference, corrected over all effects of a kind (Holm). equal within: two "
            "one-sided tests at 5% (TOST, not corrected) show that the difference is within this margin. A "
            f"star marks a margin of at most {margin_text(margin)}. "
        )
    note += "cells: the number of sets of matched arms, which are trained on the same languages."
    formats: dict[str, Format] = {"p (Holm)": p_value}
    formats |= dict.fromkeys(["seeds", "cells"], count)
    return make_table(
        "unseen", "Effects in seen and in unseen languages, test", allowed(table, results), formats, note
    )


def _sets(results: Results) -> Table:
    """The sets of seen languages, and how many arms have each."""
    every = set(results.languages)
    arms: dict[tuple[str, ...], list[str]] = {}
    for arm in results.record.arms:
        arms.setdefault(tuple(sorted(every - results.unseen.get(arm, frozenset()))), []).append(arm)
    levels = results.cells.get("train_languages")
    rows = [
        {
            "train_languages": None if levels is None else levels[of[0]],
            "arms": len(of),
            "seen": len(seen),
            "unseen": len(every) - len(seen),
            "seen languages": ", ".join(seen),
        }
        for seen, of in arms.items()
    ]
    table = pd.DataFrame(rows)
    table = table.drop(columns="train_languages") if levels is None else table
    formats = dict.fromkeys(["arms", "seen", "unseen"], count)
    note = "Of the languages with test texts: those that students are trained on."
    return make_table("unseen_languages", "Languages that students are trained on", table, formats, note)
