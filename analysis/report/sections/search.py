"""The sections on the search: accuracy by budget, importance of hyperparameters, replays."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from analysis.record.formats import count, percent, points
from analysis.report.figures.lines import MOST_PANELS, lines
from analysis.report.figures.panels import placed
from analysis.report.sections.section import Drawing, Section
from analysis.report.tables import Format, Table, make_table
from analysis.search.budget import budget_curve
from analysis.search.importance import importance
from analysis.search.replay import Draws, replay
from analysis.search.sampler_facts import Drawn, facts_of
from analysis.statistics.conclusion import conclusion
from analysis.verdict.results import Results

__all__ = ["hyperparameters", "replayed", "search_budget"]

HOW: dict[Drawn, str] = {
    "first": (
        "A replay takes the first search trials of each arm, because later trials depend on earlier trials, "
        "or some trials were pruned, or the record does not name the sampler. Replays differ only in their "
        "seeds."
    ),
    "alike": "A replay draws trials and seeds at random, the same points in all arms.",
    "apart": "A replay draws trials and seeds at random.",
}

NOTHING = (
    "The study was to show {about}. All its trials together do not show this. So replays with fewer trials "
    "have nothing to agree on, and no share is counted."
)

FORMULA = (
    "The expected best of b search trials, by macro validation accuracy: the mean over all ways to draw b "
    "of the n trials of an arm without replacement. The mean is exact: the sum over r of y(r) (F(r) - F(r - "
    "1)), with y(r) the r-th lowest score, and F(r) = C(r, b) / C(n, b) the share of draws with no score "
    "above y(r). Draws without a score are left out: a pruned, diverged or failed trial has no score. If "
    "the curve of an arm still rises at its last trial, a larger budget may find better values."
)
NO_BAND = (
    "There is no band for {whose}. A band would hold for trials that are drawn independently from one "
    "distribution. Here later trials depend on earlier trials, or the trials are on a grid, or some trials "
    "were pruned, or the record does not name the sampler. The curve therefore describes only the trials of "
    "this study."
)
FEW = (
    "There is no band: {most} trials an arm do not bound the median of the best of two or more trials for "
    "every distribution of the scores (11 trials would)."
)


def search_budget(results: Results) -> Section:
    """The expected best of b trials; if trials were drawn independently, also the median with its band."""
    title = "Search budget"
    record = results.record
    sampler = record.sampler
    curves = budget_curve(results.search, sampler, record.nuisance)
    if curves.empty or curves["trials"].max() < 2:
        return Section(title)
    where = placed(results.cells, results.factors)
    curves = curves.assign(x=curves["trials"], **{name: curves["arm"].map(where[name]) for name in where})
    adaptive = curves["adaptive"].astype(bool)
    text = [FORMULA]
    if adaptive.any():
        arms = curves["arm"].nunique(), curves.loc[adaptive, "arm"].nunique()
        text.append(NO_BAND.format(whose="any arm" if arms[0] == arms[1] else f"{arms[1]} of {arms[0]} arms"))
    expected = curves.assign(mean=curves["expected"], low=np.nan, high=np.nan)
    drawings = [
        _curves(
            "search_budget", expected, "Expected best macro validation accuracy of so many search trials."
        )
    ]
    drawn = curves[~adaptive]
    bounded = drawn.dropna(subset=["low", "high"]).groupby("arm").size().max()
    if sampler and len(drawn) and not bounded > 1:
        text.append(FEW.format(most=curves["trials"].max()))
    elif sampler and len(drawn):
        caption = (
            "Median of the best macro validation accuracy of so many search trials. Bands: pointwise 95% "
            f"intervals from order statistics, {facts_of(sampler).band}, if the trials bound the median."
        )
        drawings.append(_curves("search_budget_median", drawn.assign(mean=drawn["median"]), caption))
    return Section(title, tuple(text), (), tuple(drawings))


def _curves(name: str, table: pd.DataFrame, caption: str) -> Drawing:
    more = table["panel"].nunique() - MOST_PANELS
    caption += f" {more} further panels are not drawn." if more > 0 else ""
    ylabel = "macro validation accuracy, points"
    return Drawing(name, caption, lambda: lines(table, "search trials", ylabel))


def hyperparameters(results: Results) -> Section:
    title = "Importance of tuned hyperparameters"
    found = importance(results.search, results.record.nuisance)
    if found["importance"].isna().all():
        return Section(title)
    table = found.pivot(index="arm", columns="hyperparameter", values="importance")
    arms = [arm for arm in results.record.arms if arm in table.index]
    table = table.reindex(index=arms, columns=list(dict.fromkeys(found["hyperparameter"])))
    note = (
        "These numbers only describe and have no intervals: PED-ANOVA shares, in per cent, of what "
        "distinguishes the best search trials of an arm from all its search trials. A dash: fewer than ten "
        "complete trials, or one value only."
    )
    formats = dict.fromkeys(map(str, table.columns), points)
    return Section(title, (), (make_table("importance", title, table.reset_index(), formats, note),))


def replayed(results: Results) -> Section:
    title = "Replay at smaller budgets"
    pruned = bool(results.search["outcome"].eq("pruned").any())
    drawn = "first" if pruned else facts_of(results.record.sampler).drawn
    concluded = conclusion(
        results.confirmed,
        results.factors,
        results.data_shares,
        results.record.margin,
        results.tuning,
        results.correct,
    )
    found = replay(results.search, results.confirmed, results.factors, Draws(drawn), concluded.of)
    if found.empty or found["trials_per_arm"].nunique() < 2:
        return Section(title)
    if found["same"].isna().all():
        return Section(title, (NOTHING.format(about=concluded.about),))
    replays = found["replays"].map(lambda n: f"{n} replay{'s' * (n != 1)}")
    seeds = found["seeds"].map(lambda n: f"{n} confirm seeds") + " (" + replays + ")"
    curves = found.assign(
        x=100 * found["share_of_trials"], mean=found["same"], line=seeds, panel="", low=None, high=None
    )
    caption = (
        "The share of replays that show the answer of the study, by the share of the study's search and "
        "confirm trials that the replays hold. A line joins larger and larger numbers of search trials per "
        f"arm. {HOW[drawn]}"
    )
    if set(results.confirmed["arm"]) < set(results.record.arms):
        caption += " Arms without a confirm run are left out."
    xlabel, ylabel = "trials held, % of all trials of the study", "replays that show the same answer, %"
    drawing = Drawing("replay", caption, lambda: lines(curves, xlabel, ylabel))
    text = tuple(_of_replays(concluded.about, bool(results.findings)))
    return Section(title, text, _replay_tables(found.assign(line=seeds)), (drawing,))


def _of_replays(about: str, refused: bool) -> Iterator[str]:
    yield (
        "Would fewer trials show the same answer? The study is replayed with its own trials at smaller "
        f"budgets. Each replay answers by the rules of the answer: {about}. A replay agrees if it shows what "
        "the study shows. Agreement is agreement with "
        "this study, not with the truth: a replay with all trials always agrees. The record has no test "
        "scores of trials that were not confirmed; the difference on validation approximates these scores. "
        "A replay is not audited: a replay whose selected value lies at an edge of its range answers like "
        "any other replay."
    )
    if refused:
        yield (
            "The audit has findings, so this report names no winner. The replays answer what the record "
            "would show if the audit had no findings."
        )


def _replay_tables(found: pd.DataFrame) -> tuple[Table, ...]:
    """The share of replays that agree, and the share of trials that they hold, by search trials and seeds."""
    shown = {
        "replay": ("same", "Replays that show the same answer, %", "Rows: search trials per arm."),
        "replay_trials": (
            "share_of_trials",
            "Trials that these replays hold, % of all trials of the study",
            "",
        ),
    }
    tables = []
    for name, (column, title, note) in shown.items():
        wide = found.pivot(index="trials_per_arm", columns="line", values=column)
        wide = wide[list(dict.fromkeys(found["line"]))].rename_axis(index="search trials per arm")
        formats: dict[str, Format] = dict.fromkeys(wide.columns, percent)
        formats["search trials per arm"] = count
        tables.append(make_table(name, title, wide.reset_index(), formats, note))
    return tuple(tables)
