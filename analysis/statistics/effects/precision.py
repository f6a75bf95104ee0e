"""How sure an effect is: the interval of a contrast, over seeds, over test texts, and over tunings.

The variance of an estimate is the part of the seeds, and the part of the texts that all seeds share:

    variance = V_seeds + V_texts,  V_seeds = variance over seeds / S,  V_texts = sum of covariance / (n L^2)

with the covariance of two seeds over the texts of each of L languages (`texts.py`). This is the residual
counted once, as in `analysis.statistics.intervals.new_languages`. If V_seeds alone, or the variance over
texts of the mean over seeds alone, is larger, the larger number is used: both are a component and the
residual, so a smaller sum is chance. The degrees of freedom are the harmonic mean of those of both sources,
weighted by their variances, also as in `new_languages`. The part of the tuning is added last (`tuning.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from analysis.statistics.effects.contrasts import Paired
from analysis.statistics.effects.texts import Spread
from analysis.statistics.effects.tuning import widened
from analysis.statistics.intervals import LEVEL, Array, Interval, new_languages, paired_t, student
from analysis.statistics.moderation import moderated

__all__ = ["interval_for", "interval_of", "intervals_of_languages", "new_languages_of"]


class SeedPart(NamedTuple):
    """The variance of one seed's difference, and its degrees of freedom."""

    variance: float
    df: float


def interval_of(paired: Paired, level: float = LEVEL, seeds: SeedPart | None = None) -> Interval:
    """The interval of a contrast for these languages: over seeds, texts and tunings.

    All languages of `paired` have equal weights, so the mean over them is macro. seeds: the variance over
    seeds, if more is known of the variance than the differences themselves show.
    """
    found = interval_for(paired.differences.mean(axis=1), paired.texts, level, seeds)
    return widened(found, paired.tuning)


def interval_for(
    differences: Array, texts: Spread | None, level: float = LEVEL, seeds: SeedPart | None = None
) -> Interval:
    """The interval of the mean of `differences` [seeds], of which `texts` has the part of the texts."""
    n = len(differences)
    if n < 2 or (texts is None and seeds is None):
        return paired_t(differences, level)
    variance, df = seeds or SeedPart(float(np.var(differences, ddof=1)), n - 1)
    of_seeds, estimate = variance / n, float(np.mean(differences))
    if texts is None:
        return student(estimate, of_seeds, df, n, level)
    total = max(of_seeds + texts.shared, of_seeds, texts.whole)
    parts = of_seeds / df + texts.whole / texts.df
    both = (of_seeds + texts.whole) / parts if parts > 0 else df
    return student(estimate, total, both, n, level, texts.texts)


def intervals_of_languages(of_languages: Sequence[Paired | None]) -> list[Interval | None]:
    """The interval of a contrast in each of several languages alone; None where there is no difference.

    The variances over seeds of the languages with the same seeds and arms are shrunk towards each other
    (`analysis.statistics.moderation`): each language has few seeds, and the languages are many.
    """
    found: list[Interval | None] = [None] * len(of_languages)
    alike: dict[tuple[object, ...], list[int]] = {}
    for place, paired in enumerate(of_languages):
        if paired is not None:
            alike.setdefault((paired.kept, paired.seeds.tobytes()), []).append(place)
    for places in alike.values():
        group = [paired for place in places if (paired := of_languages[place]) is not None]
        differences = np.column_stack([paired.differences[:, 0] for paired in group])
        if len(differences) < 2:
            for place, paired in zip(places, group, strict=True):
                found[place] = interval_of(paired)
            continue
        values, df = moderated(differences)
        for place, paired, variance, free in zip(places, group, values, df, strict=True):
            found[place] = interval_of(paired, seeds=SeedPart(float(variance), float(free)))
    return found


def new_languages_of(paired: Paired, these: Interval) -> Interval:
    """The interval of a contrast for new languages; never narrower than `these`, for these languages.

    New languages are languages that the students are trained on, like those of the study, and not languages
    without training data. The variance over languages has the part of the texts already.
    """
    found = widened(new_languages(paired.differences), paired.tuning)
    if found.high - found.low < these.high - these.low:
        return these
    return replace(found, texts=these.texts)
