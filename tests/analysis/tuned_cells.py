"""The planted cells of the tuning: which widths, shapes and noises, at which budgets."""

from __future__ import annotations

import math
from dataclasses import replace

from tests.analysis.optima import cliff, plateau, smooth
from tests.analysis.tuned import Arm, Planted

__all__ = ["BUDGETS", "CELLS", "QUICK", "SHIPPED"]

LOW, HIGH = (1.8, 3.0), (3.2, 5.2)
"""Copies are best at rates of 6e-5 to 2e-4, random students at 2.5e-4 to 1.8e-3."""

COPY = smooth(1.8)
"""Within 2 points of its best over 3.6 log units: copies scored 46 to 48 from 1.8e-5 to 6.7e-4."""
RANDOM = smooth(1.3, 0.32)
"""At chance beyond 1.3 log units: random students were at chance in 5 of 8 trials."""
NARROW = smooth(0.95, 0.32)

CELLS: dict[str, Planted] = {
    "equal widths": Planted(Arm(COPY, (1.8, 5.2)), Arm(COPY, (1.8, 5.2))),
    "real widths": Planted(Arm(COPY, LOW), Arm(RANDOM, HIGH)),
    "real widths and noises": Planted(Arm(COPY, LOW, 0.004), Arm(RANDOM, HIGH, 0.03)),
    "narrower": Planted(Arm(COPY, LOW), Arm(NARROW, HIGH)),
    "narrower, real noises": Planted(Arm(COPY, LOW, 0.004), Arm(NARROW, HIGH, 0.03)),
    "narrower, precise": Planted(Arm(COPY, LOW, 0.003), Arm(NARROW, HIGH, 0.003)),
    "plateaus": Planted(Arm(plateau(1.8), LOW), Arm(plateau(1.0), HIGH)),
    "cliffs": Planted(Arm(cliff(1.8, 0.9), LOW), Arm(cliff(0.8, 0.6), HIGH)),
    "cliffs, precise": Planted(Arm(cliff(1.8, 0.9), LOW, 0.003), Arm(cliff(0.8, 0.6), HIGH, 0.003)),
}
"""Arms are equal at their best values. In the first cell alone the search treats them alike."""

SHIPPED = ((8, 5), (8, 3))
"""(trials, seeds) of the spaces in `search_spaces/`."""
BUDGETS = (*SHIPPED, (8, 2), (8, 10), (6, 5), (12, 5), (16, 5))

_LENGTH = math.log(3e-3 / 1e-4)
"""The quickstart's rates. Its best rates lie within them, or the audit would refuse an answer."""


def _within(planted: Planted) -> Planted:
    copies, random = (
        replace(arm, best=best) for arm, best in ((planted.copies, (0.5, 1.4)), (planted.random, (1.4, 2.9)))
    )
    return replace(planted, copies=copies, random=random, length=_LENGTH, trials=6, seeds=3)


QUICK = {name: _within(planted) for name, planted in CELLS.items()}
