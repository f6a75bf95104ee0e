"""The section on learning: the curves of the students, and the number of steps that they need."""

from __future__ import annotations

import pandas as pd

from analysis.record.formats import count, p_value
from analysis.report.figures.lines import MOST_PANELS, lines
from analysis.report.figures.panels import over_seeds, placed
from analysis.report.sections.claims import allowed
from analysis.report.sections.section import Drawing, Section
from analysis.report.tables import Table, make_table
from analysis.statistics.convergence import arm_convergence
from analysis.verdict.results import SHARE, Results

__all__ = ["TARGETS", "convergence"]

TARGETS = {"better": "the better init's final accuracy", "own": "its own final accuracy"}
"""The final accuracy that a share refers to, for each criterion."""


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
        "Macro validation accuracy of the confirm runs at each report, mean over seeds. Bands: 95% intervals."
        + (f" {more} further panels are not drawn." if more > 0 else "")
    )
    xlabel, ylabel = "optimiser steps", "macro validation accuracy, points"
    drawing = Drawing("learning_curves", caption, lambda: lines(table, xlabel, ylabel))
    tables = (*_differences(results), _arms(results))
    return Section("Convergence", (), tables, (drawing,))


def _differences(results: Results) -> tuple[Table, ...]:
    found = results.convergence
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
        "The number of steps with init = teacher, divided by the number of steps with init = random, with a "
        "95% interval (claim C5). Below 1, the copied students converge faster. the better init's final "
        "accuracy: the higher mean final accuracy of the two compared inits, one target for both. its own "
        "final accuracy: a run that hardly learned reaches its own final accuracy at once, so read this row "
        "only if both inits learned. Steps are interpolated between reports. never reached: matched cells "
        "that are left out because a run never reached the target, which favours the slower init (a dash: "
        "no cell is left). at the first report: runs that had reached the target at their first report; "
        "their number of steps is an upper bound. If a table has such cells or runs, the ratio has no "
        "interval. In simulated studies, the other intervals covered 93 to 97%, with 60, 8 and 4 reports "
        "for each run. If random students often never reach the target, the ratio of the remaining studies "
        "is closer to 1 than the true ratio, by 0.2 of its standard error."
    )
    formats = {"p": p_value} | dict.fromkeys(
        ["seeds", "cells", "never reached", "at the first report"], count
    )
    shown = allowed(shown, results)
    return (make_table("convergence", "Steps needed, copied against random", shown, formats, note),)


def _ratio(estimate: float, low: float, high: float) -> str | None:
    if pd.isna(estimate):
        return None
    bounds = "" if pd.isna(low) else f" [{2**low:.2f}, {2**high:.2f}]"
    return f"{2**estimate:.2f}{bounds}"


def _arms(results: Results) -> Table:
    found = arm_convergence(results.steps).set_index("arm")
    found = found.reindex([arm for arm in results.record.arms if arm in found.index]).reset_index()
    names = {"own": "to own final", "best": "to best arm's final", "never": "never reached it"}
    note = (
        f"The median number of steps over confirm runs to {SHARE:.0%} of the run's own final macro "
        f"validation accuracy, and to {SHARE:.0%} of the final accuracy of the best arm, interpolated "
        "between reports. resolution: the number of steps between reports."
    )
    found = found.rename(columns=names)
    formats = dict.fromkeys([str(name) for name in found.columns[1:]], count)
    return make_table("steps", "Steps needed, by arm", found, formats, note)
