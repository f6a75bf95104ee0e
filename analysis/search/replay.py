"""Would fewer trials show the same answer? The finished study is replayed with fewer trials and fewer seeds.

A replay agrees if it shows what the study shows: the same winner, or the same sign of a claim. What the study
does not show is no part of the answer: otherwise a replay with few seeds, which shows little, would agree
often.

The share of replays that agree is agreement with this study, not with the truth. Replays take the trials of
the study itself, without replacement: they agree more often if they hold more of the study, and always if
they hold all of it. A study that is wrong is agreed with as well. A low share means that the conclusion
depends on trials that a study like this could have lacked; a high share at a small budget means that the next
study of this kind may be cheaper.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from analysis.search.sampler_facts import Drawn
from analysis.statistics.conclusion import Conclude, conclusion, macro_by_seed
from analysis.statistics.effects.runs import Factors, runs_of, without_teacher_seed
from analysis.statistics.intervals import FEWEST_SEEDS, Array

__all__ = ["Draws", "replay"]

Indices = np.ndarray[Any, np.dtype[np.int64]]

COLUMNS = ["trials_per_arm", "seeds", "share_of_trials", "replays", "same"]
BUDGETS = 12
"""At most so many budgets are replayed. Of more budgets, some are chosen that are even in the logarithm."""


@dataclass(frozen=True)
class Draws:
    """How replays are drawn.

    drawn: which search trials a replay takes. replays: how many replays are drawn; with the first trials, at
    most so many. seed: the seed of the draws. The trials that a replay draws for b are among those for b + 1;
    likewise its seeds.
    """

    drawn: Drawn
    replays: int = 200
    seed: int = 0


def replay(
    search: pd.DataFrame,
    results: pd.DataFrame,
    factors: Factors,
    draws: Draws,
    conclude: Conclude | None = None,
) -> pd.DataFrame:
    """How often the study would show the same answer with b search trials an arm and s confirm seeds.

    Each replay takes b search trials of every arm (or all, if the arm has fewer) and draws s of the confirm
    seeds, the same seeds for all arms. If the trials do not depend on each other, the b trials are drawn at
    random: "apart" in each arm, or "alike", the same trials in all arms, if all arms tried the same points in
    the same order. An adaptive sampler learns: its late trials are better than the trials that a study of b
    trials would have. Therefore the b trials are the "first" ones, and replays differ only in their seeds:
    each choice of seeds is one replay, so with all seeds there is one replay.

    A replay selects in each arm as the study does (`study.selection`: the highest validation macro among
    complete trials), and concludes on the test macro of the selected trial. If the b trials of an arm hold no
    complete trial, the arm has no runs.

    The study confirmed only its own selection. The test scores of any other trial are not known. They are
    approximated by the confirm scores of the arm, shifted by

        validation macro of the replay's selection - validation macro of the study's selection

    which is zero or below, and does not depend on which of two equal trials was selected. Both scores are of
    one run at seed 0. The study selected its trial because its score is high, so the shift is on average
    larger than the difference of the two trials on fresh seeds: replays at small budgets lose more than
    smaller studies would (pessimistic, and to a different degree in arms with different noise). On the other
    hand, the shift is one number for all seeds of an arm and adds nothing to the spread over seeds: the
    intervals of a replay are as narrow as if its selection were as stable as the selection of the study
    (optimistic about significance). If b is the number of all trials, nothing is approximated.

    Args:
        search: search trials that ended (`analysis.search.trials`), in the order in which they were proposed:
            `arm, outcome, value`.
        results: the `confirmed` table; factors: its factors and their levels.
        conclude: by default the rule of `analysis.statistics.conclusion`.
        draws: how the replays are drawn.

    Returns:
        One row for each b and s, from the fewest seeds that the audit accepts (from two, if the study has
        only two): `trials_per_arm` (b), `seeds` (s), `share_of_trials` (the share of the study's search and
        confirm trials that a study of this size runs), `replays` (the number of replays), `same` (the share
        of replays that show all that the study shows; missing if the study shows nothing). The last row is
        the study itself. Arms without a confirm run are left out, also of the trials of the study. The
        table is empty with fewer than two arms (arms that differ only in the seed of the teacher are one
        arm), with fewer than two seeds, or without a search trial.
    """
    runs = runs_of(results, factors)
    arms, macro = runs.arms, macro_by_seed(runs)
    seeds = macro.shape[1]
    if len(set(map(without_teacher_seed, arms))) < 2 or seeds < 2:
        return pd.DataFrame(columns=COLUMNS)
    if conclude is None:
        conclude = conclusion(results, factors).of
    rng, drawn, replays = np.random.default_rng(draws.seed), draws.drawn, draws.replays
    of_arms = [search[search["arm"] == arm] for arm in arms]
    counts = np.array([len(trials) for trials in of_arms], dtype=int)
    orders = _orders(counts, replays, drawn, rng)
    shifts = [_shifts(trials, order) for trials, order in zip(of_arms, orders, strict=True)]
    of_seeds = rng.permuted(np.tile(np.arange(seeds), (replays, 1)), axis=1)
    whole = conclude(macro[None])[0]
    shown = whole != 0
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
            agree = (conclude(replayed) == whole)[:, shown].all(axis=1)
            same = float(agree.mean()) if shown.any() else math.nan
            rows.append([b, s, float(share), len(chosen), same])
    return pd.DataFrame(rows, columns=COLUMNS)


def _orders(counts: Indices, replays: int, drawn: Drawn, rng: np.random.Generator) -> Iterator[Indices]:
    """For each arm [replays x n]: the order in which a replay takes the n trials of the arm."""
    all_points = np.tile(np.arange(counts.max(initial=0)), (replays, 1))
    if drawn == "alike":
        all_points = rng.permuted(all_points, axis=1)
    for count in counts:
        order = all_points[all_points < count].reshape(replays, count)
        yield rng.permuted(order, axis=1) if drawn == "apart" else order


def _shifts(trials: pd.DataFrame, order: Indices) -> Array:
    """[replays x b = 1 ... n]: the score of the best of the first b of n trials, minus the best score of the
    study.

    The value is missing if none of the b trials is complete. It is zero if the record has no complete trial
    of the arm: then the confirmed values are taken as given.
    """
    scores = trials["value"].where(trials["outcome"] == "complete").to_numpy(float)
    if not np.isfinite(scores).any():
        return np.zeros((len(order), 1))
    return np.fmax.accumulate(scores[order], axis=1) - np.nanmax(scores)


def _budgets(most: int) -> list[int]:
    if most <= BUDGETS:
        return list(range(1, most + 1))
    return sorted(set(np.geomspace(1, most, BUDGETS).round().astype(int).tolist()))
