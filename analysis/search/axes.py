"""Tuned values as points: one unit is a factor of e in a logarithmic range, as for learning rates."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import qmc

from analysis.record.domain import Domain, parse_value

__all__ = ["Axes", "Axis"]

Array = np.ndarray[Any, np.dtype[np.float64]]

LINEAR = math.log(1000)
"""The length of a linear range: that of three decades, as wide as the ranges of learning rates here."""
STEP = 1.2
"""The distance of two neighbouring numeric levels, and of any two other levels: a factor of about three."""
ALONG = 48
SPREAD = 256
"""Candidates: on the only range, or in a space of several hyperparameters."""


@dataclass(frozen=True)
class Axis:
    """One tuned hyperparameter: its name, and where it was tuned."""

    name: str
    domain: Domain

    @property
    def levels(self) -> list[Any]:
        levels = list(self.domain.levels)
        return sorted(levels) if self.domain.is_numeric else levels

    @property
    def length(self) -> float:
        low, high = self.domain.low, self.domain.high
        if low is None or high is None:
            return STEP * (len(self.levels) - 1)
        return math.log(high / low) if self.domain.log else LINEAR

    def at(self, texts: pd.Series) -> Array:
        """The coordinates [values x dimensions] of recorded values; the middle if a value has no effect."""
        values = [parse_value(text) if isinstance(text, str) else text for text in texts]
        if self.domain.is_range:
            places = [self.domain.position(v) if isinstance(v, (int, float)) else math.nan for v in values]
            return self.length * np.nan_to_num(np.array(places, dtype=float), nan=0.5)[:, None]
        levels = self.levels
        places = [levels.index(value) if value in levels else math.nan for value in values]
        return self._of_levels(np.array(places, dtype=float))

    def spread(self, unit: Array) -> Array:
        """The coordinates of evenly spread values, from numbers `unit` [values] between 0 and 1."""
        if self.domain.is_range:
            return self.length * unit[:, None]
        return self._of_levels(np.minimum(np.floor(unit * len(self.levels)), len(self.levels) - 1))

    def _of_levels(self, places: Array) -> Array:
        if self.domain.is_numeric:
            return STEP * np.nan_to_num(places, nan=(len(self.levels) - 1) / 2)[:, None]
        corners = np.eye(len(self.levels)) * STEP / math.sqrt(2)
        middle = corners.mean(axis=0)
        return np.array([middle if math.isnan(p) else corners[int(p)] for p in places])


@dataclass(frozen=True)
class Axes:
    """The space of all hyperparameters that an arm tunes."""

    axes: Sequence[Axis]

    @property
    def is_line(self) -> bool:
        """Whether the arm tunes one range and nothing else."""
        return len(self.axes) == 1 and self.axes[0].domain.is_range

    def at(self, trials: pd.DataFrame) -> Array:
        """The points [trials x dimensions] of the values in the columns of `trials`."""
        return np.concatenate([axis.at(trials[axis.name]) for axis in self.axes], axis=1)

    def candidates(self) -> Array:
        """Points among which the best one is looked for: a line, or evenly spread points of the space."""
        if self.is_line:
            return self.axes[0].spread(np.linspace(0, 1, ALONG))
        unit = qmc.Sobol(len(self.axes), scramble=False).random(SPREAD)
        return np.concatenate([axis.spread(unit[:, i]) for i, axis in enumerate(self.axes)], axis=1)
