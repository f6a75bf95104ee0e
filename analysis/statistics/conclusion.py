"""What a study concludes, as a code: for many replays at once, by the rules of `analysis.verdict.answer`."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.special import stdtr, stdtrit

from analysis.statistics.effects.contrasts import copy_and_distillation, copy_with_distillation
from analysis.statistics.effects.runs import Factors, Runs, runs_of, without_teacher_seed
from analysis.statistics.fractions import advantage_slopes
from analysis.statistics.intervals import ALPHA, MARGIN, TINY, Array

__all__ = ["DOWN", "EQUAL", "UP", "Conclude", "Conclusion", "conclusion", "macro_by_seed"]

TEMPORARY = 64 * 2**20
"""Bytes of the largest array: replays whose comparisons would take more are concluded in parts."""

Codes = np.ndarray[Any, np.dtype[np.int64]]
Conclude = Callable[[Array], Codes]
"""Macro accuracy [replays x arms x seeds], NaN where an arm has no run, to one code a replay: 0 where it
concludes nothing."""

UP, DOWN, EQUAL = 1, 2, 3
"""What is said of a number that a claim is about; 0 where nothing is."""


class _Sum(NamedTuple):
    """A weighted sum of arms: their numbers and weights. It is to be within `MARGIN` / `span` to be none."""

    arms: Codes
    weights: Array
    span: float = 1.0


class _Tests(NamedTuple):
    """Paired t tests: mean difference, its standard error, the two-sided p of no difference, seeds - 1."""

    mean: Array
    error: Array
    p: Array
    df: Array

    def within(self, tests: Array | int = 1) -> Array:
        """As `analysis.statistics.intervals.Interval.within`, at 5% for so many `tests` together."""
        with np.errstate(invalid="ignore"):
            ends = np.abs(self.mean) + self.error * stdtrit(self.df, 1 - ALPHA / tests)
        return np.where(np.isfinite(self.p), ends, np.nan)


@dataclass(frozen=True)
class Conclusion:
    """about: what it is on, as a report says it."""

    about: str
    of: Conclude


def conclusion(results: pd.DataFrame, factors: Factors) -> Conclusion:
    """What `analysis.verdict.answer` would say of a study of these factors, were there no finding.

    Where the factors ask claim C1, the sign of copying minus distilling, and of how the one depends on the
    other; else, where they ask claim C4, the sign of its slope for each `teacher_data`; each sign where its
    paired t test over seeds is below 5% after Holm's correction for these, or that there is no difference,
    where two one-sided tests show it. Where they ask neither, the arm that wins: the best one, on the seeds
    that all arms share, where its paired t test against every other arm is below 5% after Holm's correction
    for all pairs of arms, and that against the next one after Bonferroni's too; or that these two are equal.

    Claims are of the arms that the study has: a replay in which one of them has no run shows no sign.
    """
    runs = runs_of(results, factors)
    if claim := _claim(runs, factors):
        about = (
            "the sign of the effect of copying minus that of distilling (claim C1), or that there is no "
            "difference, and how the one depends on the other"
        )
        return Conclusion(about, partial(_signs, claim))
    if slopes := _slopes(runs, factors):
        each = " for each teacher_data" if len(slopes) > 1 else ""
        about = f"whether the copy's advantage rises, falls or stays as data shrinks (claim C4){each}"
        return Conclusion(about, partial(_signs, slopes))
    of_teachers: dict[str, list[int]] = {}  # arms that differ by the teacher's seed alone are one
    for number, arm in enumerate(runs.arms):
        of_teachers.setdefault(without_teacher_seed(arm), []).append(number)

    def wins(macro: Array) -> Codes:
        return _winner(np.stack([macro[:, arms].mean(axis=1) for arms in of_teachers.values()], axis=1))

    return Conclusion("which arm is above all others, or that the best two are equal, if any", wins)


def macro_by_seed(runs: Runs) -> Array:
    """Macro accuracy over the languages that all arms share: [arms x seeds]."""
    shared = list(runs.shared(range(len(runs.arms))))
    if not shared:
        return np.full(runs.values.shape[:2], np.nan)
    return runs.values[:, :, shared].mean(axis=2)


def _claim(runs: Runs, factors: Factors) -> list[_Sum]:
    """Claim C1's number, and how copying and distilling act on one another: no equality is told of that."""
    macro, sums = macro_by_seed(runs)[:, :, None], []
    contrasts = copy_and_distillation(runs, factors), copy_with_distillation(runs, factors)
    for contrast, span in zip(contrasts, (1.0, math.inf), strict=True):
        if contrast and (paired := contrast.paired(macro)):
            arms = np.array(paired.arms)
            sums.append(_Sum(arms, paired.weights[arms], span))
    return sums


def _slopes(runs: Runs, factors: Factors) -> list[_Sum]:
    """Claim C4's numbers, one for each `teacher_data`.

    They are of the cells that the study has: an arm that the contrast drops takes no seed away. One of a
    fraction in the middle has a weight of 0, and yet a seed counts only where it has a run.
    """
    sums = []
    for slope in advantage_slopes(runs, factors):
        if paired := slope.contrast.paired(macro_by_seed(slope.runs)[:, :, None]):
            arms = list(paired.arms)
            of_runs = np.array([runs.arms.index(slope.runs.arms[arm]) for arm in arms])
            sums.append(_Sum(of_runs, paired.weights[arms], slope.decades))
    return sums


def _signs(sums: list[_Sum], macro: Array) -> Codes:
    """Of each replay what its seeds show of every sum, in base 4."""
    found = [_paired_t(np.einsum("a,ras->rs", each.weights, macro[:, each.arms])) for each in sums]
    corrected = _holm(np.stack([tests.p for tests in found], axis=1))
    codes = np.zeros(len(macro), dtype=np.int64)
    for number, (tests, each) in enumerate(zip(found, sums, strict=True)):
        equal = (tests.p >= ALPHA) & (tests.within() <= MARGIN / each.span)
        shown = corrected[:, number] < ALPHA
        codes += 4**number * np.where(shown, np.where(tests.mean > 0, UP, DOWN), EQUAL * equal)
    return codes


def _winner(macro: Array) -> Codes:
    """Of each replay the number of the arm that wins, the first being 1; 0 where none does, as of one arm.

    Below 0 where the best two are shown to be equal: another number for every two.

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
    tests = _paired_t(macro[:, one] - macro[:, other])
    sign = np.where(one == best, 1, np.where(other == best, -1, 0))
    pairs = has_runs[:, one] & has_runs[:, other]
    count = pairs.sum(axis=1)
    against = (sign != 0) & pairs
    ahead = np.where(against, sign * tests.mean, np.inf)
    next_best = ahead.argmin(axis=1, keepdims=True)

    def of_next(values: Array) -> Array:
        return np.take_along_axis(values, next_best, axis=1)[:, 0]

    differs = of_next(tests.p) * count < ALPHA  # its interval, Bonferroni's, has no 0
    above_next = (of_next(ahead) > 0) & differs
    above_all = ((_holm(tests.p) < ALPHA) | ~against).all(axis=1)
    compared = against.any(axis=1) & common.any(axis=1)
    within = of_next(tests.within(np.maximum(count, 1)[:, None]))
    equal = compared & ~differs & (within <= MARGIN)
    won = np.where(compared & above_next & above_all, best[:, 0] + 1, 0)
    return np.where(equal, -1 - next_best[:, 0], won)


def _paired_t(differences: Array) -> _Tests:
    """Over the last axis, as `analysis.statistics.intervals.paired_t` of what is not missing there."""
    there = np.isfinite(differences)
    n = there.sum(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(there, differences, 0).sum(axis=-1) / n
        squares = np.where(there, differences - mean[..., None], 0) ** 2
        error = np.sqrt(squares.sum(axis=-1) / (n - 1) / n)
        p = 2 * stdtr(n - 1.0, -np.abs(mean) / error)
    return _Tests(mean, error, np.where(error > TINY, p, np.nan), n - 1.0)


def _holm(p: Array) -> Array:
    """p of each row of [replays x tests] corrected for its row (Holm 1979); missing ones do not count."""
    order = np.argsort(p, axis=1)  # missing ones last
    left = np.isfinite(p).sum(axis=1, keepdims=True) - np.arange(p.shape[1])
    corrected = np.maximum.accumulate(np.take_along_axis(p, order, axis=1) * left, axis=1)
    found = np.empty_like(p)
    np.put_along_axis(found, order, np.minimum(corrected, 1), axis=1)
    return found
