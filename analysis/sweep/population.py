"""Settings that an effect is averaged over, each at its best nuisance values.

The effect of a factor is the mean change of the model's score over a population of settings of all other
factors, spread evenly over their values. A nuisance hyperparameter, such as the learning rate, is not
averaged over: each setting has the nuisance values at which the model predicts its highest macro score, so
that a setting is judged as if it were tuned. The interval of an effect takes these values as given: at a
maximum, a small error of the place changes the height by less than any order of the error (the envelope
theorem).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from scipy.special import expit
from scipy.stats import qmc

from analysis.record.domain import Value
from analysis.sweep.factors import Factor
from analysis.sweep.model import Model, Part

__all__ = ["Effective", "Population"]

Array = np.ndarray[Any, np.dtype[np.float64]]
Values = dict[str, list[Any]]
Effective = Callable[[Values], Values]
"""Settings in, and the same settings out, with None for each value that has no effect in its setting."""

SETTINGS = 128
CANDIDATES = 13
"""Values of one nuisance hyperparameter that are compared. Of several, `SETTINGS` combinations are."""


@dataclass(frozen=True)
class Population:
    """The settings over which `model` is averaged. guide: the score that chooses the nuisance values."""

    model: Model
    guide: str
    effective: Effective = lambda settings: settings
    _known: dict[tuple[tuple[str, Value], ...], Array] = field(default_factory=dict, repr=False)

    def at(self, given: Mapping[str, Value]) -> Array:
        """The terms [settings x terms] of the settings that have the `given` values."""
        key = tuple(sorted(given.items()))
        if key not in self._known:
            self._known[key] = self._rows(given)
        return self._known[key]

    def change(self, one: Mapping[str, Value], other: Mapping[str, Value], weight: float = 1.0) -> list[Part]:
        """The mean score with the values `one` minus the mean score with the values `other`."""
        return [(self.at(one), weight), (self.at(other), -weight)]

    def best(self, given: Mapping[str, Value]) -> dict[str, Value]:
        """The nuisance values at which the model predicts the highest mean score of the `given` values."""
        means = expit(self._compared(given) @ self.model.coefficients[self.guide]).mean(axis=1)
        return {name: values[int(means.argmax())] for name, values in self._candidates.items()}

    def _rows(self, given: Mapping[str, Value]) -> Array:
        """The terms [settings x terms] of the settings, each at its best nuisance values."""
        rows = self._compared(given)
        heights = rows @ self.model.coefficients[self.guide]
        return np.asarray(rows[heights.argmax(axis=0), np.arange(rows.shape[1])])

    def _compared(self, given: Mapping[str, Value]) -> Array:
        """The terms [candidates x settings x terms] of the settings, at all nuisance values in turn."""
        count = len(next(iter(self._candidates.values()), [None]))
        return np.array(
            [
                self._at(given, {name: values[number] for name, values in self._candidates.items()})
                for number in range(count)
            ]
        )

    def _at(self, given: Mapping[str, Value], nuisance: Mapping[str, Value]) -> Array:
        held = dict(nuisance) | dict(given)
        others = {name: values for name, values in self._others.items() if name not in held}
        count = SETTINGS if others else 1
        settings = others | {name: [value] * count for name, value in held.items()}
        return self.model.rows(self.effective(settings))

    @cached_property
    def _others(self) -> Values:
        return _spread([factor for factor in self.model.factors if not factor.nuisance], SETTINGS)

    @cached_property
    def _candidates(self) -> Values:
        nuisances = [factor for factor in self.model.factors if factor.nuisance]
        if len(nuisances) == 1:
            return {nuisances[0].name: nuisances[0].grid(CANDIDATES)}
        return _spread(nuisances, SETTINGS)


def _spread(factors: Sequence[Factor], count: int) -> Values:
    """`count` settings that are spread evenly over the values of `factors`; the same ones at each call."""
    if not factors:
        return {}
    shares = qmc.Sobol(len(factors), rng=np.random.default_rng(0)).random(count)
    return {factor.name: factor.draw(shares[:, column]) for column, factor in enumerate(factors)}
