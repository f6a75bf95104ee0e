"""How accuracy depends on the learning rate: curves with a known best value, which every search may miss.

A curve gives the accuracy lost at a distance from its best value, in natural-log units of the rate. Smooth
curves flatter a parabola, so there are shapes of real searches as well: a plateau with steep ends, and a
cliff at high rates, just below which the best value lies.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.special import expit

__all__ = ["TO_CHANCE", "Curve", "cliff", "plateau", "smooth"]

Array = np.ndarray[Any, np.dtype[np.float64]]
Curve = Callable[[Array], Array]
"""From log distances to accuracy lost; 0 at the best value."""

TO_CHANCE = 0.32
"""The best accuracy minus the accuracy of guessing: of random students of the embedded study, .42 - .10."""


def smooth(width: float, lost: float = 0.02) -> Curve:
    """A parabola that has lost `lost` at `width`, down to chance."""
    return lambda off: np.minimum(lost * (off / width) ** 2, TO_CHANCE)


def plateau(width: float, steep: float = 4.0) -> Curve:
    """Nearly flat within `width` on either side, chance beyond."""
    return _from_its_best(
        lambda off: (
            TO_CHANCE * (1 - expit(steep * (off + width)) * expit(steep * (width - off))) + 0.0015 * off**2
        )
    )


def cliff(width: float, edge: float, steep: float = 6.0) -> Curve:
    """Rises slowly (.02 over `width`), and falls to chance at `edge` above."""

    def lost(off: Array) -> Array:
        rising = np.minimum(0.02 * (np.minimum(off, 0) / width) ** 2, TO_CHANCE)
        fallen = expit(steep * (off - edge))
        return np.asarray(rising * (1 - fallen) + TO_CHANCE * fallen)

    return _from_its_best(lost)


def _from_its_best(lost: Curve) -> Curve:
    at = np.linspace(-7, 7, 5601)
    least = float(lost(at).min())
    return lambda off: lost(off) - least
