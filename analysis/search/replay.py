"""Would fewer trials have told the same? The finished study replayed at smaller budgets and fewer seeds.

The share of replays that agree is agreement with this study, not with the truth. Replays take the
study's own trials, without replacement, so they agree the more the more of it they hold, and with all of
it always; a study that is wrong is agreed with as well. A low share says that the conclusion hung on
trials that might as well not have been run; a high share at a small budget, that the next study of this
kind may be cheaper.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from analysis.search.sampler_facts import Drawn
from analysis.statistics.conclusion import Conclude, conclusion, macro_by_seed
from analysis.statistics.effects.runs import Factors, runs_of, without_teacher_seed
from analysis.statistics.intervals import FEWEST_SEEDS, Array

__all__ = ["replay"]

Indices = np.ndarray[Any, np.dtype[np.int64]]

COLUMNS = ["trials_per_arm", "seeds", "share_of_trials", "replays", "same", "none"]
BUDGETS = 12
"""At most so many budgets are replayed, evenly spaced in the logarithm where there are more."""


def replay(
    search: pd.DataFrame,
    results: pd.DataFrame,
    factors: Factors,
    conclude: Conclude | None = None,
    replays: int = 200,
    seed: int = 0,
    *,
    drawn: Drawn,
) -> pd.DataFrame:
    """How often the study would have concluded the same from b search trials an arm and s confirm seeds.

    Each replay takes b of every arm's search trials (all, where it has fewer) and draws s of the confirm
    seeds, the same for all arms. Where trials do not depend on each other, the b are drawn at random: "apart"
    in each arm, or "alike", the same ones in all arms, where these tried the same points in the same order.
    An adaptive sampler learns: its late trials are better than those that a study of b would have asked for,
    so the b are the "first" ones, and seeds alone differ between replays: each choice of them is one replay,
    so that with all seeds there is a single one.

    A replay selects in each arm as the study does (`study.selection`: the highest validation macro among
    complete trials), and concludes on the test macro of what it selected. An arm whose b trials hold no
    complete one has no runs.

    Only the study's own selection was confirmed. Of any other trial the test scores are not known, and
    an approximation stands for them: the arm's confirm scores, shifted by

        validation macro of the replay's selection - validation macro of the study's selection

    which is zero or below, and the same whichever of two equal trials was selected. Both scores are of one
    run at seed 0. The study's was chosen for being high, so the gap is on average larger than that of what
    the two would score on fresh seeds: replays at small budgets lose more than they would (pessimistic, and
    differently by arm where arms differ in noise). On the other hand the shift is one number for all seeds
    of an arm: it adds nothing to the spread over seeds, so the intervals of a replay are as narrow as if
    its selection were as stable as the study's (optimistic about significance). Where b holds all trials
    there is no approximation.

    Args:
        search: search trials that ended (`analysis.search.trials`), as they were asked: `arm, outcome,
        value`. results: the `confirmed` table; factors: its factors and their levels. conclude: default that
        of `analysis.statistics.conclusion`. replays: how many are drawn; of the first trials at most so many.
        drawn: which trials a replay takes. seed: of the draws. One replay's draws for b are among those for b
        + 1, and so with seeds.

    Returns:
        One row for each b and s, from the fewest seeds that the audit lets pass (from two, where the study
        itself has no more): `trials_per_arm` (b), `seeds` (s), `share_of_trials` (of the study's
        search and confirm trials, how many such a study runs), `replays` (how many there are), `same` (share
        of them with the study's conclusion), `none` (of those that conclude nothing). The last row is the
        study itself: its `none` is 1 where it concludes nothing, and then `same` is agreement on nothing.
        Arms without a confirm run are left out, also of what the study ran. Empty where there are fewer than
        two arms that could be concluded of (those that differ by the teacher's seed alone are one) or two
        seeds, or no search trial.
    """
    runs = runs_of(results, factors)
    arms, macro = runs.arms, macro_by_seed(runs)
    seeds = macro.shape[1]
    if len(set(map(without_teacher_seed, arms))) < 2 or seeds < 2:
        return pd.DataFrame(columns=COLUMNS)
    if conclude is None:
        conclude = conclusion(results, factors).of
    rng = np.random.default_rng(seed)
    of_arms = [search[search["arm"] == arm] for arm in arms]
    counts = np.array([len(trials) for trials in of_arms], dtype=int)
    orders = _orders(counts, replays, drawn, rng)
    shifts = [_shifts(trials, order) for trials, order in zip(of_arms, orders, strict=True)]
    of_seeds = rng.permuted(np.tile(np.arange(seeds), (replays, 1)), axis=1)
    whole = conclude(macro[None])[0]
    rows = []
    for b in _budgets(counts.max(initial=0)):
        shift = np.stack([of_arm[:, min(b, of_arm.shape[1]) - 1] for of_arm in shifts], axis=1)
        for s in range(min(FEWEST_SEEDS, seeds), seeds + 1):
            chosen = of_seeds[:, :s]
            if drawn == "first" and math.comb(seeds, s) <= replays:
                chosen = np.array(list(itertools.combinations(range(seeds), s)))
            replayed = macro[:, chosen].swapaxes(0, 1) + shift[: len(chosen), :, None]
            spent = np.minimum(b, counts).sum() + s * len(arms)
            share = spent / (counts.sum() + seeds * len(arms))
            codes = conclude(replayed)
            same, none = float((codes == whole).mean()), float((codes == 0).mean())
            rows.append([b, s, float(share), len(chosen), same, none])
    return pd.DataFrame(rows, columns=COLUMNS)


def _orders(counts: Indices, replays: int, drawn: Drawn, rng: np.random.Generator) -> Iterator[Indices]:
    """For each arm [replays x n]: in which order a replay takes its n trials."""
    all_points = np.tile(np.arange(counts.max(initial=0)), (replays, 1))
    if drawn == "alike":
        all_points = rng.permuted(all_points, axis=1)
    for count in counts:
        order = all_points[all_points < count].reshape(replays, count)
        yield rng.permuted(order, axis=1) if drawn == "apart" else order


def _shifts(trials: pd.DataFrame, order: Indices) -> Array:
    """[replays x b = 1 ... n]: score of the best of the first b of n trials, minus the study's best.

    Missing where none of them is complete. Zero where the study itself has none on record: what it confirmed
    then is taken as given.
    """
    scores = trials["value"].where(trials["outcome"] == "complete").to_numpy(float)
    if not np.isfinite(scores).any():
        return np.zeros((len(order), 1))
    return np.fmax.accumulate(scores[order], axis=1) - np.nanmax(scores)


def _budgets(most: int) -> list[int]:
    if most <= BUDGETS:
        return list(range(1, most + 1))
    return sorted(set(np.geomspace(1, most, BUDGETS).round().astype(int).tolist()))
