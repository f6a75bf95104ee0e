"""How sure an effect is: the interval of a contrast."""

from __future__ import annotations

from analysis.statistics.effects.contrasts import Paired
from analysis.statistics.effects.tuning import widened
from analysis.statistics.intervals import LEVEL, Interval, paired_t

__all__ = ["interval_of"]


def interval_of(paired: Paired, level: float = LEVEL, tuning: float = 0.0) -> Interval:
    """The interval of a contrast for these languages: the mean of its differences, over seeds.

    All languages of `paired` have equal weights, so the mean over them is macro. tuning: the
    variance that tuning adds (`Runs.tuning_variance`).
    """
    return widened(paired_t(paired.differences.mean(axis=1), level), tuning)
