"""Whether two groups of accuracies are shown to be the same, up to a margin."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import stats

__all__ = ["tost"]


def tost(one: Sequence[float], other: Sequence[float], margin: float) -> dict[str, Any]:
    """Two one-sided Welch t tests of mean(one) - mean(other) against +-margin; p is the larger of both.

    Source: Schuirmann 1987, "A comparison of the two one-sided tests procedure and the power approach".

    The difference counts as less than the margin at the 5% level where p < 0.05, which is where its 90%
    interval lies within +-margin.
    """
    low = stats.ttest_ind(one, [x - margin for x in other], equal_var=False, alternative="greater")
    high = stats.ttest_ind(one, [x + margin for x in other], equal_var=False, alternative="less")
    interval = stats.ttest_ind(one, other, equal_var=False).confidence_interval(0.9)
    p = float(max(low.pvalue, high.pvalue))
    return {
        "difference": float(np.mean(one) - np.mean(other)),
        "interval_90": [float(interval.low), float(interval.high)],
        "margin": margin,
        "p": p,
        "equivalent": math.isfinite(p) and p < 0.05,
    }
