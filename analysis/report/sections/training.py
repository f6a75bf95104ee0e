"""How students learn: their curves, and how many steps they need."""

from __future__ import annotations

import pandas as pd

from analysis.record.formats import count, p_value
from analysis.report.figures.lines import MOST_PANELS, lines
from analysis.report.figures.panels import over_seeds, placed
from analysis.report.sections.section import Drawing, Section
from analysis.report.tables import Table, make_table
from analysis.statistics.convergence import arm_convergence
from analysis.verdict.results import SHARE, Results

__all__ = ["TARGETS", "convergence"]

TARGETS = {"better": "the better init's final accuracy", "own": "its own final accuracy"}
"""What a share is of, by the criterion."""


def convergence(results: Results) -> Section:
    curves = results.learning()
    if curves.empty:
        return Section("Convergence")
    where = placed(results.cells, results.factors)
    means = over_seeds(curves.rename(columns={"macro": "value"}), ["arm", "step"])
    table = means.assign(x=means["step"], **{name: means["arm"].map(where[name]) for name in where})
    table = table.assign(rank=table["arm"].map({arm: n for n, arm in enumerate(results.record.arms)}))
    table = table.sort_values(["rank", "x"], kind="stable")
    more = table["panel"].nunique() - MOST_PANELS
    caption = (
        "Macro validation accuracy of the confirm runs at each report, mean over seeds; bands: 95% intervals."
        + (f" {more} further panels are not drawn." if more > 0 else "")
    )
    xlabel, ylabel = "optimiser steps", "macro validation accuracy, points"
    drawing = Drawing("learning_curves", caption, lambda: lines(table, xlabel, ylabel))
    tables = (*_differences(results.convergence), _arms(results))
    return Section("Convergence", (), tables, (drawing,))


def _differences(found: pd.DataFrame) -> tuple[Table, ...]:
    found = found[found["estimate"].notna() | (found["censored"] > 0)]
    if found.empty:
        return ()
    shown = pd.DataFrame(
        {
            f"steps to {SHARE:.0%} of": found["criterion"].map(TARGETS),
            "ratio of steps": [
                _ratio(*row) for row in found[["estimate", "low", "high"]].itertuples(index=False)
            ],
            "p": found["p"],
            "seeds": found["seeds"],
            "cells": found["cells"],
            "never reached": found["censored"],
            "at the first report": found["early"],
        }
    )
    note = (
        "Steps that init = teacher needs, as a multiple of those at random init, with a 95% interval (claim "
        "C5); below 1: the copy converges faster. Of the better init: of the higher mean final accuracy of "
        "the two that are compared, the same for both. Of its own: a run that hardly learned is there at "
        "once, so read it only where both inits learned. Steps are interpolated between reports. Matched "
        "cells in which a run never got there are left out, which favours the slower one (a dash: none is "
        "left); of runs that were there at their first report it is known only that they need no more. Where "
        "there are such, counted here, the ratio has no interval. Others covered 93 to 97% of simulated "
        "studies, with 60, 8 and 4 reports a run. Where a random student often never gets there, the studies "
        "that can tell have the ratio closer to 1 than it is, by 0.2 of its standard error."
    )
    formats = {"p": p_value} | dict.fromkeys(
        ["seeds", "cells", "never reached", "at the first report"], count
    )
    return (make_table("convergence", "Steps needed, copied against random", shown, formats, note),)


def _ratio(estimate: float, low: float, high: float) -> str | None:
    if pd.isna(estimate):
        return None
    bounds = "" if pd.isna(low) else f" [{2**low:.2f}, {2**high:.2f}]"
    return f"{2**estimate:.2f}{bounds}"


def _arms(results: Results) -> Table:
    found = arm_convergence(results.steps).set_index("arm")
    found = found.reindex([arm for arm in results.record.arms if arm in found.index]).reset_index()
    names = {"own": "to own final", "best": "to best arm's final", "never": "never got there"}
    note = (
        f"Median steps over confirm runs to {SHARE:.0%} of the run's own final macro validation accuracy, "
        "and of that of the best arm, interpolated between reports; resolution: steps between these."
    )
    found = found.rename(columns=names)
    formats = dict.fromkeys([str(name) for name in found.columns[1:]], count)
    return make_table("steps", "Steps needed, by arm", found, formats, note)
