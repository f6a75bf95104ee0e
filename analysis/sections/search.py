"""What the search bought: accuracy by budget, which tuned values mattered, would less have done."""

from __future__ import annotations

import pandas as pd

from analysis.budget import budget_curve
from analysis.figures.lines import MOST_PANELS, lines
from analysis.figures.panels import placed
from analysis.importance import importance
from analysis.replay import replay
from analysis.results import Results
from analysis.sections.section import Drawing, Section
from analysis.tables import make_table, points

__all__ = ["hyperparameters", "replayed", "search_budget"]

NOT_ADAPTIVE = ("random", "quasi", "grid")
"""Samplers whose trials do not depend on the scores of those before them."""


def search_budget(results: Results) -> Section:
    curves = budget_curve(results.search, results.record.facts.get("sampler"))
    if curves.empty or curves["trials"].max() < 2:
        return Section("Search budget")
    adaptive = bool(curves["adaptive"].any())
    where = placed(results.cells, results.factors)
    table = curves.assign(
        x=curves["trials"],
        mean=curves["expected" if adaptive else "median"],
        low=curves["low"].where(~curves["adaptive"]),
        high=curves["high"].where(~curves["adaptive"]),
        **{name: curves["arm"].map(where[name]) for name in where},
    )
    statistic = "Expected" if adaptive else "Median"
    more = table["panel"].nunique() - MOST_PANELS
    caption = (
        f"{statistic} best macro validation accuracy of so many search trials of an arm. "
        + (
            "Later trials depend on earlier ones, or the sampler is not on record: a description of the "
            "trials seen, without bands."
            if adaptive
            else "Bands: pointwise 95% intervals from order statistics, where the trials bound them."
        )
        + (f" {more} further panels are not drawn." if more > 0 else "")
    )
    ylabel = "macro validation accuracy, points"
    drawing = Drawing("search_budget", caption, lambda: lines(table, "search trials", ylabel))
    text = "An arm whose curve still rises at its last trial may gain from a larger budget."
    return Section("Search budget", (text,), (), (drawing,))


def hyperparameters(results: Results) -> Section:
    title = "Importance of tuned hyperparameters"
    found = importance(results.search, results.record.nuisance)
    if found["importance"].isna().all():
        return Section(title)
    table = found.pivot(index="arm", columns="hyperparameter", values="importance")
    arms = [arm for arm in results.record.arms if arm in table.index]
    table = table.reindex(index=arms, columns=list(dict.fromkeys(found["hyperparameter"])))
    note = (
        "Descriptive, without intervals: PED-ANOVA shares, in per cent, of what tells an arm's best search "
        "trials from all of them. A dash: fewer than ten complete trials, or one value alone."
    )
    formats = dict.fromkeys(map(str, table.columns), points)
    return Section(title, (), (make_table("importance", title, table.reset_index(), formats, note),))


def replayed(results: Results) -> Section:
    adaptive = results.record.facts.get("sampler") not in NOT_ADAPTIVE
    found = replay(results.search, results.confirmed, results.factors, adaptive=adaptive)
    if found.empty or found["trials_per_arm"].nunique() < 2:
        return Section("Replay at smaller budgets")
    seeds = found["seeds"].map(lambda n: f"{n} confirm seeds")
    table = pd.DataFrame(
        {
            "x": found["trials_per_arm"],
            "mean": found["same"],
            "line": seeds,
            "panel": "",
            "low": None,
            "high": None,
        }
    )
    text = (
        "Would fewer trials have told the same? The study is replayed with its own trials at smaller "
        "budgets. Agreement is with this study, not with the truth: with all of its trials it is complete "
        "by construction. Test scores of trials that were not confirmed are approximated by the gap "
        "on validation."
    )
    caption = "Share of replays with the study's conclusion, by search trials per arm and confirm seeds. " + (
        "Trials are the first of each arm, since later ones depend on earlier ones, or the sampler is not on "
        "record; seeds are drawn at random."
        if adaptive
        else "Trials and seeds are drawn at random."
    )
    xlabel, ylabel = "search trials per arm", "replays with the same conclusion, %"
    drawing = Drawing("replay", caption, lambda: lines(table, xlabel, ylabel))
    return Section("Replay at smaller budgets", (text,), (), (drawing,))
