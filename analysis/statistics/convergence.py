"""The number of steps that a student needs until it first reaches a given share of a final score.

The record shows a run only at its reports. The step is interpolated over log2 steps, between the first report
that reached the share and the report before, on a monotone cubic through the reports (Fritsch and Butland,
1984: "A method for constructing local monotone piecewise cubic interpolants"). A curve that levels off lies
above the straight line between two reports, so a line puts the step too late, and later for faster students.
A run that has the share at its first report reached it at some step up to this report: the record has nothing
finer, and a table of steps has the step of this report. A report at step 0, before training, shows whether
the run had the share before it learned anything. `resolution` is the number of steps between reports.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.interpolate import PchipInterpolator
from scipy.optimize import brentq

from analysis.statistics.censored import CensoredRuns, paired_difference
from analysis.statistics.matching import Factors, matched

__all__ = ["arm_convergence", "convergence_difference", "last_gains", "steps_to_share"]

STEP_COLUMNS = ["arm", "seed", "final", "resolution", "own", "best"]
ARM_COLUMNS = ["arm", "runs", "own", "best", "never", "resolution"]
DIFFERENCE_COLUMNS = [
    *("criterion", "estimate", "low", "high", "p", "seeds", "cells", "never", "early", "method"),
]


def steps_to_share(curves: pd.DataFrame, share: float = 0.9) -> pd.DataFrame:
    """The step at which validation macro accuracy first is `share` of a final score.

    `own`: of the score of the run at its last report; how fast the run reaches its own end. `best`: of the
    highest mean final score of any arm; how fast the run reaches a good score. A run that never reaches it
    has a missing value. If a curve falls again, the first step counts.

    Args:
        curves: as of `Results.learning`: `arm, seed, step, macro`, a row for each report.
        share: the share of the final score, above 0 and at most 1.

    Returns:
        One row for each run: `arm, seed, final, resolution, own, best`; `resolution` is the longest interval
        of the run between reports, in steps.
    """
    runs = _runs(curves)
    best = _means(runs).max()
    rows = [
        [arm, seed, run.macro[-1], run.resolution]
        + [run.first(share * target) for target in (run.macro[-1], best)]
        for (arm, seed), run in runs.items()
    ]
    return pd.DataFrame(rows, columns=STEP_COLUMNS).sort_values(["arm", "seed"], ignore_index=True)


def arm_convergence(steps: pd.DataFrame) -> pd.DataFrame:
    """Medians over the confirm runs of each arm, of the table of `steps_to_share`.

    A run that never reached the share of the best arm needs more steps than any run that did. For a median
    that is enough: the median is missing only if it falls among such runs. `never` counts them.

    Returns:
        One row for each arm: `arm, runs, own, best, never, resolution`.
    """
    rows = []
    for arm, runs in steps.groupby("arm"):
        medians = runs[["own", "best"]].fillna(np.inf).median().replace(np.inf, np.nan)
        rows.append([arm, len(runs), *medians, int(runs["best"].isna().sum()), runs["resolution"].max()])
    return pd.DataFrame(rows, columns=ARM_COLUMNS)


def convergence_difference(
    curves: pd.DataFrame,
    cells: pd.DataFrame,
    factors: Factors,
    share: float = 0.9,
    level: str = "teacher",
    baseline: str = "random",
) -> pd.DataFrame:
    """Whether copied students converge in fewer steps (claim C5): differences of log2 steps by init.

    ``log2 steps(level) - log2 steps(baseline)`` of the same seed, averaged over matched cells, with a 95%
    interval over seeds: -1 means half the steps, 0 means as many steps. Steps are counted up to `share` of a
    target:

    better: the higher mean final score of the two inits of the cell. Both inits have this one target, for the
            same data, depth and all other factors, so no other arm decides the target.
    own:    the final score of the run itself. A run that hardly learns is there at once, so this criterion is
            informative only if both inits learned.

    A run that never reached the target (counted in `never`) needs more steps than its last report has. A run
    that had reached the target at its first report (counted in `early`) needs at most the steps of this
    report. Both are censored values, and `analysis.statistics.censored` has the interval: `method` is "paired
    t", "interval regression" or "bounds". With "bounds" there is no estimate, and one end may be infinite.
    A seed counts if it has a run of both inits in every cell.

    Args:
        curves: as for `steps_to_share`; cells: the factors of each arm (`analysis.record.design.cells`).

    Returns:
        One row for each criterion: `criterion, estimate, low, high, p, seeds, cells, never, early, method`;
        empty if one of the two inits is absent.
    """
    runs = _runs(curves)
    table = pd.DataFrame(list(runs), columns=["arm", "seed"]).merge(cells, left_on="arm", right_index=True)
    if "init" not in factors or {level, baseline} - set(table["init"]):
        return pd.DataFrame(columns=DIFFERENCE_COLUMNS)
    table = matched(table[table["init"].isin((level, baseline))], factors, ["init"])
    if {level, baseline} - set(table["init"]):
        return pd.DataFrame(columns=DIFFERENCE_COLUMNS)
    better = table["cell"].map(table["arm"].map(_means(runs)).groupby(table["cell"]).max())
    of_rows = [runs[run] for run in zip(table["arm"], table["seed"], strict=True)]
    targets = {"better": better, "own": [run.macro[-1] for run in of_rows]}
    rows = []
    for criterion, target in targets.items():
        bounds = [run.bounds(share * goal) for run, goal in zip(of_rows, target, strict=True)]
        table = table.assign(**dict(zip(("low", "high"), np.array(bounds).T, strict=True)))
        seeds, censored = _pairs(table, (baseline, level))
        if not len(seeds):
            rows.append([criterion, *[np.nan] * 4, 0, 0, 0, 0, ""])
            continue
        interval, method = paired_difference(censored)
        never = int(np.isinf(censored.high).sum())
        early = int((~censored.exact).sum()) - never
        numbers = [interval.estimate, interval.low, interval.high, interval.p]
        rows.append([criterion, *numbers, len(seeds), len(censored.low), never, early, method])
    return pd.DataFrame(rows, columns=DIFFERENCE_COLUMNS)


def _pairs(table: pd.DataFrame, inits: tuple[str, str]) -> tuple[pd.Index, CensoredRuns]:
    """The seeds that have a run of both inits in every cell, and their bounds [cells x inits x seeds].

    Cells are left out one by one, the cell with the fewest such seeds first, if otherwise no seed is left.
    """
    wide = table.pivot_table(index=["cell", "init"], columns="seed", values=["low", "high"], aggfunc="first")
    cells = list(dict.fromkeys(wide.index.get_level_values("cell")))
    low = wide["low"].reindex(pd.MultiIndex.from_product([cells, inits]))
    high = wide["high"].reindex(low.index)
    there = low.notna().to_numpy().reshape(len(cells), 2, -1).all(axis=1)
    kept = np.ones(len(cells), dtype=bool)
    while kept.any() and not there[kept].all(axis=0).any():
        kept[np.flatnonzero(kept)[there[kept].sum(axis=1).argmin()]] = False
    seeds = there[kept].all(axis=0) if kept.any() else np.zeros(there.shape[1], dtype=bool)
    shape = (len(cells), 2, -1)
    one, other = (each.to_numpy(float).reshape(shape)[kept][:, :, seeds] for each in (low, high))
    return low.columns[seeds], CensoredRuns(one, other)


def last_gains(curves: pd.DataFrame) -> pd.Series:
    """For each arm: macro validation accuracy at the last report minus that at the report before, mean over
    runs.

    A run with one report has no gain.
    """
    runs = _runs(curves).items()
    gains = [(arm, run.macro[-1] - run.macro[-2]) for (arm, _), run in runs if len(run.macro) > 1]
    return pd.DataFrame(gains, columns=["arm", "gain"]).groupby("arm")["gain"].mean()


class _Run(NamedTuple):
    """A learning curve: the steps of its reports in ascending order, and macro accuracy at each report."""

    steps: np.ndarray
    macro: np.ndarray

    @property
    def resolution(self) -> int:
        return int(np.diff(self.steps, prepend=0).max())

    def first(self, target: float) -> float:
        """The step at which the run first reaches `target`; NaN if no report has it."""
        reached = self.macro >= target
        at = int(reached.argmax())
        if not reached[at]:
            return np.nan
        if at == 0 or self.steps[at - 1] == 0:
            return float(self.steps[at])
        first = at - 1 if self.steps[max(at - 2, 0)] == 0 else max(at - 2, 0)  # step 0 has no logarithm
        around = slice(first, at + 2)  # the cubic between two reports depends on no others
        with np.errstate(divide="ignore"):
            log2_steps = np.log2(self.steps)
        course = PchipInterpolator(log2_steps[around], self.macro[around] - target)
        if course(log2_steps[at]) <= 0:  # the target is the score of this report, up to rounding
            return float(self.steps[at])
        return float(2 ** brentq(course, log2_steps[at - 1], log2_steps[at]))  # below 0 there, here not

    def bounds(self, target: float) -> tuple[float, float]:
        """Bounds of log2 of the step at which the run first reaches `target`; equal if the step is known.

        A report at step 0 that lacks the target bounds the step from below: the first step is step 1.
        """
        if np.isnan(step := self.first(target)):
            return float(np.log2(self.steps[-1])), np.inf
        at = int((self.macro >= target).argmax())
        if at == 0:
            return -np.inf, float(np.log2(max(step, 1)))
        exact = float(np.log2(step))
        return (0.0 if self.steps[at - 1] == 0 else exact), exact


def _runs(curves: pd.DataFrame) -> dict[tuple[str, int], _Run]:
    of_runs = curves.dropna(subset=["macro"]).sort_values("step").groupby(["arm", "seed"], sort=False)
    return {run: _Run(each["step"].to_numpy(int), each["macro"].to_numpy(float)) for run, each in of_runs}


def _means(runs: dict[tuple[str, int], _Run]) -> pd.Series:
    """The mean final score of the runs of each arm."""
    finals = pd.DataFrame([(arm, run.macro[-1]) for (arm, _), run in runs.items()], columns=["arm", "final"])
    return finals.groupby("arm")["final"].mean()
