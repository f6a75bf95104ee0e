"""How many steps a student needs: when it first has a given share of a final score.

A run is seen at its reports only. The step is interpolated over log2 steps, between the first report at
which the share was reached and the one before it, on a monotone cubic through the reports (Fritsch and
Butland, 1984: "A method for constructing local monotone piecewise cubic interpolants"). A curve that levels
off lies above the line between two reports, so that a line puts the step too late, and the more so the faster
the student. A run that has the share at its first report got there at some step up to that one, and counts
with it: nothing finer is known. `resolution` is the steps between reports.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.interpolate import PchipInterpolator
from scipy.optimize import brentq

from analysis.statistics.intervals import paired_t
from analysis.statistics.matching import Factors, matched, means_by_seed

__all__ = ["arm_convergence", "convergence_difference", "last_gains", "steps_to_share"]

STEP_COLUMNS = ["arm", "seed", "final", "resolution", "own", "best"]
ARM_COLUMNS = ["arm", "runs", "own", "best", "never", "resolution"]
DIFFERENCE_COLUMNS = ["criterion", "estimate", "low", "high", "p", "seeds", "cells", "censored", "early"]


def steps_to_share(curves: pd.DataFrame, share: float = 0.9) -> pd.DataFrame:
    """The step at which validation macro accuracy first is `share` of a final score.

    `own`: of the run's own score at its last report: how fast it gets to where it ends, wherever that is.
    `best`: of the highest mean final score of any arm: how fast it gets to where it is good. A run that
    never does is missing there. A curve that falls again counts from where it first got there.

    Args:
        curves: those of `Results.learning`: `arm, seed, step, macro`, a row a report.
        share: share of the final score, above 0 and at most 1.

    Returns:
        One row a run: `arm, seed, final, resolution, own, best`; `resolution` is its longest interval
        between reports, in steps.
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

    A run that never reached the best arm's share needs more steps than any that did. That is enough for a
    median: it is missing only where it falls among such runs. `never` counts them.

    Returns:
        One row an arm: `arm, runs, own, best, never, resolution`.
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

    ``log2 steps(level) - log2 steps(baseline)`` of the same seed, averaged over matched cells, with a
    paired t interval over seeds: -1 is half the steps, 0 as many. Steps are those to `share` of

    better: the higher mean final score of the cell's two inits. It is one target for both, and of the same
            data, depth and all else, so that no other arm decides what is to be reached.
    own:    each run's own final score. A run that hardly learns is there at once, so this tells something
            only where both inits learned.

    A cell in which a run of either init never gets there has no difference and is left out and counted in
    `censored`. The cells left out are mostly those where the baseline is slow, so what stays understates
    such an advantage. `early` counts runs, in the cells that stay, that were there at their first report:
    their steps are upper bounds. With either the estimate has neither interval nor p.

    Args:
        curves: as for `steps_to_share`; cells: each arm's factors (`analysis.record.design.cells`).

    Returns:
        One row for each of the criteria: `criterion, estimate, low, high, p, seeds, cells, censored, early`;
        empty where the inits are not both there.
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
        steps = np.array([run.first(share * goal) for run, goal in zip(of_rows, target, strict=True)])
        never = table["cell"].isin(table.loc[np.isnan(steps), "cell"])
        means = means_by_seed(table.assign(value=np.log2(steps))[~never], ["init"]).reindex([level, baseline])
        interval = paired_t((means.loc[level] - means.loc[baseline]).dropna().to_numpy(float))
        first = np.array([run.steps[0] for run in of_rows])
        early = int(((steps <= first) & ~never).sum())
        ends = [np.nan] * 3 if early or never.any() else [interval.low, interval.high, interval.p]
        counts = [table.loc[~never, "cell"].nunique(), table.loc[never, "cell"].nunique(), early]
        rows.append([criterion, interval.estimate, *ends, interval.n, *counts])
    return pd.DataFrame(rows, columns=DIFFERENCE_COLUMNS)


def last_gains(curves: pd.DataFrame) -> pd.Series:
    """By arm: macro validation accuracy at the last report minus that at the one before, mean over runs.

    A run with one report tells nothing of it.
    """
    runs = _runs(curves).items()
    gains = [(arm, run.macro[-1] - run.macro[-2]) for (arm, _), run in runs if len(run.macro) > 1]
    return pd.DataFrame(gains, columns=["arm", "gain"]).groupby("arm")["gain"].mean()


class _Run(NamedTuple):
    """A learning curve: the steps of its reports in ascending order, and macro accuracy at each."""

    steps: np.ndarray
    macro: np.ndarray

    @property
    def resolution(self) -> int:
        return int(np.diff(self.steps, prepend=0).max())

    def first(self, target: float) -> float:
        """The step at which `target` is first reached; missing where no report has it."""
        reached = self.macro >= target
        at = int(reached.argmax())
        if not reached[at]:
            return np.nan
        if at == 0:
            return float(self.steps[0])
        around = slice(max(at - 2, 0), at + 2)  # the cubic between two reports depends on no others
        log2_steps = np.log2(self.steps)
        course = PchipInterpolator(log2_steps[around], self.macro[around] - target)
        return float(2 ** brentq(course, log2_steps[at - 1], log2_steps[at]))  # below 0 there, here not


def _runs(curves: pd.DataFrame) -> dict[tuple[str, int], _Run]:
    of_runs = curves.dropna(subset=["macro"]).sort_values("step").groupby(["arm", "seed"], sort=False)
    return {run: _Run(each["step"].to_numpy(int), each["macro"].to_numpy(float)) for run, each in of_runs}


def _means(runs: dict[tuple[str, int], _Run]) -> pd.Series:
    """Of each arm the mean final score of its runs."""
    finals = pd.DataFrame([(arm, run.macro[-1]) for (arm, _), run in runs.items()], columns=["arm", "final"])
    return finals.groupby("arm")["final"].mean()
