"""Variances of many languages, each over few seeds, shrunk towards each other (moderated t; Smyth 2004).

"Linear models and empirical Bayes methods for assessing differential expression in microarray experiments",
as in the R package limma: the variances of the languages are taken as drawn from a scaled inverse chi squared
distribution, whose parameters follow from the mean and the variance of their logarithms.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq
from scipy.special import digamma, polygamma

from analysis.statistics.intervals import TINY, Array

__all__ = ["Variances", "moderated"]

FEWEST = 3
"""With fewer languages nothing is known of how the variances of languages differ."""


class Variances(NamedTuple):
    """values: [languages], the variance of one seed's difference. df: their degrees of freedom."""

    values: Array
    df: float


def moderated(differences: Array) -> Variances:
    """The variance over seeds of each language of `differences` [seeds x languages], moderated.

    With the sample variances s2 and d = S - 1 degrees of freedom, and the prior variance s0 and its degrees
    of freedom d0 from the moments of log s2, a moderated variance is ``(d0 s0 + d s2) / (d0 + d)``.

    Smyth takes the s2 as independent. Here a seed moves many languages together, so the s2 of languages are
    alike because they are correlated. Two things are therefore changed. The expected variance of log s2 is
    ``trigamma(d / 2) (1 - r)``, where r is the mean squared correlation of two languages. And the degrees of
    freedom d0 + d are at most those of the pooled variance: d times the effective number of languages (Box
    1954), which has the unbiased estimates of Huynh and Feldt (1976) above and below the line.

    With fewer than three seeds, or three languages that vary, the sample variances are returned.
    """
    seeds, languages = differences.shape
    d = seeds - 1
    s2 = differences.var(axis=0, ddof=1)
    varying = s2 > TINY**2
    if d < 2 or varying.sum() < FEWEST:
        return Variances(s2, d)
    several = _effective_number(differences[:, varying])
    count = int(varying.sum())
    alike = (count / several - 1) / (count - 1)
    logs = np.log(s2[varying]) - digamma(d / 2) + math.log(d / 2)
    excess = float(logs.var(ddof=1)) - float(polygamma(1, d / 2)) * (1 - alike)
    if excess > 0:
        d0 = 2 * _trigamma_inverse(excess)
        s0 = math.exp(float(logs.mean()) + float(digamma(d0 / 2)) - math.log(d0 / 2))
        values = (d0 * s0 + d * s2) / (d0 + d)
    else:
        d0, values = math.inf, np.full(languages, float(s2[varying].mean()))
    return Variances(values, min(d0 + d, d * several))


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
