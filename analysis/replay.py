"""Would fewer trials have told the same? The finished study replayed at smaller budgets and fewer seeds.

The share of replays that agree is agreement with this study, not with the truth. Replays take the
study's own trials, without replacement, so they agree the more the more of it they hold, and with all of
it always; a study that is wrong is agreed with as well. A low share says that the conclusion hung on
trials that might as well not have been run; a high share at a small budget, that the next study of this
kind may be cheaper.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import stdtr

from analysis.effects.contrasts import copy_and_distillation
from analysis.effects.runs import Factors, Runs, runs_of
from analysis.intervals import ALPHA, TINY, Array

__all__ = ["Conclude", "replay", "winner_and_claim"]

COLUMNS = ["trials_per_arm", "seeds", "share_of_trials", "same"]
BUDGETS = 12
"""At most so many budgets are replayed, evenly spaced in the logarithm where there are more."""
TEMPORARY = 64 * 2**20
"""Bytes of the largest array: replays whose comparisons would take more are concluded in parts."""

Codes = np.ndarray[Any, np.dtype[np.int64]]
Conclude = Callable[[Array], Codes]
"""Macro accuracy [replays x arms x seeds], NaN where an arm has no run, to one code a replay."""


def replay(
    search: pd.DataFrame,
    results: pd.DataFrame,
    factors: Factors,
    conclude: Conclude | None = None,
    replays: int = 200,
    seed: int = 0,
    *,
    adaptive: bool,
) -> pd.DataFrame:
    """How often the study would have concluded the same from b search trials an arm and s confirm seeds.

    Each replay takes b of every arm's search trials (all, where it has fewer) and draws s of the confirm
    seeds, the same for all arms. Where trials do not depend on each other, the b are drawn at random. An
    `adaptive` sampler learns: its late trials are better than those that a study of b would have asked for,
    so the b are the first ones, and seeds alone are drawn.

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
        search: search trials that ended (`analysis.search`), as they were asked: `arm, outcome, value`.
        results: the `confirmed` table; factors: its factors and their levels.
        conclude: default `winner_and_claim`.
        adaptive: whether the search's trials depend on the scores of those before them.
        seed: of the draws. One replay's draws for b are among those for b + 1, and so with seeds.

    Returns:
        One row for each b and s >= 2: `trials_per_arm` (b), `seeds` (s), `share_of_trials` (of the study's
        search and confirm trials, how many such a study runs), `same` (share of replays with the study's
        conclusion). Empty where there are fewer than two seeds, or no search trial.
    """
    arms, macro = _macro(results)
    seeds = macro.shape[1]
    if not len(arms) or seeds < 2:
        return pd.DataFrame(columns=COLUMNS)
    if conclude is None:
        conclude = winner_and_claim(results, factors)
    rng = np.random.default_rng(seed)
    of_arms = [search[search["arm"] == arm] for arm in arms]
    counts = np.array([len(trials) for trials in of_arms], dtype=int)
    shifts = [_shifts(trials, replays, None if adaptive else rng) for trials in of_arms]
    drawn = rng.permuted(np.tile(np.arange(seeds), (replays, 1)), axis=1)
    whole = conclude(macro[None])[0]
    rows = []
    for b in _budgets(counts.max(initial=0)):
        shift = np.stack([of_arm[:, min(b, of_arm.shape[1]) - 1] for of_arm in shifts], axis=1)
        for s in range(2, seeds + 1):
            replayed = macro[:, drawn[:, :s]].swapaxes(0, 1) + shift[:, :, None]
            spent = np.minimum(b, counts).sum() + s * len(arms)
            share = spent / (counts.sum() + seeds * len(arms))
            rows.append([b, s, float(share), float((conclude(replayed) == whole).mean())])
    return pd.DataFrame(rows, columns=COLUMNS)


def winner_and_claim(results: pd.DataFrame, factors: Factors) -> Conclude:
    """The conclusion on which arm wins, and on the sign of claim C1 where the study asks about it.

    By the rules of `analysis.effects`, for many replays at once: the best arm, on the seeds that all arms
    share, wins where its paired t test over seeds against every other arm is below 5% after Holm's
    correction for all pairs of arms, and that against the next one after Bonferroni's too; copying minus
    distilling has the sign of its estimate where its own test is below 5%, else none.
    """
    runs = runs_of(results, factors)
    contrast = copy_and_distillation(runs, factors)
    paired = contrast.paired(_shared(runs)) if contrast else None

    def conclude(macro: Array) -> Codes:
        codes = 3 * _winner(macro)
        if paired:
            used = np.flatnonzero(paired.weights)
            mean, p = _paired_t(np.einsum("a,ras->rs", paired.weights[used], macro[:, used]))
            codes += np.where(p < ALPHA, np.sign(mean), 0).astype(int)
        return codes

    return conclude


def _winner(macro: Array) -> Codes:
    """Of each replay the arm that wins; -1 where none does.

    Of 400 arms there are 80,000 pairs, so only so many replays are compared at once.
    """
    _, arms, seeds = macro.shape
    at_once = max(1, TEMPORARY // max(1, macro.itemsize * seeds * arms * (arms - 1) // 2))
    return np.concatenate([_winners(macro[n : n + at_once]) for n in range(0, len(macro), at_once)])


def _winners(macro: Array) -> Codes:
    there = np.isfinite(macro)
    has_runs: Any = there.any(axis=2)
    common: Any = (there | ~has_runs[:, :, None]).all(axis=1)
    total = np.where(there & common[:, None], macro, 0).sum(axis=2)
    best = np.where(has_runs, total, -np.inf).argmax(axis=1)[:, None]
    one, other = np.triu_indices(macro.shape[1], 1)
    mean, p = _paired_t(macro[:, one] - macro[:, other])
    sign = np.where(one == best, 1, np.where(other == best, -1, 0))
    pairs = has_runs[:, one] & has_runs[:, other]
    against = (sign != 0) & pairs
    ahead = np.where(against, sign * mean, np.inf)
    next_best = ahead.argmin(axis=1, keepdims=True)
    by, p_next = (np.take_along_axis(values, next_best, axis=1)[:, 0] for values in (ahead, p))
    above_next = (by > 0) & (p_next * pairs.sum(axis=1) < ALPHA)  # its interval, Bonferroni's, is above 0
    above_all = ((_holm(p) < ALPHA) | ~against).all(axis=1)
    shown = against.any(axis=1) & common.any(axis=1) & above_next & above_all
    return np.where(shown, best[:, 0], -1)


def _paired_t(differences: Array) -> tuple[Array, Array]:
    """(mean, p) over the last axis, as `analysis.intervals.paired_t` of what is not missing there."""
    there = np.isfinite(differences)
    n = there.sum(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(there, differences, 0).sum(axis=-1) / n
        squares = np.where(there, differences - mean[..., None], 0) ** 2
        error = np.sqrt(squares.sum(axis=-1) / (n - 1) / n)
        p = 2 * stdtr(n - 1.0, -np.abs(mean) / error)
    return mean, np.where(error > TINY, p, np.nan)


def _holm(p: Array) -> Array:
    """p of each row of [replays x tests] corrected for its row (Holm 1979); missing ones do not count."""
    order = np.argsort(p, axis=1)  # missing ones last
    left = np.isfinite(p).sum(axis=1, keepdims=True) - np.arange(p.shape[1])
    corrected = np.maximum.accumulate(np.take_along_axis(p, order, axis=1) * left, axis=1)
    found = np.empty_like(p)
    np.put_along_axis(found, order, np.minimum(corrected, 1), axis=1)
    return found


def _shifts(trials: pd.DataFrame, replays: int, rng: np.random.Generator | None) -> Array:
    """[replays x b = 1 ... n]: score of the best of the first b of n trials, minus the study's best.

    They are shuffled in each replay; without `rng` they stand as they are. Missing where none of them is
    complete. Zero where the study itself has none on record: what it confirmed then is taken as given.
    """
    scores = trials["value"].where(trials["outcome"] == "complete").to_numpy(float)
    if not np.isfinite(scores).any():
        return np.zeros((replays, 1))
    taken = np.tile(scores, (replays, 1))
    if rng is not None:
        taken = rng.permuted(taken, axis=1)
    return np.fmax.accumulate(taken, axis=1) - np.nanmax(scores)


def _macro(results: pd.DataFrame) -> tuple[tuple[str, ...], Array]:
    """The arms, and macro accuracy over the languages that all of them share: [arms x seeds]."""
    runs = runs_of(results, {})
    return runs.arms, _shared(runs)[:, :, 0]


def _shared(runs: Runs) -> Array:
    """Macro accuracy over the languages that all arms share, as the one language: [arms x seeds x 1]."""
    shared = list(runs.shared(range(len(runs.arms))))
    if not shared:
        return np.full((*runs.values.shape[:2], 1), np.nan)
    return runs.values[:, :, shared].mean(axis=2, keepdims=True)


def _budgets(most: int) -> list[int]:
    if most <= BUDGETS:
        return list(range(1, most + 1))
    return sorted(set(np.geomspace(1, most, BUDGETS).round().astype(int).tolist()))
