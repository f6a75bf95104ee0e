"""Variances of many languages, each over few seeds, shrunk towards each other (moderated t; Smyth 2004).

"Linear models and empirical Bayes methods for assessing differential expression in microarray experiments",
as in the R package limma: the variances of the languages are taken as drawn from a scaled inverse chi squared
distribution, whose parameters follow from the mean and the variance of their logarithms.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import brentq
from scipy.special import digamma, polygamma

from analysis.statistics.intervals import TINY, Array

__all__ = ["Variances", "moderated"]

FEWEST = 3
"""With fewer languages nothing is known of how the variances of languages differ."""


class Variances(NamedTuple):
    """values, df: [languages], the variance of one seed's difference, and its degrees of freedom."""

    values: Array
    df: Array


def moderated(differences: Array) -> Variances:
    """The variance over seeds of each language of `differences` [seeds x languages], moderated.

    A seed moves all languages together, and each language by itself. The common part is the variance of the
    mean over languages, with d = S - 1 degrees of freedom. Each language's own part is the variance of what
    is left, moderated: with the sample variances s2, and the prior variance s0 and its degrees of freedom d0
    from the moments of log s2, an own part is ``(d0 s0 + d s2) / (d0 + d)``. The degrees of freedom of the
    sum are the harmonic mean of those of both parts, weighted by the parts.

    Smyth takes the s2 as independent. What is left may still be correlated, for example if a seed moves a
    few languages alone. Two things are therefore changed. The expected variance of log s2 is
    ``trigamma(d / 2) (1 - r)``, where r is the mean squared correlation of two languages. And d0 + d is at
    most the degrees of freedom of the pooled variance: d times the effective number of languages (Box 1954),
    which has the unbiased estimates of Huynh and Feldt (1976) above and below the line.

    With fewer than three seeds, or three languages that vary, the sample variances are returned.
    """
    seeds, languages = differences.shape
    d, share = seeds - 1, 1 - 1 / languages  # of a language's own part that its own mean leaves
    whole = differences.var(axis=0, ddof=1)
    of_seed = differences.mean(axis=1)
    left = differences - of_seed[:, None]
    s2 = left.var(axis=0, ddof=1) / share if languages > 1 else 0 * whole
    varying = s2 > TINY**2
    if d < 2 or varying.sum() < FEWEST:
        return Variances(whole, np.full(languages, float(d)))
    own, own_df = _shrunk(s2, left[:, varying], varying)
    common, own = float(of_seed.var(ddof=1)), own * share
    return Variances(common + own, (common + own) / (common / d + own / own_df))


def _shrunk(s2: Array, left: Array, varying: Any) -> tuple[Array, float]:
    """The moderated s2, and their degrees of freedom. left: what is left of the languages that vary."""
    d, count = len(left) - 1, left.shape[1]
    several = _effective_number(left)
    alike = (count / several - 1) / (count - 1)
    logs = np.log(s2[varying]) - digamma(d / 2) + math.log(d / 2)
    excess = float(logs.var(ddof=1)) - float(polygamma(1, d / 2)) * (1 - alike)
    if excess <= 0:  # the languages differ no more than variances over so few seeds do
        return np.full(len(s2), float(s2[varying].mean())), d * several
    d0 = 2 * _trigamma_inverse(excess)
    s0 = math.exp(float(logs.mean()) + float(digamma(d0 / 2)) - math.log(d0 / 2))
    return (d0 * s0 + d * s2) / (d0 + d), min(d0 + d, d * several)


def _effective_number(differences: Array) -> float:
    """(trace of C)^2 / trace of C^2, of the covariances C of the languages: 1 if all languages move together,
    their number if they are independent and vary alike.
    """
    seeds, languages = differences.shape
    d = seeds - 1
    centred = differences - differences.mean(axis=0)
    gram = centred @ centred.T / d  # the eigenvalues of the covariances, [seeds x seeds] for speed
    trace, squares = float(np.trace(gram)), float((gram**2).sum())
    above = d * (d + 1) * trace**2 - 2 * d * squares
    below = d * d * squares - d * trace**2
    return float(np.clip(above / below, 1, languages)) if below > 0 else float(languages)


def _trigamma_inverse(value: float) -> float:
    """The x with trigamma(x) = `value`."""
    low, high = math.log(1e-8), math.log(1e8)
    if value <= polygamma(1, math.exp(high)):
        return math.exp(high)
    if value >= polygamma(1, math.exp(low)):
        return math.exp(low)
    return math.exp(brentq(lambda x: float(polygamma(1, math.exp(x))) - value, low, high))
