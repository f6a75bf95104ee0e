"""The section on the Pareto front of a study with costs."""

from __future__ import annotations

from collections.abc import Iterator

from analysis.record.formats import count, interval, number, points
from analysis.report.figures.front import fronts
from analysis.report.figures.panels import placed
from analysis.report.sections.section import Drawing, Section
from analysis.report.tables import Format, make_table
from analysis.search.front import devices, searched
from analysis.verdict.results import Results
from study.planning.costs import LATENCY, find_cost

__all__ = ["front", "front_drawing"]

TITLE = "The Pareto front"
HOW = (
    "A student is on the front if no other complete trial of the search has a score as high at costs as "
    "low, and beats it in one of them. The search makes the front on validation, at one seed, so a student "
    "may be on it by luck, and its score in the search is biased upwards. Compare students by their "
    "confirm runs."
)


def front(results: Results) -> Section:
    """The students of the front: scores, costs, values; and on which device a latency was measured."""
    table = results.front
    if table.empty:
        return Section(TITLE)
    record = results.record
    searched_values = [name for name in (*record.nuisance, *record.varied) if name in table]
    shown = table[["student", "key"]].assign(key=table["key"].str[:8])
    if len(record.arms) > 1:
        shown["arm"] = table["arm"]
    shown["search"] = table["score"]
    if table["estimate"].notna().any():
        bounds = zip(table["estimate"], table["low"], table["high"], strict=True)
        shown["test macro"] = [interval(*row).removeprefix("+") for row in bounds]
        shown["test worst"], shown["seeds"] = table["worst"], table["seeds"]
    for name in record.costs:
        shown[find_cost(name).title] = table[name]
    for name in searched_values:
        shown[name] = table[name]
    formats: dict[str, Format] = {"student": count, "search": points, "test worst": points, "seeds": count}
    formats |= {find_cost(name).title: count if not find_cost(name).unit else number for name in record.costs}
    formats |= dict.fromkeys(searched_values, number)
    note = (
        "Points of accuracy. search: macro validation accuracy in the search. test macro: mean over "
        "confirm runs, with its 95% interval. student: the number in the figure; key: what `kdstudy export "
        "--trial` takes."
    )
    made = make_table("front", TITLE, shown, formats, note)
    return Section(TITLE, (HOW, *_latency(results)), (made,))


def _latency(results: Results) -> Iterator[str]:
    if LATENCY not in results.record.costs:
        return
    where = devices(results.record)
    yield (
        "Latency is the time of one forward pass for one text, without the tokenizer: the mean over 16 "
        "texts of validation, from the shortest to the longest, of the shortest of several passes. It is "
        f"measured once for each shape of students. Device: {'; '.join(where) or 'not on record'}."
    )


def front_drawing(results: Results) -> Drawing | None:
    """Score against each cost, for the first screen; None if the study has no front."""
    record, table = results.record, results.front
    if table.empty:
        return None
    trials = searched(record).assign(line="trials of the search")
    if results.factors:
        trials["line"] = trials["arm"].map(placed(results.cells, results.factors)["line"])
    costs = {name: find_cost(name).title for name in record.costs}
    against = " and ".join(find_cost(name).called for name in record.costs)
    caption = (
        f"Macro accuracy against {against}. Small dots: the trials of the search, on validation. Large "
        "marks: the students that no other trial beats; their numbers are those of the table."
    )
    if table["estimate"].notna().any():
        caption += " Bars: their confirm runs on test, mean and 95% interval."
    ylabel = "macro accuracy, points"
    return Drawing("front", caption, lambda: fronts(trials, table, costs, ylabel))
