"""Planted studies whose arms are equal at their best learning rates, with optima of unequal widths.

Each arm has a best rate that nobody knows, and a curve around it (`optima.py`). The search tries evenly
spread rates, the same in all arms, and sees one noisy score at each. Confirm runs then score at the selected
rate. What the report's own functions claim is false, because the estimand is the difference at the best
values: best against best. `simulate.py` has the difference at the selected values as its estimand.

Selected is the best tried rate, or the interpolated optimum (`study.optimum`). Intervals are with the
tuning's part (`analysis.search.optimum`) or without.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from scipy.stats import qmc

from analysis.record.domain import Value
from analysis.search.optimum import QUIET, shortfall
from analysis.search.response import Response
from analysis.statistics.effects.arms import best_against_others, winner
from analysis.statistics.effects.runs import Runs
from analysis.statistics.effects.tuning import Shortfall, widened
from analysis.statistics.intervals import ALPHA, Interval, holm, paired_t
from study.optimum import interpolate
from tests.analysis.optima import Array, Curve

__all__ = ["Arm", "Judged", "Planted", "judged", "studies"]

ARMS: dict[str, dict[str, Value]] = {
    "init=teacher alpha=1.0": {"init": "teacher", "alpha": 1.0},
    "init=random alpha=1.0": {"init": "random", "alpha": 1.0},
    "init=teacher alpha=0.2": {"init": "teacher", "alpha": 0.2},
    "init=random alpha=0.2": {"init": "random", "alpha": 0.2},
}
COPYING = np.array([0.5, -0.5, 0.5, -0.5])
DISTILLING = np.array([-0.5, -0.5, 0.5, 0.5])
ON_LABELS = np.array([1.0, -1.0, 0.0, 0.0])


@dataclass(frozen=True)
class Arm:
    """curve: the accuracy lost off the best rate, which lies in `best`. noise: of one score of validation."""

    curve: Curve
    best: tuple[float, float]
    noise: float = 0.01


@dataclass(frozen=True)
class Planted:
    """copies and random: two arms of each, on labels and distilled, each with a best rate of its own.

    trials: of each search, over the learning rates `rates`; seeds: confirm runs of each arm. test: the noise
    of a test score, in units of the noise of a validation score.
    """

    copies: Arm
    random: Arm
    trials: int = 8
    seeds: int = 5
    rates: tuple[float, float] = (1e-5, 1e-2)
    test: float = 1.22

    @property
    def length(self) -> float:
        return math.log(self.rates[1] / self.rates[0])


@dataclass(frozen=True)
class Judged:
    """What is claimed of a study whose arms are equal at their best values, and what the interval covers."""

    claim: bool
    main_effect: bool
    winner: bool
    copying: Interval
    pair: Interval


@dataclass
class _Selected:
    """One rule of selection: the confirm scores [arms x seeds], and the shortfall of each arm."""

    scores: list[Array] = field(default_factory=list)
    tuning: dict[str, Shortfall] = field(default_factory=dict)


def studies(planted: Planted, count: int, interpolated: bool, rng: np.random.Generator) -> Iterator[Runs]:
    """`count` independent studies, each as the runs that the report reads, with the tuning of each arm."""
    power = max(1, planted.trials - 1).bit_length()
    for _ in range(count):
        at = planted.length * qmc.Sobol(1, rng=rng).random_base2(power)[: planted.trials, 0]
        found = _Selected()
        for name, cell in ARMS.items():
            _tune(found, name, planted.copies if cell["init"] == "teacher" else planted.random, planted, at, rng)
        values = np.array(found.scores)[:, :, None]
        seeds = tuple(range(1, planted.seeds + 1))
        yield Runs(tuple(ARMS), seeds, ("all",), values, tuple(ARMS.values()), found.tuning)
