"""Two kinds of runs in one arm: some runs end at chance while their siblings learn.

Such an arm has two means and no common spread. With 5 seeds, and one run in ten at chance 35 points below the
others, 95% intervals covered 71%. The rule for one arm: the largest gap between its sorted scores splits the
runs into a low group and a high group, and there are two kinds of runs if

    the mean of the high group is at least `LEAST` above chance (the lead),
    no run of the low group is more than `NEAR` x lead above chance,
    the gap is at least `FAR` x lead, and at least as wide as each of the two groups.

An arm whose runs all end at chance has one kind of runs, and so has an arm whose runs all learn, some better
than others. In simulated arms of one kind (3 to 10 seeds), the rule fires in at most 1% if the standard
deviation over seeds is a fifth of the lead, and in at most 2% if it is a third. In arms that have runs of
both kinds, the rule fires in all if the runs at chance are 35 points below the others, and in at least 93% if
they are 20 points below.

If chance is not on record, a run of the low group must have less than half the accuracy of the high group,
and the gap must be at least 10 points and twice as wide as each group.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from analysis.statistics.intervals import FEWEST_SEEDS, Array

__all__ = ["RUN_COLUMNS", "runs_by_kind", "split_at_chance"]

LEAST, NEAR, FAR = 0.05, 0.15, 0.6
APART = 0.1
"""The smallest gap, in accuracy, if chance is not on record."""

RUN_COLUMNS = ["arm", "seed", "value", "low", "two_kinds"]


def split_at_chance(scores: Array, chance: float | None) -> float | None:
    """The highest score of the low group, if `scores` [runs] of one arm are of two kinds; otherwise None.

    There is no rule for fewer than three runs.
    """
    if len(scores) < FEWEST_SEEDS:
        return None
    ordered = np.sort(scores)
    gaps = np.diff(ordered)
    at = int(gaps.argmax())
    low, high, gap = ordered[: at + 1], ordered[at + 1 :], float(gaps[at])
    width = float(max(np.ptp(low), np.ptp(high)))
    if chance is None:
        there = bool(low[-1] < high.mean() / 2 and gap >= max(APART, 2 * width))
    else:
        lead = float(high.mean()) - chance
        there = bool(lead >= LEAST and low[-1] <= chance + NEAR * lead and gap >= max(FAR * lead, width))
    return float(low[-1]) if there else None


def runs_by_kind(results: pd.DataFrame, chance: float | None) -> pd.DataFrame:
    """The confirm runs of the `confirmed` table by macro accuracy: `arm, seed, value, low, two_kinds`.

    two_kinds: the arm has two kinds of runs. low: the run is of the low group. In the other arms, a run is
    low if it is no better than the low group of some arm, so that an arm whose runs all end at chance has no
    success. Without an arm of two kinds no run is low.
    """
    runs = results.loc[results["language"] == "macro", ["arm", "seed", "value"]].reset_index(drop=True)
    tops = {
        arm: split_at_chance(values.to_numpy(float), chance)
        for arm, values in runs.groupby("arm", sort=False)["value"]
    }
    found = [top for top in tops.values() if top is not None]
    limits = [max(found, default=-np.inf) if tops[arm] is None else tops[arm] for arm in runs["arm"]]
    low = runs["value"].to_numpy(float) <= np.array(limits, dtype=float)
    two_kinds = [tops[arm] is not None for arm in runs["arm"]]
    return runs.assign(low=low, two_kinds=np.array(two_kinds, dtype=bool))[RUN_COLUMNS]
