"""Simulated studies whose true effects are known, the noisy tuning step included.

Each arm has a best value of its nuisance that nobody knows. Its search tries values, evenly spread and the
same in all arms or at random, and takes the one with the highest noisy validation accuracy; accuracy falls
with the square of the distance, in log units, between a value and the best one. The confirm runs then score
at the value that was taken:

    accuracy[a, s, l] = quality[a] + language[l] + arm x language[a, l] + seed[s] + arm x seed[a, s] + rest

The estimand is the effect at the values taken: a contrast of `quality` for new languages, and of `quality`
plus arm x language for these: of its mean for macro, of what is expected of the lowest for worst.

With texts, the accuracy above is the chance that a run answers a text of the language, and a run scores the
share of the texts that it answers. The texts are a sample: the truth is for all texts like these. A text is
answered if

    sqrt(a) difficulty[text] + sqrt(b) difficulty[arm, text] + sqrt(1 - a - b) error[arm, seed, text]

is below the standard normal quantile of the chance, so the chance is exact whatever a and b are.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri
from scipy.stats import qmc

from analysis.record.domain import Value
from analysis.statistics.effects.runs import Runs
from analysis.statistics.effects.texts import Texts

__all__ = ["CORE", "Scenario", "Studies", "simulate"]

Array = np.ndarray[Any, np.dtype[np.float64]]

CORE: dict[str, tuple[Value, ...]] = {"init": ("random", "base", "teacher"), "alpha": (1.0, 0.2)}
DRAWS = 4_000
RANGE = 2.0  # log units that a search spans on either side


def nothing(cell: dict[str, Value]) -> float:
    return 0.0


def normal(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return rng.standard_normal(shape)


@dataclass(frozen=True)
class Scenario:
    """Standard deviations are of accuracy; `quality` is what a cell adds at its best nuisance value.

    curvature: accuracy lost one log unit off; 0 leaves the arms exactly as `quality` says. trials: of each
    arm's search. sampler: "quasi" tries the same points of a scrambled Sobol sequence in all arms.
    validation: noise of one search score. lost: share of confirm runs, and `failed` of search trials, that
    have no score. draw: where all effects but the residual are drawn from, with variance 1. arm_seed: one
    for all arms, or one an arm. texts: of each language, in turn; without, accuracy has no texts. level: what
    all accuracies begin from, with texts. difficulty: a and b, the shares of the variance of a text's
    difficulty that all arms and seeds share, and that the seeds of one arm share.
    """

    factors: dict[str, tuple[Value, ...]] = field(default_factory=lambda: CORE)
    quality: Callable[[dict[str, Value]], float] = nothing
    seeds: int = 5
    languages: int = 8
    seed: float = 0.01
    arm_seed: float | tuple[float, ...] = 0.01
    language: float = 0.1
    arm_language: float = 0.02
    rest: float = 0.02
    trials: int = 8
    sampler: Literal["quasi", "random"] = "quasi"
    curvature: float = 0.02
    validation: float = 0.01
    lost: float = 0.0
    failed: float = 0.0
    draw: Callable[[np.random.Generator, tuple[int, ...]], Array] = normal
    texts: tuple[int, ...] = ()
    level: float = 0.6
    difficulty: tuple[float, float] = (0.3, 0.3)


@dataclass(frozen=True)
class Studies:
    """values: [studies x arms x seeds x languages]. correct: for each language
    [studies x arms x seeds x texts], which texts were answered; empty without texts.

    The truth: `new` languages, [studies x arms], and `languages`, what is expected of each of these,
    [studies x arms x languages].
    """

    scenario: Scenario
    cells: tuple[dict[str, Value], ...]
    values: Array
    new: Array
    languages: Array
    correct: tuple[Any, ...] = ()

    @property
    def every(self) -> range:
        """The numbers of the languages."""
        return range(self.scenario.languages)

    @property
    def these(self) -> Array:
        """[studies x arms]: what is expected of macro."""
        return self.languages.mean(axis=2)

    @property
    def worst(self) -> Array:
        """[studies x arms]: what is expected of the lowest language, which is not the lowest expectation.

            E min = low + integral from low of P(min > x) dx,  P(min > x) = prod_l Phi((mu_l - x) / rest)

        where the minimum cannot lie below `low`. Errors of a run as a whole move all languages alike. With
        texts, the mean over `DRAWS` runs on texts of their own.
        """
        if self.correct:
            return _worst_of_texts(self)
        lowest, rest = self.languages.min(axis=2), self.scenario.rest
        if not rest:
            return lowest
        steps = np.linspace(-7, 4, 60)  # in units of rest; of 100 languages the lowest is 7 off in none
        expected = lowest + rest * steps[0]
        step = rest * (steps[1] - steps[0])
        for at in steps:
            above = ndtr((self.languages - lowest[:, :, None]) / rest - at).prod(axis=2)
            expected = expected + step * above * (0.5 if at == steps[0] else 1)
        return expected

    def runs(self, study: int) -> Runs:
        arms = tuple(" ".join(f"{k}={v}" for k, v in cell.items()) for cell in self.cells)
        seeds, languages = range(1, self.scenario.seeds + 1), range(self.scenario.languages)
        names = tuple(f"l{language:02}" for language in languages)
        texts = None
        if self.correct:
            there = np.isfinite(self.values[study])
            of_study = tuple(of_language[study] for of_language in self.correct)
            texts = Texts(of_study, there, np.eye(len(arms)))
        return Runs(arms, tuple(seeds), names, self.values[study], self.cells, texts)

    def answers(self, study: int) -> dict[tuple[str, int], dict[str, Any]]:
        """One study as `analysis.record.design.correct_texts` gives it."""
        runs = self.runs(study)
        return {
            (arm, seed): {name: self.correct[k][study, a, s] for k, name in enumerate(runs.languages)}
            for (a, arm), (s, seed) in itertools.product(enumerate(runs.arms), enumerate(runs.seeds))
        }

    def table(self, study: int) -> pd.DataFrame:
        """One study as `analysis.record.design.confirmed` gives it."""
        runs = self.runs(study)
        rows = []
        for (a, arm), (s, seed) in itertools.product(enumerate(runs.arms), enumerate(runs.seeds)):
            values = runs.values[a, s]
            if np.isfinite(values).all():
                scores = dict(zip(runs.languages, values, strict=True))
                scores |= {"macro": float(values.mean()), "worst": float(values.min())}
                rows += [(arm, *runs.cells[a].values(), seed, *score) for score in scores.items()]
        return pd.DataFrame(rows, columns=["arm", *self.scenario.factors, "seed", "language", "value"])


def simulate(scenario: Scenario, studies: int, rng: np.random.Generator) -> Studies:
    """`studies` independent studies of one scenario."""
    levels = itertools.product(*scenario.factors.values())
    cells = tuple(dict(zip(scenario.factors, cell, strict=True)) for cell in levels)
    n, a, s, k = studies, len(cells), scenario.seeds, scenario.languages
    quality = np.array([scenario.quality(cell) for cell in cells]) - _lost_in_tuning(scenario, (n, a), rng)
    draw = scenario.draw
    of_arm = scenario.arm_language * draw(rng, (n, a, 1, k))
    of_all = scenario.language * draw(rng, (n, 1, 1, k))
    arm_seed = np.broadcast_to(scenario.arm_seed, a)[:, None, None]
    expected = quality[:, :, None, None] + of_arm + of_all
    values = (
        expected
        + scenario.seed * draw(rng, (n, 1, s, 1))
        + arm_seed * draw(rng, (n, a, s, 1))
        + scenario.rest * rng.standard_normal((n, a, s, k))
    )
    correct = _answered(scenario, values, rng)
    if correct:
        values = np.stack([of_language.mean(axis=3) for of_language in correct], axis=3)
    values[rng.random((n, a, s)) < scenario.lost] = np.nan
    return Studies(scenario, cells, values, quality, expected[:, :, 0], correct)


def _worst_of_texts(studies: Studies) -> Array:
    scenario, rng = studies.scenario, np.random.default_rng(0)
    counts = np.resize(scenario.texts, scenario.languages)
    found = np.empty(studies.new.shape)
    arm_seeds = np.broadcast_to(scenario.arm_seed, found.shape)
    for place in np.ndindex(found.shape):
        of_run = math.hypot(scenario.seed, arm_seeds[place]) * rng.standard_normal((DRAWS, 1))
        accuracy = scenario.level + studies.languages[place] + of_run
        accuracy = accuracy + scenario.rest * rng.standard_normal((DRAWS, scenario.languages))
        shares = rng.binomial(counts, np.clip(accuracy, 0.001, 0.999)) / counts
        found[place] = shares.min(axis=1).mean()
    return found


def _answered(scenario: Scenario, accuracy: Array, rng: np.random.Generator) -> tuple[Any, ...]:
    """For each language [studies x arms x seeds x texts], which texts a run of this accuracy answers."""
    if not scenario.texts:
        return ()
    limits = ndtri(np.clip(scenario.level + accuracy, 0.001, 0.999)).astype(np.float32)
    of_all, of_arm = scenario.difficulty
    studies, arms, seeds, languages = accuracy.shape
    found = []
    for language in range(languages):
        texts = scenario.texts[language % len(scenario.texts)]

        def drawn(*shape: int, share: float, texts: int = texts) -> Any:
            return np.sqrt(np.float32(share)) * rng.standard_normal((studies, *shape, texts), np.float32)

        hard = drawn(1, 1, share=of_all) + drawn(arms, 1, share=of_arm)
        hard = hard + drawn(arms, seeds, share=1 - of_all - of_arm)
        found.append(hard < limits[:, :, :, language, None])
    return tuple(found)


def _lost_in_tuning(scenario: Scenario, shape: tuple[int, int], rng: np.random.Generator) -> Array:
    """[studies x arms]: accuracy lost because the search did not find the best nuisance value."""
    best = rng.uniform(-RANGE / 2, RANGE / 2, (*shape, 1))
    tried = RANGE * (2 * _points(scenario, shape, rng) - 1)
    lost = scenario.curvature * (tried - best) ** 2
    seen = -lost + scenario.validation * rng.standard_normal(lost.shape)
    without = rng.random(lost.shape) < scenario.failed
    without[:, :, 0] = False  # an arm whose trials all fail has no confirm run
    taken = np.where(without, -np.inf, seen).argmax(axis=2)
    return np.take_along_axis(lost, taken[:, :, None], axis=2)[:, :, 0]


def _points(scenario: Scenario, shape: tuple[int, int], rng: np.random.Generator) -> Array:
    """[studies x arms x trials] in [0, 1): where a search tries its nuisance."""
    if scenario.sampler == "random" or not scenario.curvature:  # then it does not matter where
        return rng.random((*shape, scenario.trials))
    power = max(1, scenario.trials - 1).bit_length()  # a Sobol sequence is asked for 2^k points
    of_studies = [qmc.Sobol(1, rng=rng).random_base2(power)[: scenario.trials, 0] for _ in range(shape[0])]
    return np.broadcast_to(np.stack(of_studies)[:, None], (*shape, scenario.trials))
