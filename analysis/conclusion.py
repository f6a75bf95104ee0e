"""What a study concludes, as a code: for many replays of it at once, by the rules of `analysis.answer`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import stdtr

from analysis.effects.contrasts import copy_and_distillation
from analysis.effects.runs import Factors, Runs, runs_of, without_teacher_seed
from analysis.fractions import advantage_slopes
from analysis.intervals import ALPHA, TINY, Array

__all__ = ["Conclude", "Conclusion", "conclusion", "macro_by_seed"]

TEMPORARY = 64 * 2**20
"""Bytes of the largest array: replays whose comparisons would take more are concluded in parts."""

Codes = np.ndarray[Any, np.dtype[np.int64]]
Conclude = Callable[[Array], Codes]
"""Macro accuracy [replays x arms x seeds], NaN where an arm has no run, to one code a replay: 0 where it
concludes nothing."""

Sum = tuple[Codes, Array]
"""A weighted sum of arms: the numbers of those that it takes, and their weights."""


@dataclass(frozen=True)
class Conclusion:
    """about: what it is on, as a report says it."""

    about: str
    of: Conclude


def conclusion(results: pd.DataFrame, factors: Factors) -> Conclusion:
    """What `analysis.answer` would say of a study of these factors, were there no finding.

    Where the factors ask claim C1, the sign of copying minus distilling; else, where they ask claim C4, the
    sign of its slope for each `teacher_data`; each sign where its own paired t test over seeds is below 5%,
    else none. Where they ask neither, the arm that wins: the best one, on the seeds that all arms share,
    where its paired t test against every other arm is below 5% after Holm's correction for all pairs of arms,
    and that against the next one after Bonferroni's too.

    Claims are of the arms that the study has: a replay in which one of them has no run shows no sign.
    """
    runs = runs_of(results, factors)
    contrast = copy_and_distillation(runs, factors)
    if contrast and (paired := contrast.paired(macro_by_seed(runs)[:, :, None])):
        about = "the sign of the effect of copying minus that of distilling (claim C1)"
        arms = np.array(paired.arms)
        return Conclusion(about, partial(_signs, [(arms, paired.weights[arms])]))
    if slopes := _slopes(runs, factors):
        each = " for each teacher_data" if len(slopes) > 1 else ""
        about = f"whether the copy's advantage rises or falls as data shrinks (claim C4){each}"
        return Conclusion(about, partial(_signs, slopes))
    of_teachers: dict[str, list[int]] = {}  # arms that differ by the teacher's seed alone are one
    for number, arm in enumerate(runs.arms):
        of_teachers.setdefault(without_teacher_seed(arm), []).append(number)

    def wins(macro: Array) -> Codes:
        return _winner(np.stack([macro[:, arms].mean(axis=1) for arms in of_teachers.values()], axis=1))

    return Conclusion("which arm is above all others, if any", wins)


def macro_by_seed(runs: Runs) -> Array:
    """Macro accuracy over the languages that all arms share: [arms x seeds]."""
    shared = list(runs.shared(range(len(runs.arms))))
    if not shared:
        return np.full(runs.values.shape[:2], np.nan)
    return runs.values[:, :, shared].mean(axis=2)


def _slopes(runs: Runs, factors: Factors) -> list[Sum]:
    """Claim C4's numbers, one for each `teacher_data`.

    They are of the cells that the study has: an arm that the contrast drops takes no seed away. One of a
    fraction in the middle has a weight of 0, and yet a seed counts only where it has a run.
    """
    sums = []
    for slope in advantage_slopes(runs, factors):
        if paired := slope.contrast.paired(macro_by_seed(slope.runs)[:, :, None]):
            arms = list(paired.arms)
            of_runs = np.array([runs.arms.index(slope.runs.arms[arm]) for arm in arms])
            sums.append((of_runs, paired.weights[arms]))
    return sums


def _signs(sums: list[Sum], macro: Array) -> Codes:
    """Of each replay the sign of every sum that its seeds show, in base 3."""
    codes = np.zeros(len(macro), dtype=np.int64)
    for number, (used, weights) in enumerate(sums):
        mean, p = _paired_t(np.einsum("a,ras->rs", weights, macro[:, used]))
        codes += 3**number * (np.where(p < ALPHA, np.sign(mean), 0).astype(np.int64) % 3)
    return codes


def _winner(macro: Array) -> Codes:
    """Of each replay the number of the arm that wins, the first being 1; 0 where none does, as of one arm.

    Of 400 arms there are 80,000 pairs, so only so many replays are compared at once.
    """
    _, arms, seeds = macro.shape
    if arms < 2:
        return np.zeros(len(macro), dtype=np.int64)
    at_once = max(1, TEMPORARY // max(1, macro.itemsize * seeds * arms * (arms - 1) // 2))
    return np.concatenate([_winners(macro[n : n + at_once]) for n in range(0, len(macro), at_once)])


def _winners(macro: Array) -> Codes:
    there = np.isfinite(macro)
    has_runs: Any = there.any(axis=2)
    common: Any = (there | ~has_runs[:, :, None]).all(axis=1)
    macro = np.where(common[:, None], macro, np.nan)  # arms are compared on what chose the best
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
    return np.where(shown, best[:, 0] + 1, 0)


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
