"""Arms of which some confirm runs end at chance: how often the audit's rule fires, and what intervals
cover.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from analysis.statistics.intervals import Array, paired_t
from analysis.statistics.two_kinds import split_at_chance
from tests.analysis.simulate import normal

__all__ = ["ARMS", "CHANCE", "Arm", "Rates", "found_in"]

CHANCE = 0.1
Rates = dict[str, float]


@dataclass(frozen=True)
class Arm:
    """Macro accuracy over seeds: `mean` and `sd` of the runs that learn; a share `lost` is at chance, give or
    take 1 point.
    """

    mean: float
    sd: float
    lost: float = 0.0
    seeds: int = 5
    draw: Callable[[np.random.Generator, tuple[int, ...]], Array] = normal

    def runs(self, arms: int, rng: np.random.Generator) -> Array:
        """[arms x seeds]"""
        shape = (arms, self.seeds)
        at_chance = CHANCE + 0.01 * rng.standard_normal(shape)
        return np.where(rng.random(shape) < self.lost, at_chance, self.mean + self.sd * self.draw(rng, shape))


def found_in(arm: Arm, arms: int, rng: np.random.Generator, chance: float | None = CHANCE) -> Rates:
    """Shares of `arms` simulated arms. fires: the rule fires; of both kinds: the rule fires, of the arms that
    have runs of both kinds; covered: the 95% interval of all arms holds the arm's mean.
    """
    runs = arm.runs(arms, rng)
    truth = arm.lost * CHANCE + (1 - arm.lost) * arm.mean
    fires = np.array([split_at_chance(scores, chance) is not None for scores in runs])
    low = (runs < (CHANCE + arm.mean) / 2).sum(axis=1)
    mixed = (low > 0) & (low < arm.seeds)
    intervals = [paired_t(scores) for scores in runs]
    covered = np.array([interval.low <= truth <= interval.high for interval in intervals])
    return {
        "fires": float(fires.mean()),
        "of both kinds": float(fires[mixed].mean()) if mixed.any() and arm.lost else np.nan,
        "covered": float(covered.mean()),
    }


def heavy(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return rng.standard_t(3, shape) / np.sqrt(3)


ARMS: dict[str, Arm] = {
    **{
        f"{name}, {seeds} seeds": Arm(mean, sd, lost, seeds, draw)
        for name, mean, sd, lost, draw in (
            ("all learn", 0.45, 0.03, 0.0, normal),
            ("all learn, heavy tails (t, 3 df)", 0.45, 0.05, 0.0, heavy),
            ("all learn, a fifth of the lead apart", 0.3, 0.04, 0.0, normal),
            ("all learn, a third of the lead apart", 0.3, 0.067, 0.0, normal),
            ("all at chance", CHANCE, 0.01, 0.0, normal),
            ("one in ten at chance, 35 points below", 0.45, 0.03, 0.1, normal),
            ("one in ten at chance, 20 points below", 0.3, 0.03, 0.1, normal),
            ("one in two at chance, 35 points below", 0.45, 0.03, 0.5, normal),
        )
        for seeds in (3, 5, 10)
    }
}
