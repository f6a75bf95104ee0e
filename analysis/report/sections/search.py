"""What the search bought: accuracy by budget, which tuned values mattered, would less have done."""

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
from analysis.search.replay import replay
from analysis.search.sampler_facts import Drawn, facts_of
from analysis.statistics.conclusion import conclusion
from analysis.verdict.results import Results

__all__ = ["hyperparameters", "replayed", "search_budget"]

HOW: dict[Drawn, str] = {
    "first": (
        "Trials are the first of each arm, since later ones depend on earlier ones, or some were pruned, or "
        "the sampler is not on record; replays differ in their seeds alone."
    ),
    "alike": "Trials, of the same points in all arms, and seeds are drawn at random.",
    "apart": "Trials and seeds are drawn at random.",
}

FORMULA = (
    "Expected best of b search trials, macro validation accuracy: the mean over all ways to draw b of an "
    "arm's n trials without replacement, which is exact: the sum over r of y(r) (F(r) - F(r - 1)), with y(r) "
    "the r-th lowest score and F(r) = C(r, b) / C(n, b) the share of draws with none above it. Draws "
    "without a score are left out: a pruned, diverged or failed trial has none. An arm whose curve still "
    "rises at its last trial may gain from a larger budget."
)
NO_BAND = (
    "There is no band for {whose}: it would hold for trials drawn independently from one distribution. Later "
    "trials depend on earlier ones, or were drawn from a grid, or some were pruned, or the sampler is not on "
    "record, so the curve describes the trials seen."
)
FEW = (
    "There is no band: {most} trials an arm do not bound the median of the best of two or more, whatever the "
    "distribution (11 would)."
)


def search_budget(results: Results) -> Section:
    """The expected best of b trials; and where trials were drawn independently, the median with its band."""
    title = "Search budget"
    record = results.record
    sampler = record.facts.get("sampler")
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
            f"intervals from order statistics, {facts_of(sampler).band}, where the trials bound them."
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
        "Descriptive, without intervals: PED-ANOVA shares, in per cent, of what tells an arm's best search "
        "trials from all of them. A dash: fewer than ten complete trials, or one value alone."
    )
    formats = dict.fromkeys(map(str, table.columns), points)
    return Section(title, (), (make_table("importance", title, table.reset_index(), formats, note),))


def replayed(results: Results) -> Section:
    title = "Replay at smaller budgets"
    pruned = bool(results.search["outcome"].eq("pruned").any())
    drawn = "first" if pruned else facts_of(results.record.facts.get("sampler")).drawn
    concluded = conclusion(results.confirmed, results.factors)
    found = replay(results.search, results.confirmed, results.factors, concluded.of, drawn=drawn)
    if found.empty or found["trials_per_arm"].nunique() < 2:
        return Section(title)
    replays = found["replays"].map(lambda n: f"{n} replay{'s' * (n != 1)}")
    seeds = found["seeds"].map(lambda n: f"{n} confirm seeds") + " (" + replays + ")"
    curves = found.assign(
        x=100 * found["share_of_trials"], mean=found["same"], line=seeds, panel="", low=None, high=None
    )
    caption = (
        "Share of replays with the study's conclusion, by the share of the study's search and confirm trials "
        f"that they hold; a line joins more and more search trials per arm. {HOW[drawn]}"
    )
    if set(results.confirmed["arm"]) < set(results.record.arms):
        caption += " Arms without a confirm run are left out."
    xlabel, ylabel = "trials held, % of the study's", "replays with the same conclusion, %"
    drawing = Drawing("replay", caption, lambda: lines(curves, xlabel, ylabel))
    nothing = bool(found["none"].iloc[-1] == 1)  # the last row is of the study itself
    text = tuple(_of_replays(concluded.about, nothing, bool(results.findings)))
    return Section(title, text, _replay_tables(found.assign(line=seeds)), (drawing,))


def _of_replays(about: str, nothing: bool, refused: bool) -> Iterator[str]:
    yield (
        "Would fewer trials have told the same? The study is replayed with its own trials at smaller "
        f"budgets, and each replay concludes by the rules of the answer: {about}. Agreement is with this "
        "study, not with the truth: with all of its trials it is complete by construction. Test scores of "
        "trials that were not confirmed are approximated by the gap on validation. A replay is not audited: "
        "one whose selection lies at an edge of its range concludes as any other."
    )
    if refused:
        yield (
            "The audit stands against naming a winner. What is replayed is the conclusion that the record "
            "would give if nothing stood against it."
        )
    if nothing:
        yield (
            "All trials together conclude nothing: agreement here is agreement on nothing, and what differs "
            "are replays that would have claimed something."
        )


def _replay_tables(found: pd.DataFrame) -> tuple[Table, ...]:
    """Replays that agree, and the trials that they hold: search trials per arm x confirm seeds."""
    shown = {
        "replay": ("same", "Replays with the same conclusion, %", "Rows: search trials per arm."),
        "replay_trials": ("share_of_trials", "Trials that these replays hold, % of the study's", ""),
    }
    tables = []
    for name, (column, title, note) in shown.items():
        wide = found.pivot(index="trials_per_arm", columns="line", values=column)
        wide = wide[list(dict.fromkeys(found["line"]))].rename_axis(index="search trials per arm")
        formats: dict[str, Format] = dict.fromkeys(wide.columns, percent)
        formats["search trials per arm"] = count
        tables.append(make_table(name, title, wide.reset_index(), formats, note))
    return tuple(tables)
