"""The terms of a response model, from the simplest model to the fullest.

Every term is a product of columns of one factor or of two (`factors.py`). The steps are nested: a line for
each amount and a contrast for each name; curves; products of two factors. The last step is the second-order
model of response surfaces (Box and Wilson 1951). Finer terms are for factors with a strong effect: the third
power of an amount, and a curve for each name. Without them, the ends of a steep curve would be wrong by more
than their interval; with them, the interval of a weak effect would be twice as wide for nothing.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from analysis.sweep.factors import Factor

__all__ = ["STEPS", "Term", "columns_of", "finer_terms", "terms"]

Array = np.ndarray[Any, np.dtype[np.float64]]

STEPS = ("lines", "curves", "curves and products of two factors")
"""The steps, by name."""


@dataclass(frozen=True)
class Term:
    """The product of column `powers[i]` (from 0) of each of `factors[i]`; the constant has no factor."""

    factors: tuple[str, ...] = ()
    powers: tuple[int, ...] = ()


def terms(factors: Sequence[Factor], step: int) -> list[Term]:
    """The terms of the model of step `step` (0 to 2), the constant first."""
    found = [Term()]
    for factor in factors:
        found += _alone(factor, range(1 if factor.numeric else factor.degree))
    if step >= 1:
        for factor in factors:
            found += _alone(factor, range(1, 2)) if factor.numeric else []
    if step >= 2:
        for one, other in itertools.combinations(factors, 2):
            firsts = [range(1 if each.numeric else each.degree) for each in (one, other)]
            found += [Term((one.name, other.name), powers) for powers in itertools.product(*firsts)]
    return found


def finer_terms(factors: Sequence[Factor], strong: Collection[str]) -> list[Term]:
    """The third power of each strong amount, and the curve of each strong amount for each strong name."""
    known = [factor for factor in factors if factor.name in strong]
    found = [term for factor in known if factor.numeric for term in _alone(factor, range(2, 3))]
    for one, other in itertools.combinations(known, 2):
        if one.numeric == other.numeric:
            continue
        powers = [
            range(1, min(2, each.degree)) if each.numeric else range(each.degree) for each in (one, other)
        ]
        found += [Term((one.name, other.name), both) for both in itertools.product(*powers)]
    return found


def columns_of(
    wanted: Sequence[Term], factors: Sequence[Factor], values: Mapping[str, Sequence[Any]]
) -> Array:
    """The matrix [settings x terms]. values: factor -> its value in each setting; missing: no effect."""
    columns = {factor.name: factor.columns(values[factor.name]) for factor in factors}
    found = np.ones((len(next(iter(values.values()))), len(wanted)))
    for number, term in enumerate(wanted):
        for name, power in zip(term.factors, term.powers, strict=True):
            found[:, number] *= columns[name][:, power]
    return found


def _alone(factor: Factor, powers: range) -> Iterator[Term]:
    return (Term((factor.name,), (power,)) for power in powers if power < factor.degree)
