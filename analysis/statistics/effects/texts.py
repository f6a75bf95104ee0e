"""Which test texts each run answered correctly, and what the choice of the texts adds to a variance.

Test texts are a sample, as seeds are. In one language, a contrast with the weights w has the table

    d[s, t] = sum over arms of w[arm] x correct[arm, s, t]

of seeds and texts, crossed: every seed answers every text. A text moves the differences of all seeds alike,
so more seeds do not reduce its part of the variance of the mean, which is ``covariance / n``: the mean, over
all pairs of seeds, of the covariance of two seeds over the n texts. This number is (MS_text - MS_error) / (S
n) of the two-way table without replicates (Clark 1973).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np

from analysis.statistics.intervals import Array

__all__ = ["Correct", "Spread", "Texts", "texts_of"]

Bits = np.ndarray[Any, np.dtype[np.bool_]]
Correct = Mapping[tuple[str, int], Mapping[str, Bits]]
"""For each (arm, seed) of which they are on record: language to [texts], whether each text was correct."""


class Spread(NamedTuple):
    """What the choice of the texts adds to the variance of an estimate.

    shared: the part that all seeds share; may be below 0 by chance. whole: the variance of the mean over
    seeds, over texts: `shared`, and the errors of single answers, which the variance over seeds has as well.
    df: the degrees of freedom of `whole`. texts: the number of texts.
    """

    shared: float
    whole: float
    df: float
    texts: int


@dataclass(frozen=True, eq=False)
class Texts:
    """correct: for each language, [stored arms x seeds x texts]. there: [stored arms x seeds x languages],
    whether the texts are on record. mix: [arms x stored arms], each arm as a weighted sum of stored arms.
    """

    correct: tuple[Bits, ...]
    there: Bits
    mix: Array
    _squares: dict[Any, tuple[Array, Array]] = field(default_factory=dict)

    def mixed(self, mix: Array) -> Texts:
        """The same texts for other arms: `mix` [new arms x arms] has the weights of the arms."""
        return replace(self, mix=mix @ self.mix)

    def spread(self, weights: Array, seeds: Bits, languages: Sequence[int]) -> Spread | None:
        """The spread of the mean over `languages` of a contrast, over the seeds in the mask `seeds`.

        None if a run or its texts are not on record, with one seed, or with fewer than two texts.
        """
        of_stored = weights @ self.mix
        arms = np.flatnonzero(of_stored)
        if not self._known(arms, seeds, languages):
            return None
        parts, count = [], int(seeds.sum())
        for language in languages:
            of_mean, of_seeds = self._of_language(language, seeds)
            w, n = of_stored[arms], self.correct[language].shape[2]
            whole = float(w @ of_mean[np.ix_(arms, arms)] @ w)
            within = float(w @ of_seeds[np.ix_(arms, arms)] @ w)
            parts.append(_part(whole, within, count, n, 1 / len(languages)))
        return _sum(parts)

    def spread_by_language(self, weights: Array, seeds: Bits) -> Spread | None:
        """The spread of a contrast with `weights` [arms x languages], over the seeds in the mask `seeds`.

        A contrast may so weigh the languages of each arm otherwise. None as in `spread`.
        """
        of_stored = self.mix.T @ weights
        arms, languages = np.flatnonzero(of_stored.any(axis=1)), np.flatnonzero(of_stored.any(axis=0))
        if not self._known(arms, seeds, languages.tolist()):
            return None
        parts, count = [], int(seeds.sum())
        for language in languages.tolist():
            of_mean, of_seeds = self._of_language(language, seeds)
            w = of_stored[arms, language]
            whole = float(w @ of_mean[np.ix_(arms, arms)] @ w)
            within = float(w @ of_seeds[np.ix_(arms, arms)] @ w)
            parts.append(_part(whole, within, count, self.correct[language].shape[2], 1))
        return _sum(parts)

    def spread_of_lowest(
        self, weights: Array, seeds: Bits, languages: Sequence[int], lowest: Any
    ) -> Spread | None:
        """The spread of a contrast of the accuracy in the lowest language of each run.

        lowest: [arms x seeds], the place in `languages` of the lowest language of a run. The lowest language
        of a run counts as chosen before (the first-order variance of a minimum): that another sample of texts
        may have another lowest language is left out.
        """
        assert self.mix.shape[0] == self.mix.shape[1], "the lowest language of a mean of arms"
        arms, count = np.flatnonzero(weights), int(seeds.sum())
        if not self._known(arms, seeds, languages):
            return None
        parts = []
        for place, language in enumerate(languages):
            chosen = (lowest[arms][:, seeds] == place) * weights[arms, None]
            if chosen.any():
                correct = self.correct[language][arms][:, seeds].astype(float)
                d = np.einsum("as,ast->st", chosen, correct)
                whole, within = float(d.mean(axis=0).var(ddof=1)), float(d.var(axis=1, ddof=1).sum())
                parts.append(_part(whole, within, count, d.shape[1], 1))
        return _sum(parts)

    def _known(self, arms: Any, seeds: Bits, languages: Sequence[int]) -> bool:
        there = self.there[np.ix_(arms, np.flatnonzero(seeds), np.array(languages))]
        enough = all(self.correct[language].shape[2] > 1 for language in languages)
        return bool(there.all()) and bool(there.size) and int(seeds.sum()) > 1 and enough

    def _of_language(self, language: int, seeds: Bits) -> tuple[Array, Array]:
        """Covariances over texts, [stored arms x stored arms]: of the means over seeds, and of each seed, as
        a sum over seeds. All contrasts of a study share them.
        """
        key = language, seeds.tobytes()
        if key not in self._squares:
            correct = self.correct[language][:, seeds].astype(float)
            correct -= correct.mean(axis=2, keepdims=True)
            mean, free = correct.mean(axis=1), correct.shape[2] - 1
            flat = correct.reshape(len(correct), -1)
            self._squares[key] = mean @ mean.T / free, flat @ flat.T / free
        return self._squares[key]


def texts_of(
    correct: Correct, arms: Sequence[str], seeds: Sequence[int], languages: Sequence[str]
) -> Texts | None:
    """The texts of these runs; None if no texts are on record.

    A run that has another number of texts in a language than the other runs counts as a run without texts.
    """
    counts: dict[str, int] = {}
    for of_run in correct.values():
        for language, bits in of_run.items():
            counts.setdefault(language, len(bits))
    shape = len(arms), len(seeds)
    there = np.zeros((*shape, len(languages)), dtype=bool)
    tables = [np.zeros((*shape, counts.get(language, 0)), dtype=bool) for language in languages]
    for (a, arm), (s, seed) in ((a, s) for a in enumerate(arms) for s in enumerate(seeds)):
        of_run = correct.get((arm, seed), {})
        for place, language in enumerate(languages):
            answers = of_run.get(language)
            if answers is not None and len(answers) == counts[language]:
                tables[place][a, s], there[a, s, place] = answers, True
    return Texts(tuple(tables), there, np.eye(len(arms))) if there.any() else None


def _part(whole: float, within: float, seeds: int, texts: int, weight: float) -> tuple[float, float, int]:
    """(shared, whole, texts) of one language with `weight` in the estimate."""
    between = (seeds**2 * whole - within) / (seeds * (seeds - 1))
    return weight**2 * between / texts, weight**2 * whole / texts, texts


def _sum(parts: Sequence[tuple[float, float, int]]) -> Spread:
    """Languages have texts of their own, so variances add; degrees of freedom as of Satterthwaite (1946)."""
    whole = sum(part[1] for part in parts)
    squares = sum(part[1] ** 2 / (part[2] - 1) for part in parts)
    texts = sum(part[2] for part in parts)
    df = whole**2 / squares if squares > 0 else float(texts - len(parts))
    return Spread(sum(part[0] for part in parts), whole, df, texts)
