"""What a study concludes, as a code: for many replays at once, by the rules of `analysis.verdict.answer`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from analysis.statistics.effects.contrasts import Paired
from analysis.statistics.effects.copying import CONTRASTS, PARTS, four_arms
from analysis.statistics.effects.runs import Factors, Runs, over_teachers, runs_of, without_teacher_seed
from analysis.statistics.effects.texts import Correct
from analysis.statistics.effects.tuning import Tuning
from analysis.statistics.fractions import advantage_slopes
from analysis.statistics.intervals import ALPHA, MARGIN, Array
from analysis.statistics.many_tests import SEEDS_ONLY, Added, Tests, holm_of_rows, paired_tests

__all__ = [
    *("DISTILLING", "DOWN", "EQUAL", "UP", "Codes", "Conclude", "Conclusion"),
    *("conclusion", "macro_by_seed"),
]

TEMPORARY = 64 * 2**20
"""Bytes of the largest array: if the comparisons would need more, the replays are handled in parts."""

Codes = np.ndarray[Any, np.dtype[np.int64]]
Conclude = Callable[[Array], Codes]
"""Macro accuracy [replays x arms x seeds], NaN if an arm has no run, to codes [replays x claims]; 0: none."""

UP, DOWN, EQUAL = 1, 2, 3
"""Codes for the number of a claim: above zero, below zero, no difference. Code 0: the runs show nothing."""

DISTILLING = 10
"""Claim C1 has the code `UP` or `DOWN` if copying matters more, and `DISTILLING` more if distilling does."""

FOUR = np.array([CONTRASTS[name] for name in ("copying", "distilling", *PARTS)])
"""The effects of copying and of distilling, and their parts, as weights of the arms C1, R1, Ca, Ra."""


class _Sums(NamedTuple):
    """Weighted sums of arms: the numbers of the arms, and weights [sums x arms].

    lost: mean and standard deviation of the shortfalls [2 x arms]. texts: what the test texts add to a sum
    with the given weights. A sum within the margin / `span` counts as no difference.
    """

    arms: Codes
    weights: Array
    lost: Array
    texts: Callable[[Array], Added]
    span: float = 1.0

    def tests(self, macro: Array, weights: Array) -> Tests:
        """The tests of one sum of arms with these `weights`, with the variance that tuning adds."""
        mean, sd = self.lost
        variance = (weights @ mean) ** 2 + weights**2 @ sd**2
        differences = np.einsum("a,ras->rs", weights, macro[:, self.arms])
        return paired_tests(differences, variance, self.texts(weights))


@dataclass(frozen=True)
class Conclusion:
    """about: the subject of the conclusion, as part of a sentence. of: from accuracies to codes."""

    about: str
    of: Conclude


def conclusion(
    results: pd.DataFrame,
    factors: Factors,
    shares: Mapping[Any, float] | None = None,
    margin: float = MARGIN,
    tuning: Tuning | None = None,
    correct: Correct | None = None,
) -> Conclusion:
    """What `analysis.verdict.answer` concludes of a study of these factors if the audit has no findings.

    If the factors ask claim C1: which of the two effects is larger in magnitude, and the sign of this effect.
    Otherwise, if the factors ask claim C4: the sign of the slope, a claim for each `teacher_data`; a sign is
    shown if its paired t test over seeds is below 5% after Holm's correction for these slopes. Otherwise: the
    arm that wins, or the conclusion that the best two arms are equal.

    Copying matters more if four paired t tests are below 5%, each without a correction: of both parts of the
    effect I of copying, which have one sign, and of I - D and I + D, which both have the sign of I (D: the
    effect of distilling); and if the parts of distilling are not shown to have opposite signs. Likewise for
    distilling, with the roles exchanged. The best arm wins, on the seeds that all arms share, if its paired t
    test against every other arm is below 5%, without a correction. Both are intersection-union tests (Berger
    1982): the claim holds only if each part holds, so each part is tested at 5%, and a false claim has at
    most this probability. "No difference" is shown by two one-sided tests with `margin`: for C1, of the
    difference in magnitude; for arms, corrected for all pairs. `shares` are the shares that data fractions
    came to, as for `analysis.statistics.fractions.fraction_interaction`. All tests include `tuning`, the
    shortfalls of the study; the shortfalls of a replay with fewer trials would be larger. `correct` is as for
    `analysis.statistics.effects.estimates.effects`.

    Claims are about the arms of the study: a replay in which one of these arms has no run shows nothing.
    """
    runs = runs_of(results, factors, tuning=tuning, correct=correct)
    if claim := _claim(runs, factors):
        about = (
            "whether copying or distilling matters more, and whether this effect raises or lowers accuracy "
            "(claim C1)"
        )
        return Conclusion(about, partial(_larger, claim, margin))
    if slopes := _slopes(runs, factors, shares):
        each = " for each teacher_data" if len(slopes) > 1 else ""
        about = f"whether the copy's advantage rises, falls or stays as data shrinks (claim C4){each}"
        return Conclusion(about, partial(_signs, slopes, margin))
    of_teachers: dict[str, list[int]] = {}  # arms that differ only in the teacher's seed
    for number, arm in enumerate(runs.arms):
        of_teachers.setdefault(without_teacher_seed(arm), []).append(number)

    over = over_teachers(runs)
    lost, texts = _lost(over), _texts_of_pairs(over)

    def wins(macro: Array) -> Codes:
        arms = np.stack([macro[:, arms].mean(axis=1) for arms in of_teachers.values()], axis=1)
        return _winner(arms, margin, lost, texts)[:, None]

    return Conclusion("which arm is above all others, or that the best two are equal, if any", wins)


def macro_by_seed(runs: Runs) -> Array:
    """Macro accuracy over the languages that all arms share: [arms x seeds]."""
    shared = list(runs.shared(range(len(runs.arms))))
    if not shared:
        return np.full(runs.values.shape[:2], np.nan)
    return runs.values[:, :, shared].mean(axis=2)


def _claim(runs: Runs, factors: Factors) -> _Sums | None:
    """The rows of `FOUR`, over the cells of claim C1 that have runs."""
    contrast = four_arms(runs, factors, "copying")
    if not contrast or not (paired := contrast.paired(macro_by_seed(runs)[:, :, None])):
        return None
    weights = np.zeros((len(FOUR), len(runs.arms)))
    for members in paired.kept:
        for cell in members:
            weights[:, list(cell)] += FOUR / len(members) / len(paired.kept)
    arms = np.array(paired.arms)
    return _Sums(arms, weights[:, arms], _lost(runs)[:, arms], _texts_of(runs, paired, arms))


def _lost(runs: Runs) -> Array:
    """[2 x arms]: mean and standard deviation of the shortfall of each arm; 0 if it is not known."""
    return np.array([runs.tuning.get(arm, (0.0, 0.0)) for arm in runs.arms], dtype=float).reshape(-1, 2).T


def _slopes(runs: Runs, factors: Factors, shares: Mapping[Any, float] | None) -> list[_Sums]:
    """The numbers of claim C4, one for each `teacher_data`.

    They are over the cells of the study: an arm that the contrast drops removes no seed. An arm of a fraction
    in the middle may have the weight 0, and still a seed counts only if this arm has a run.
    """
    sums = []
    for slope in advantage_slopes(runs, factors, shares=shares):
        if paired := slope.contrast.paired(macro_by_seed(slope.runs)[:, :, None]):
            arms = list(paired.arms)
            of_runs = np.array([runs.arms.index(slope.runs.arms[arm]) for arm in arms])
            texts = _texts_of(slope.runs, paired, np.array(arms))
            weights, lost = paired.weights[None, arms], _lost(runs)[:, of_runs]
            sums.append(_Sums(of_runs, weights, lost, texts, slope.decades))
    return sums


def _texts_of(runs: Runs, paired: Paired, arms: Codes) -> Callable[[Array], Added]:
    """Returns what the texts add to a sum with given weights of `arms`, on the seeds of `paired`."""
    shared = runs.shared(range(len(runs.arms)))

    def added(weights: Array) -> Added:
        if runs.texts is None or not shared:
            return SEEDS_ONLY
        of_all = np.zeros(len(runs.arms))
        of_all[arms] = weights
        return Added.of([runs.texts.spread(of_all, paired.seeds, shared)], int(paired.seeds.sum()))

    return added


def _texts_of_pairs(runs: Runs) -> Added:
    """The texts of all pairs of arms, in the order of `numpy.triu_indices`."""
    shared = runs.shared(range(len(runs.arms)))
    if runs.texts is None or not shared:
        return SEEDS_ONLY
    seeds: Any = np.isfinite(macro_by_seed(runs)).all(axis=0)
    unit = np.eye(len(runs.arms))
    one, other = np.triu_indices(len(runs.arms), 1)
    pairs = zip(one, other, strict=True)
    spreads = [runs.texts.spread(unit[a] - unit[b], seeds, shared) for a, b in pairs]
    return Added.of(spreads, int(seeds.sum()))


def _larger(effects: _Sums, margin: float, macro: Array) -> Codes:
    """For each replay: the effect of claim C1 that matters more, with its sign, or that neither does."""
    copying, distilling, *parts = effects.weights
    less, more = (effects.tests(macro, each) for each in (copying - distilling, copying + distilling))
    of_parts = [effects.tests(macro, part) for part in parts]
    clear, copied, distilled = ~_opposed(of_parts), _direction(of_parts[:2]), _direction(of_parts[2:])
    both = clear & (less.p < ALPHA) & (more.p < ALPHA)
    alike = np.sign(less.mean) == np.sign(more.mean)  # I - D and I + D; then |I| > |D|
    codes = np.zeros(len(macro), dtype=np.int64)
    for first, direction, larger in ((0, copied, alike), (DISTILLING, distilled, ~alike)):
        shown = both & larger & (direction != 0)
        codes = np.where(shown, first + np.where(direction > 0, UP, DOWN), codes)
    nearer = np.abs(less.mean) <= np.abs(more.mean)  # of the two means, this one is |I| - |D|, up to its sign
    within = np.where(nearer, less.within(), more.within())
    equal = clear & (np.fmax(less.p, more.p) >= ALPHA) & (within <= margin)
    return np.where(equal, EQUAL, codes)[:, None]


def _direction(parts: list[Tests]) -> Any:
    """The sign that both parts of an effect are shown to have, each at 5%; otherwise 0."""
    one, other = (np.sign(each.mean) * (each.p < ALPHA) for each in parts)
    return np.where(one == other, one, 0)


def _opposed(tests: list[Tests]) -> Any:
    """Whether the parts of copying, or those of distilling, have opposite signs, corrected for all four."""
    corrected = holm_of_rows(np.stack([each.p for each in tests], axis=1))
    signs = [np.sign(each.mean) * (p < ALPHA) for each, p in zip(tests, corrected.T, strict=True)]
    return (signs[0] * signs[1] < 0) | (signs[2] * signs[3] < 0)


def _signs(slopes: list[_Sums], margin: float, macro: Array) -> Codes:
    """For each replay and each slope: its sign, or that there is none."""
    found = [each.tests(macro, each.weights[0]) for each in slopes]
    corrected = holm_of_rows(np.stack([tests.p for tests in found], axis=1))
    codes = np.zeros(corrected.shape, dtype=np.int64)
    for number, (tests, each) in enumerate(zip(found, slopes, strict=True)):
        equal = (tests.p >= ALPHA) & (tests.within() <= margin / each.span)
        shown = corrected[:, number] < ALPHA
        codes[:, number] = np.where(shown, np.where(tests.mean > 0, UP, DOWN), EQUAL * equal)
    return codes


def _winner(macro: Array, margin: float, lost: Array, texts: Added) -> Codes:
    """For each replay, the number of the arm that wins, counted from 1; 0 if no arm wins or there is one arm.

    The number is below 0 if the best two arms are shown to be equal: a different number for each pair.

    400 arms have 80,000 pairs, so only a limited number of replays is compared at once.
    """
    _, arms, seeds = macro.shape
    if arms < 2:
        return np.zeros(len(macro), dtype=np.int64)
    at_once = max(1, TEMPORARY // max(1, macro.itemsize * seeds * arms * (arms - 1) // 2))
    parts = [macro[n : n + at_once] for n in range(0, len(macro), at_once)]
    return np.concatenate([_winners(part, margin, lost, texts) for part in parts])


def _winners(macro: Array, margin: float, lost: Array, texts: Added) -> Codes:
    there = np.isfinite(macro)
    has_runs: Any = there.any(axis=2)
    common: Any = (there | ~has_runs[:, :, None]).all(axis=1)
    macro = np.where(common[:, None], macro, np.nan)  # arms are compared on what chose the best
    total = np.where(there & common[:, None], macro, 0).sum(axis=2)
    best = np.where(has_runs, total, -np.inf).argmax(axis=1)[:, None]
    one, other = np.triu_indices(macro.shape[1], 1)
    mean, sd = lost
    variance = (mean[one] - mean[other]) ** 2 + sd[one] ** 2 + sd[other] ** 2
    tests = paired_tests(macro[:, one] - macro[:, other], variance, texts)
    sign = np.where(one == best, 1, np.where(other == best, -1, 0))
    pairs = has_runs[:, one] & has_runs[:, other]
    count = pairs.sum(axis=1)
    against = (sign != 0) & pairs
    ahead = np.where(against, sign * tests.mean, np.inf)
    next_best = ahead.argmin(axis=1, keepdims=True)

    def of_next(values: Array) -> Array:
        return np.take_along_axis(values, next_best, axis=1)[:, 0]

    above: Any = (((tests.p < ALPHA) & (ahead > 0)) | ~against).all(axis=1)
    compared = against.any(axis=1) & common.any(axis=1)
    won = compared & above
    contains_0 = ~(of_next(tests.p) * count < ALPHA)  # the interval for all pairs together, Bonferroni's
    within = of_next(tests.within(np.maximum(count, 1)[:, None]))
    equal = compared & ~won & contains_0 & (within <= margin)
    return np.where(won, best[:, 0] + 1, np.where(equal, -1 - next_best[:, 0], 0))
