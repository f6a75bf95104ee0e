"""Claim C1: does copying the teacher's weights change accuracy more than distilling the teacher's outputs?

Every number comes from cells of four arms that agree in all other factors: random or copied students (R, C),
trained on labels alone (alpha 1) or distilled (alpha a below 1). So all numbers have the same levels, arms
and seeds. Several alphas below 1 have equal weights.

    copying      I = ((C1 - R1) + (Ca - Ra)) / 2        its parts: C1 - R1 on labels, Ca - Ra distilled
    distilling   D = ((Ra - R1) + (Ca - C1)) / 2        its parts: Ra - R1 of random, Ca - C1 of copied ones

The claim is in magnitude, because a method that hurts does not matter less than a method that does nothing:

    |I| - |D| = (|u + v| - |u - v|) / 2     with u = I - D = C1 - Ra and v = I + D = Ca - R1

If u and v have one sign, this number is the smaller of |u| and |v|; otherwise it is minus the smaller one. So
no sign of I or D has to be known before: the claim |I| > |D| needs both u and v beyond zero on the same side,
and each of their tests is at 5% (an intersection-union test: Berger 1982, "Multiparameter hypothesis testing
and acceptance sampling").
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from analysis.record.domain import Value
from analysis.statistics.effects.cells import matched_cells
from analysis.statistics.effects.contrasts import Contrast, Paired
from analysis.statistics.effects.precision import interval_of, new_languages_of
from analysis.statistics.effects.runs import Factors, Runs
from analysis.statistics.effects.tuning import could_explain
from analysis.statistics.intervals import ALPHA, MARGIN, Interval, holm

__all__ = ["CONTRASTS", "PARTS", "Copying", "Magnitude", "copying_of", "four_arms", "magnitude"]

CONTRASTS = {
    "copying": (0.5, -0.5, 0.5, -0.5),
    "copying, on labels": (1, -1, 0, 0),
    "copying, distilled": (0, 0, 1, -1),
    "distilling": (-0.5, -0.5, 0.5, 0.5),
    "distilling, random": (0, -1, 0, 1),
    "distilling, copied": (-1, 0, 1, 0),
    "copying x distilling": (-1, 1, 1, -1),
    "copying - distilling": (1, 0, 0, -1),
    "copying + distilling": (0, -1, 1, 0),
}
"""The weights of the arms C1, R1, Ca and Ra in each number."""

PARTS = ("copying, on labels", "copying, distilled", "distilling, random", "distilling, copied")
LEVELS = {
    "copying": "teacher - random",
    "copying, on labels": "teacher - random at alpha = 1",
    "copying, distilled": "teacher - random at alpha < 1",
    "distilling": "alpha < 1 - alpha = 1",
    "distilling, random": "alpha < 1 - alpha = 1 at random",
    "distilling, copied": "alpha < 1 - alpha = 1 at teacher",
    "copying x distilling": "(teacher - random) at alpha < 1 - at alpha = 1",
    "copying - distilling": "(teacher - random) - (alpha < 1 - alpha = 1)",
    "copying + distilling": "(teacher - random) + (alpha < 1 - alpha = 1)",
}
KINDS = {"copying": "mean", "distilling": "mean", "copying x distilling": "crossed"} | dict.fromkeys(
    PARTS, "part"
)

FAR = 1 - ALPHA / 2
"""The level of each of two intervals that must hold together (Bonferroni)."""


@dataclass(frozen=True)
class Magnitude:
    """|I| - |D| with its 95% interval. p: of the claim that the two differ. within: as `Interval.within`."""

    estimate: float
    low: float
    high: float
    p: float
    within: float


@dataclass(frozen=True)
class Copying:
    """Claim C1 on macro accuracy, for these languages.

    means: of R1, Ra, C1, Ca. intervals: of each of `CONTRASTS`. parts_holm: the p of each of `PARTS`,
    corrected for the four (Holm). magnitude, in_new_languages: the number of the claim for these languages,
    and for others like them. alphas: those below 1. averaged_over: factors in which the cells differ.
    could_be_tuning: so much of |I| - |D| tuning could explain (`tuning.could_explain`).
    """

    means: tuple[float, float, float, float]
    intervals: dict[str, Interval]
    parts_holm: dict[str, float]
    magnitude: Magnitude
    in_new_languages: Magnitude
    alphas: tuple[Value, ...]
    averaged_over: tuple[str, ...]
    margin: float = MARGIN
    could_be_tuning: float = 0.0

    @property
    def seeds(self) -> int:
        return self.intervals["copying"].n

    def sign(self, part: str) -> int:
        """1 or -1 if the runs show the sign of `part`, corrected for the four parts; otherwise 0."""
        shown = self.parts_holm[part] < ALPHA
        return int(np.sign(self.intervals[part].estimate)) if shown else 0

    def direction(self, effect: str) -> int:
        """1 or -1 if the runs show that both parts of `effect` have this sign; otherwise 0.

        "Both" is an intersection-union claim, so each test is at 5%: what is said of both parts agrees with
        the intervals of the parts.
        """
        both = [self.intervals[part] for part in PARTS if part.startswith(effect)]
        signs = {int(np.sign(one.estimate)) if one.p < ALPHA else 0 for one in both}
        return signs.pop() if len(signs) == 1 else 0

    def opposed(self, effect: str) -> bool:
        """Whether the runs show that the two parts of `effect` have opposite signs, so that no mean holds."""
        one, other = (self.sign(part) for part in PARTS if part.startswith(effect))
        return one * other < 0

    @property
    def shown(self) -> Literal["copying", "distilling", "equal"] | None:
        """What the runs show of |I| and |D|: which is larger, or that they are equal within the margin.

        Nothing is shown if the parts of one effect are opposed, because its mean then describes no student;
        and both parts of the larger effect must have a clear sign, the same one.
        """
        larger: Literal["copying", "distilling"] = "copying" if self.magnitude.estimate > 0 else "distilling"
        if self.opposed("copying") or self.opposed("distilling"):
            return None
        if self.magnitude.p < ALPHA:
            return larger if self.direction(larger) else None
        return "equal" if self.magnitude.within <= self.margin else None


def copying_of(runs: Runs, factors: Factors, margin: float = MARGIN) -> Copying | None:
    """Claim C1 of `runs`; None if init or alpha is not a factor, or if no four arms match."""
    contrasts = {name: four_arms(runs, factors, name) for name in CONTRASTS}
    first = contrasts["copying"]
    if first is None or not (shared := runs.shared(first.arms)):
        return None
    paired = {name: found for name, c in contrasts.items() if c and (found := c.on_languages(runs, shared))}
    if not paired:
        return None
    one = paired["copying"]
    intervals = {name: interval_of(each) for name, each in paired.items()}
    new = {name: new_languages_of(each, intervals[name]) for name, each in paired.items()}
    corrected = holm(np.array([intervals[part].p for part in PARTS]))
    difference, total = "copying - distilling", "copying + distilling"
    return Copying(
        means=_means(one),
        intervals=intervals,
        parts_holm=dict(zip(PARTS, map(float, corrected), strict=True)),
        magnitude=magnitude(intervals[difference], intervals[total]),
        in_new_languages=magnitude(new[difference], new[total]),
        alphas=tuple(runs.cells[cells[0][-1]]["alpha"] for cells in one.kept),
        averaged_over=first.averaged_over(runs, one),
        margin=margin,
        could_be_tuning=could_explain(max(paired[difference].tuning, paired[total].tuning)),
    )


def four_arms(runs: Runs, factors: Factors, name: str) -> Contrast | None:
    """The contrast `name` of `CONTRASTS`; None if a factor, a level, or matched arms are missing."""
    found = []
    for alpha in factors.get("alpha", ()) if "init" in factors else ():
        if isinstance(alpha, int | float) and alpha < 1:
            corners = [{"init": init, "alpha": at} for at in (1.0, alpha) for init in ("teacher", "random")]
            found.append(matched_cells(runs, corners))
    absent = sum(of_alpha.absent for of_alpha in found)
    there = [of_alpha.cells for of_alpha in found if of_alpha.cells]
    if not there:
        return None
    groups = tuple((tuple(weight / len(there) for weight in CONTRASTS[name]), cells) for cells in there)
    return Contrast(KINDS.get(name, "contrast"), name, LEVELS[name], groups, ("init", "alpha"), absent)


def magnitude(difference: Interval, total: Interval) -> Magnitude:
    """|I| - |D| from u = I - D (`difference`) and v = I + D (`total`).

    The number is (|u + v| - |u - v|) / 2, which takes its least and greatest value over a box of u and v at
    corners of the box. The end of the interval on the side of zero is that of the box of both 95% intervals:
    this is the intersection-union test. The other end is that of the box in which both lie together with 95%
    (Bonferroni), because it is not known which of u and v is nearer to zero.
    """
    estimate = _magnitude(difference.estimate, total.estimate)
    near, far = _corners(difference, total), _corners(difference.at(FAR), total.at(FAR))
    low, high = (near[0], far[1]) if estimate > 0 else (far[0], near[1])
    nearer = min(difference, total, key=lambda one: abs(one.estimate))  # |I| - |D|, up to its sign
    return Magnitude(estimate, low, high, max(difference.p, total.p), nearer.within)


def _corners(difference: Interval, total: Interval) -> tuple[float, float]:
    ends = (difference.low, difference.high), (total.low, total.high)
    if any(math.isnan(end) for end in itertools.chain(*ends)):
        return math.nan, math.nan
    values = [_magnitude(u, v) for u, v in itertools.product(*ends)]
    return min(values), max(values)


def _magnitude(u: float, v: float) -> float:
    return (abs(u + v) - abs(u - v)) / 2


def _means(paired: Paired) -> tuple[float, float, float, float]:
    """The means of R1, Ra, C1 and Ca: over cells, then over alphas."""
    of_alphas = [paired.means[np.array(cells)].mean(axis=0) for cells in paired.kept]
    copied, random, copied_distilled, random_distilled = np.mean(of_alphas, axis=0)
    return float(random), float(random_distilled), float(copied), float(copied_distilled)
