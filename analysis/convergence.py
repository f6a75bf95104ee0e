"""How many steps a student needs: the first report at which it has a given share of a final score.

A run is seen at its reports only. The step given is that of the first report at which the share was
reached; the true one lies after the report before (interval-censored). So nothing finer than one reporting
interval, the column `resolution`, is told, and two runs within one interval tie.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from analysis.intervals import paired_t
from analysis.matching import Factors, matched, means_by_seed

__all__ = ["arm_convergence", "convergence_difference", "steps_to_share"]

CRITERIA = ("own", "best")
STEP_COLUMNS = ["arm", "seed", "final", "resolution", *CRITERIA]
ARM_COLUMNS = ["arm", "runs", *CRITERIA, "never", "resolution"]
DIFFERENCE_COLUMNS = ["criterion", "estimate", "low", "high", "p", "seeds", "cells", "censored"]


def steps_to_share(curves: pd.DataFrame, share: float = 0.9) -> pd.DataFrame:
    """First report step at which validation macro accuracy is at least `share` of a final score.

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
    runs = curves.dropna(subset=["macro"]).sort_values("step").groupby(["arm", "seed"], sort=False)
    ends = runs["macro"].last()
    best = ends.groupby("arm").mean().max()
    rows = []
    for (arm, seed), run in runs:
        steps, macro = run["step"].to_numpy(int), run["macro"].to_numpy(float)
        final = macro[-1]
        longest = int(np.diff(steps, prepend=0).max())
        first = [_first(steps, macro >= share * target) for target in (final, best)]
        rows.append([arm, seed, final, longest, *first])
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
        medians = runs[list(CRITERIA)].fillna(np.inf).median().replace(np.inf, np.nan)
        rows.append([arm, len(runs), *medians, int(runs["best"].isna().sum()), runs["resolution"].max()])
    return pd.DataFrame(rows, columns=ARM_COLUMNS)


def convergence_difference(
    steps: pd.DataFrame,
    cells: pd.DataFrame,
    factors: Factors,
    level: str = "teacher",
    baseline: str = "random",
) -> pd.DataFrame:
    """Whether copied students converge in fewer steps (claim C5): differences of log2 steps by init.

    ``log2 steps(level) - log2 steps(baseline)`` of the same seed, averaged over matched cells, with a
    paired t interval over seeds: -1 is half the steps, 0 as many. A cell in which a run of either init
    never reached the criterion has no difference and is left out and counted in `censored`. The cells
    left out are mostly those where the baseline is slow, so what stays understates such an advantage:
    read the estimate together with that number.

    Args:
        steps: the table of `steps_to_share`; cells: each arm's factors (`analysis.design.cells`).

    Returns:
        One row for each of the criteria own and best: `criterion, estimate, low, high, p, seeds, cells,
        censored`; empty where the inits are not both there.
    """
    rows = []
    if "init" in factors:
        table = steps.merge(cells, left_on="arm", right_index=True)
        table = matched(table[table["init"].isin((level, baseline))], factors, ["init"])
        both = set(table["init"]) == {level, baseline}
        for criterion in CRITERIA if both else ():
            never = table["cell"].isin(table.loc[table[criterion].isna(), "cell"])
            logs = table[~never].assign(value=np.log2(table.loc[~never, criterion].to_numpy(float)))
            means = means_by_seed(logs, ["init"]).reindex([level, baseline])
            interval = paired_t((means.loc[level] - means.loc[baseline]).dropna().to_numpy(float))
            counts = [logs["cell"].nunique(), table.loc[never, "cell"].nunique()]
            ends = [interval.estimate, interval.low, interval.high, interval.p, interval.n]
            rows.append([criterion, *ends, *counts])
    return pd.DataFrame(rows, columns=DIFFERENCE_COLUMNS)


def _first(steps: np.ndarray, reached: np.ndarray) -> float:
    return float(steps[reached.argmax()]) if reached.any() else np.nan
