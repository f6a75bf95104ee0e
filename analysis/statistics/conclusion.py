"""What a study concludes, as a code: for many replays at once, by the rules of `analysis.verdict.answer`."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.special import stdtr, stdtrit

from analysis.statistics.effects.contrasts import (
    Paired,
    copy_and_distillation,
    copy_with_distillation,
)
from analysis.statistics.effects.runs import Factors, Runs, over_teachers, runs_of, without_teacher_seed
from analysis.statistics.effects.texts import Correct, Spread
from analysis.statistics.fractions import advantage_slopes
from analysis.statistics.intervals import ALPHA, MARGIN, TINY, Array

__all__ = ["DOWN", "EQUAL", "UP", "Conclude", "Conclusion", "conclusion", "macro_by_seed"]

TEMPORARY = 64 * 2**20
"""Bytes of the largest array: if the comparisons would need more, the replays are handled in parts."""

Codes = np.ndarray[Any, np.dtype[np.int64]]
Conclude = Callable[[Array], Codes]
"""Macro accuracy [replays x arms x seeds], NaN if an arm has no run, to a code for each replay; 0: none."""

UP, DOWN, EQUAL = 1, 2, 3
"""Codes for the number of a claim: above zero, below zero, no difference. Code 0: the runs show nothing."""


class _Texts(NamedTuple):
    """What the test texts add to variances (`analysis.statistics.effects.precision`), one number for each
    test: the part that all seeds share, the errors of single answers of one seed, and degrees of freedom.
    Zero without texts.
    """

    shared: Array | float = 0.0
    of_one_seed: Array | float = 0.0
    df: Array | float = 1.0

    @classmethod
    def of(cls, spreads: Sequence[Spread | None], seeds: int) -> _Texts:
        """Of the differences of a study over `seeds` seeds; a replay has fewer of them."""
        parts = [(s.shared, (s.whole - s.shared) * seeds, s.df) if s else (0.0, 0.0, 1.0) for s in spreads]
        shared, of_one_seed, df = np.array(parts).reshape(-1, 3).T
        return cls(shared, of_one_seed, df)


NO_TEXTS = _Texts()


class _Sum(NamedTuple):
    """A weighted sum of arms: numbers and weights. A sum within `MARGIN` / `span` counts as no difference."""

    arms: Codes
    weights: Array
    texts: _Texts
    span: float = 1.0


class _Tests(NamedTuple):
    """Paired t tests: mean difference, its standard error, two-sided p of no difference, degrees of
    freedom.
    """

    mean: Array
    error: Array
    p: Array
    df: Array

    def within(self, tests: Array | int = 1) -> Array:
        """Like `analysis.statistics.intervals.Interval.within`, at 5% for `tests` tests together."""
        with np.errstate(invalid="ignore"):
            ends = np.abs(self.mean) + self.error * stdtrit(self.df, 1 - ALPHA / tests)
        return np.where(np.isfinite(self.p), ends, np.nan)


@dataclass(frozen=True)
class Conclusion:
    """about: the subject of the conclusion, as part of a sentence. of: from accuracies to codes."""

    about: str
    of: Conclude


def conclusion(
    results: pd.DataFrame,
    factors: Factors,
    shares: Mapping[Any, float] | None = None,
    correct: Correct | None = None,
) -> Conclusion:
    """What `analysis.verdict.answer` concludes of a study of these factors if the audit has no findings.

    If the factors ask claim C1: the sign of copying minus distilling, and the sign of their interaction.
    Otherwise, if the factors ask claim C4: the sign of the slope for each `teacher_data`. A sign is shown if
    its paired t test over seeds is below 5% after Holm's correction for these numbers; "no difference" is
    shown by two one-sided tests. Otherwise: the arm that wins. That is the best arm, on the seeds that all
    arms share, if its paired t test against every other arm is below 5% after Holm's correction for all pairs
    of arms, and the test against the next arm also after Bonferroni's correction; or the conclusion that
    these two arms are equal. `shares` are the shares that data fractions came to, as for
    `analysis.statistics.fractions.fraction_interaction`; `correct` is as for `effects`.

    Claims are about the arms of the study: a replay in which one of these arms has no run shows no sign.
    """
    runs = runs_of(results, factors, correct=correct)
    if claim := _claim(runs, factors):
        about = (
            "the sign of the effect of copying minus the effect of distilling (claim C1), or that there is "
            "no "
            "difference, and how one effect depends on the other"
        )
        return Conclusion(about, partial(_signs, claim))
    if slopes := _slopes(runs, factors, shares):
        each = " for each teacher_data" if len(slopes) > 1 else ""
        about = f"whether the copy's advantage rises, falls or stays as data shrinks (claim C4){each}"
        return Conclusion(about, partial(_signs, slopes))
    of_teachers: dict[str, list[int]] = {}  # arms that differ only in the teacher's seed
    for number, arm in enumerate(runs.arms):
        of_teachers.setdefault(without_teacher_seed(arm), []).append(number)
    texts = _texts_of_pairs(over_teachers(runs))

    def wins(macro: Array) -> Codes:
        of_arms = np.stack([macro[:, arms].mean(axis=1) for arms in of_teachers.values()], axis=1)
        return _winner(of_arms, texts)

    return Conclusion("which arm is above all others, or that the best two are equal, if any", wins)


def macro_by_seed(runs: Runs) -> Array:
    """Macro accuracy over the languages that all arms share: [arms x seeds]."""
    shared = list(runs.shared(range(len(runs.arms))))
    if not shared:
        return np.full(runs.values.shape[:2], np.nan)
    return runs.values[:, :, shared].mean(axis=2)


def _claim(runs: Runs, factors: Factors) -> list[_Sum]:
    """The number of claim C1, and the interaction of copying and distilling, without a test of equality."""
    macro, sums = macro_by_seed(runs)[:, :, None], []
    contrasts = copy_and_distillation(runs, factors), copy_with_distillation(runs, factors)
    for contrast, span in zip(contrasts, (1.0, math.inf), strict=True):
        if contrast and (paired := contrast.paired(macro)):
            arms = np.array(paired.arms)
            sums.append(_Sum(arms, paired.weights[arms], _texts(runs, paired), span))
    return sums


def _slopes(runs: Runs, factors: Factors, shares: Mapping[Any, float] | None) -> list[_Sum]:
    """The numbers of claim C4, one for each `teacher_data`.

    They are over the cells of the study: an arm that the contrast drops removes no seed. An arm of a fraction
    in the middle may have the weight 0, and still a seed counts only if this arm has a run.
    """
    sums = []
    for slope in advantage_slopes(runs, factors, shares=shares):
        if paired := slope.contrast.paired(macro_by_seed(slope.runs)[:, :, None]):
            arms = list(paired.arms)
            of_runs = np.array([runs.arms.index(slope.runs.arms[arm]) for arm in arms])
            sums.append(_Sum(of_runs, paired.weights[arms], _texts(slope.runs, paired), slope.decades))
    return sums


def _texts(runs: Runs, paired: Paired) -> _Texts:
    """The texts of a contrast of `macro_by_seed`."""
    shared = runs.shared(range(len(runs.arms)))
    if runs.texts is None or not shared:
        return NO_TEXTS
    spread = runs.texts.spread(paired.weights, paired.seeds, shared)
    return _Texts.of([spread], int(paired.seeds.sum()))


def _texts_of_pairs(runs: Runs) -> _Texts:
    """The texts of all pairs of arms, in the order of `numpy.triu_indices`."""
    shared = runs.shared(range(len(runs.arms)))
    if runs.texts is None or not shared:
        return NO_TEXTS
    seeds: Any = np.isfinite(macro_by_seed(runs)).all(axis=0)
    unit = np.eye(len(runs.arms))
    one, other = np.triu_indices(len(runs.arms), 1)
    pairs = zip(one, other, strict=True)
    spreads = [runs.texts.spread(unit[a] - unit[b], seeds, shared) for a, b in pairs]
    return _Texts.of(spreads, int(seeds.sum()))


def _signs(sums: list[_Sum], macro: Array) -> Codes:
    """For each replay, what its seeds show of every sum, as a number in base 4."""
    found = [
        _paired_t(np.einsum("a,ras->rs", each.weights, macro[:, each.arms]), each.texts) for each in sums
    ]
    corrected = _holm(np.stack([tests.p for tests in found], axis=1))
    codes = np.zeros(len(macro), dtype=np.int64)
    for number, (tests, each) in enumerate(zip(found, sums, strict=True)):
        equal = (tests.p >= ALPHA) & (tests.within() <= MARGIN / each.span)
        shown = corrected[:, number] < ALPHA
        codes += 4**number * np.where(shown, np.where(tests.mean > 0, UP, DOWN), EQUAL * equal)
    return codes


def _winner(macro: Array, texts: _Texts) -> Codes:
    """For each replay, the number of the arm that wins, counted from 1; 0 if no arm wins or there is one arm.

    The number is below 0 if the best two arms are shown to be equal: a different number for each pair.

    400 arms have 80,000 pairs, so only a limited number of replays is compared at once.
    """
    _, arms, seeds = macro.shape
    if arms < 2:
        return np.zeros(len(macro), dtype=np.int64)
    at_once = max(1, TEMPORARY // max(1, macro.itemsize * seeds * arms * (arms - 1) // 2))
    return np.concatenate([_winners(macro[n : n + at_once], texts) for n in range(0, len(macro), at_once)])


def _winners(macro: Array, texts: _Texts) -> Codes:
    there = np.isfinite(macro)
    has_runs: Any = there.any(axis=2)
    common: Any = (there | ~has_runs[:, :, None]).all(axis=1)
    macro = np.where(common[:, None], macro, np.nan)  # arms are compared on what chose the best
    total = np.where(there & common[:, None], macro, 0).sum(axis=2)
    best = np.where(has_runs, total, -np.inf).argmax(axis=1)[:, None]
    one, other = np.triu_indices(macro.shape[1], 1)
    tests = _paired_t(macro[:, one] - macro[:, other], texts)
    sign = np.where(one == best, 1, np.where(other == best, -1, 0))
    pairs = has_runs[:, one] & has_runs[:, other]
    count = pairs.sum(axis=1)
    against = (sign != 0) & pairs
    ahead = np.where(against, sign * tests.mean, np.inf)
    next_best = ahead.argmin(axis=1, keepdims=True)

    def of_next(values: Array) -> Array:
        return np.take_along_axis(values, next_best, axis=1)[:, 0]

    differs = of_next(tests.p) * count < ALPHA  # its interval, Bonferroni's, does not contain 0
    above_next = (of_next(ahead) > 0) & differs
    above_all = ((_holm(tests.p) < ALPHA) | ~against).all(axis=1)
    compared = against.any(axis=1) & common.any(axis=1)
    within = of_next(tests.within(np.maximum(count, 1)[:, None]))
    equal = compared & ~differs & (within <= MARGIN)
    won = np.where(compared & above_next & above_all, best[:, 0] + 1, 0)
    return np.where(equal, -1 - next_best[:, 0], won)


def _paired_t(differences: Array, texts: _Texts = NO_TEXTS) -> _Tests:
    """Over the last axis, like `analysis.statistics.effects.precision.interval_for` of the values that are
    there.
    """
    there = np.isfinite(differences)
    n = there.sum(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(there, differences, 0).sum(axis=-1) / n
        squares = np.where(there, differences - mean[..., None], 0) ** 2
        of_seeds = squares.sum(axis=-1) / (n - 1) / n
        whole = texts.shared + texts.of_one_seed / n
        error = np.sqrt(np.maximum(np.maximum(of_seeds + texts.shared, of_seeds), whole))
        parts = of_seeds / (n - 1) + whole / texts.df
        df = np.where(parts > 0, (of_seeds + whole) / parts, n - 1.0)
        p = 2 * stdtr(df, -np.abs(mean) / error)
    return _Tests(mean, error, np.where(error > TINY, p, np.nan), df)


def _holm(p: Array) -> Array:
    """p of each row of [replays x tests], corrected for the row (Holm 1979). Missing values do not count."""
    order = np.argsort(p, axis=1)  # missing ones last
    left = np.isfinite(p).sum(axis=1, keepdims=True) - np.arange(p.shape[1])
    corrected = np.maximum.accumulate(np.take_along_axis(p, order, axis=1) * left, axis=1)
    found = np.empty_like(p)
    np.put_along_axis(found, order, np.minimum(corrected, 1), axis=1)
    return found
