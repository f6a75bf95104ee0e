"""The section on learning: the curves of the students, and the number of steps that they need."""

from __future__ import annotations

import math

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
    found = found[found["estimate"].notna() | found["low"].notna() | (found["never"] > 0)]
    if found.empty:
        return ()
    shown = pd.DataFrame(
        {
            f"steps to {SHARE:.0%} of": found["criterion"].map(TARGETS),
            "ratio of steps": [
                _ratio(*row) for row in found[["estimate", "low", "high"]].itertuples(index=False)
            ],
            "p": found["p"],
            "by": found["method"],
            "seeds": found["seeds"],
            "cells": found["cells"],
            "never reached": found["never"],
            "at the first report": found["early"],
        }
    )
    note = (
        "The number of steps with init = teacher, divided by the number of steps with init = random, with a "
        "95% interval (claim C5). Below 1, the copied students converge faster. the better init's final "
        "accuracy: the higher mean final accuracy of the two compared inits, one target for both. its own "
        "final accuracy: a run that hardly learned reaches its own final accuracy at once, so read this row "
        "only if both inits learned. Steps are interpolated between reports. never reached: runs that never "
        "reached the target; the number of their steps is above the number that they were trained for. at "
        "the "
        "first report: runs that had reached the target at their first report after training began, or "
        "before; the number of their steps is at most that of this report. by: paired t, if the steps of all "
        "runs are known; interval regression, which takes the logarithm of the steps as normal and these "
        "runs "
        "as intervals; bounds, if an init has no run with known steps in some cell: then only a limit of the "
        "ratio is known."
    )
    formats = {"p": p_value} | dict.fromkeys(
        ["seeds", "cells", "never reached", "at the first report"], count
    )
    shown = allowed(shown, results)
    return (make_table("convergence", "Steps needed, copied against random", shown, formats, note),)


def _ratio(estimate: float, low: float, high: float) -> str | None:
    if pd.notna(estimate):
        bounds = "" if pd.isna(low) else f" [{2**low:.2f}, {2**high:.2f}]"
        return f"{2**estimate:.2f}{bounds}"
    if pd.isna(low):
        return None
    if math.isinf(low):
        return f"at most {2**high:.2f}"
    return f"at least {2**low:.2f}" if math.isinf(high) else f"{2**low:.2f} to {2**high:.2f}"


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
