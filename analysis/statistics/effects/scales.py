"""Interactions on a second scale: the logit of accuracy.

An interaction is a difference of differences, so its sign may depend on the scale. Near the ceiling accuracy
has less room: 0.90 to 0.95 is 5 points, and halves the errors; 0.50 to 0.60 is 10 points, and does not. On
the logit scale, log(y / (1 - y)), the first step is larger (0.75 against 0.41). A main effect has the same
sign on both scales in each cell. Loftus (1978, "On interpretation of interactions"): an interaction whose
sign another monotone scale turns round is no property of what was measured.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from analysis.statistics.effects.contrasts import Contrast, interactions
from analysis.statistics.effects.copying import four_arms
from analysis.statistics.effects.runs import Factors, Runs, runs_of
from analysis.statistics.intervals import ALPHA, Array, Interval, paired_t

__all__ = ["SCALE_COLUMNS", "interactions_on_two_scales"]

SCALE_COLUMNS = ["effect", "accuracy", "accuracy_p", "logit", "low", "high", "p", "seeds", "depends"]

EDGE = 1e-3
"""Macro accuracies nearer to 0 or 1 count as so near, because a logit is not finite there."""

CROSSED = "copying x distilling"


def interactions_on_two_scales(
    results: pd.DataFrame, factors: Factors, planned: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Each interaction on macro accuracy, of accuracies and of logits, with 95% t intervals over seeds.

    Returns:
        One row for each interaction: `effect`, `accuracy` and `accuracy_p` (the estimate and p of
        accuracies), `logit, low, high, p` (of logits), `seeds`, `depends`: the sign depends on the scale,
        because the two estimates have opposite signs and at least one of them has a p below 5%.
    """
    runs = runs_of(results, factors, planned)
    crossed = four_arms(runs, factors, CROSSED)
    found = [*([crossed] if crossed else []), *interactions(runs, factors)]
    rows = [row for contrast in found if (row := _row(runs, contrast))]
    return pd.DataFrame(rows, columns=SCALE_COLUMNS).astype({"depends": bool})


def _row(runs: Runs, contrast: Contrast) -> tuple[object, ...] | None:
    shared = list(runs.shared(contrast.arms))
    if not shared:
        return None
    macro = runs.values[:, :, shared].mean(axis=2, keepdims=True)
    inner = np.clip(macro, EDGE, 1 - EDGE)
    one, other = _interval(contrast, macro), _interval(contrast, np.log(inner / (1 - inner)))
    if one is None or other is None:
        return None
    shown = min(one.p, other.p) < ALPHA
    depends = bool(shown and one.estimate * other.estimate < 0)
    numbers = (one.estimate, one.p, other.estimate, other.low, other.high, other.p, other.n)
    return (contrast.name, *numbers, depends)


def _interval(contrast: Contrast, values: Array) -> Interval | None:
    paired = contrast.paired(values)
    return paired_t(paired.differences[:, 0]) if paired else None
