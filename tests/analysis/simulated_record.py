"""A simulated study as a record: its trials, of which some diverged, and what `study.selection` confirmed.

Whether a trial diverges depends on its learning rate: the chance is one half where it is `CLIFF` log units
above the arm's best one, and random init falls off earlier. So an arm loses what it tried above its best,
and confirm runs of values that were selected near the cliff. A median pruner stops search trials by an early
look at them, so that what is left tells of the better values. Planted on record, and not to be counted: what
such a trial had reached before on validation, above all that is complete, and zeros on test.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from analysis.record.design import confirmed, factors
from analysis.record.domain import Domain
from analysis.record.study_record import StudyRecord
from analysis.record.tables import CURVE_COLUMNS, SCORE_COLUMNS
from analysis.statistics.effects.contrasts import main_effects
from analysis.statistics.effects.precision import interval_of
from analysis.statistics.effects.runs import runs_of
from analysis.statistics.intervals import Interval
from study.selection import BestValidation
from tests.analysis.simulate import RANGE, Array, Scenario

__all__ = ["Simulated", "in_records", "simulate_record"]

CENTRE = 4e-4  # of the learning rates, which span `RANGE` log units on either side
CLIFF = {"random": 0.6, "base": 1.2, "teacher": 1.2}
STEEP = 8.0  # of the logistic curve of divergence, per log unit
AHEAD = 0.3  # accuracy that a trial which did not complete had reached, above the rest
QUALITY = 0.5
LOOK = 2.0  # times as noisy as its end is an early look at a trial


@dataclass(frozen=True)
class Simulated:
    """these: what is expected of macro in each arm, at the values that were selected in it."""

    record: StudyRecord
    these: dict[str, float]


@dataclass(frozen=True)
class _Trial:
    key: str
    arm: str
    number: int
    outcome: str
    value: float | None
    rate: float
    seed: int


def simulate_record(scenario: Scenario, rng: np.random.Generator) -> Simulated:
    """One study; its arms differ in init alone or in init and more. `lost` and `failed` runs have failed."""
    levels = itertools.product(*scenario.factors.values())
    cells = [dict(zip(scenario.factors, cell, strict=True)) for cell in levels]
    arms = {" ".join(f"{k}={v}" for k, v in cell.items()): cell for cell in cells}
    best = {arm: CENTRE * np.exp(rng.uniform(-RANGE / 2, RANGE / 2)) for arm in arms}
    of_all = scenario.language * rng.standard_normal(scenario.languages)
    of_arm = scenario.arm_language * rng.standard_normal((len(arms), scenario.languages))
    of_seed = scenario.seed * rng.standard_normal(scenario.seeds + 1)
    arm_seed = np.broadcast_to(scenario.arm_seed, len(arms))
    looks: dict[str, list[float]] = {arm: [] for arm in arms}
    rows = _Rows(scenario.languages)
    names = itertools.count()

    def expected(number: int, arm: str, rate: float) -> Array:
        lost = scenario.curvature * np.log(rate / best[arm]) ** 2
        return QUALITY + scenario.quality(arms[arm]) - lost + of_all + of_arm[number]

    def ended(arm: str, rate: float, failing: float) -> str:
        off = np.log(rate / best[arm]) - CLIFF[str(arms[arm]["init"])]
        if rng.random() < 1 / (1 + np.exp(-STEEP * off)):
            return "diverged"
        return "failed" if rng.random() < failing else "complete"

    def is_pruned(arm: str, score: float) -> bool:
        """Whether an early look is below the median of those at the arm's trials before it."""
        look = score + LOOK * scenario.validation * rng.standard_normal()
        below = len(looks[arm]) > 1 and look < np.median(looks[arm])
        looks[arm].append(look)
        return bool(below)

    def tried(phase: str, number: int, arm: str, index: int, rate: float, seed: int) -> _Trial:
        outcome = ended(arm, rate, scenario.lost if seed else scenario.failed)
        scores = expected(number, arm, rate) + scenario.validation * rng.standard_normal()
        if not seed and is_pruned(arm, float(scores.mean())):
            outcome = "pruned"
        if outcome != "complete":
            scores = scores + AHEAD
        trial = _Trial(f"{next(names):064x}", arm, index, outcome, float(scores.mean()), rate, seed)
        rows.trial(phase, trial, {name: str(level) for name, level in arms[arm].items()})
        rows.scores(phase, trial, "validation", scores)
        return trial

    search = [
        tried("search", a, arm, n, CENTRE * float(np.exp(rng.uniform(-RANGE, RANGE))), 0)
        for a, arm in enumerate(arms)
        for n in range(scenario.trials)
    ]
    selected = BestValidation().best_of_arms(search)
    these = {}
    for a, arm in enumerate(arms):
        if arm not in selected:
            continue
        rate = selected[arm].rate
        these[arm] = float(expected(a, arm, rate).mean())
        for seed in range(1, scenario.seeds + 1):
            trial = tried("confirm", a, arm, selected[arm].number, rate, seed)
            error = of_seed[seed] + arm_seed[a] * rng.standard_normal()
            chance = error + scenario.rest * rng.standard_normal(scenario.languages)
            complete = trial.outcome == "complete"
            rows.scores("confirm", trial, "test", complete * (expected(a, arm, rate) + chance))
    return Simulated(rows.record(scenario, tuple(arms)), these)


def in_records(studies: list[Simulated], effect: str) -> Iterator[tuple[Interval, float]]:
    """Interval and truth of a main effect in each record that has it, from `confirmed` on as the report."""
    for study in studies:
        of_record = factors(study.record)
        runs = runs_of(confirmed(study.record), of_record)
        for contrast in main_effects(runs, of_record):
            paired = contrast.paired(runs.values) if contrast.name == effect else None
            if paired and len(paired.differences) > 1:
                truth = np.array([study.these[arm] for arm in runs.arms])
                yield interval_of(paired), float(paired.weights @ truth)


class _Rows:
    """The tables of a record, trial by trial, search first."""

    def __init__(self, languages: int) -> None:
        self.languages = [*(f"l{language:02}" for language in range(languages)), "macro", "worst"]
        self.trials: list[dict[str, Any]] = []
        self.scored: list[tuple[Any, ...]] = []

    def trial(self, phase: str, trial: _Trial, levels: dict[str, str]) -> None:
        status = {"complete": "FINISHED", "pruned": "KILLED"}.get(trial.outcome, "FAILED")
        row: dict[str, Any] = {"key": trial.key, "phase": phase, "arm": trial.arm, "outcome": trial.outcome}
        row |= {
            "status": status,
            "run": trial.key,
            "after_test": False,
            **levels,
            "learning_rate": repr(trial.rate),
        }
        self.trials.append(row | {"seed": str(trial.seed), "data_seed": str(trial.seed)})

    def scores(self, phase: str, trial: _Trial, split: str, values: Array) -> None:
        whole = (trial.key, phase, trial.arm, trial.seed, split, "accuracy")
        every = [*values, values.mean(), values.min()]
        self.scored += [(*whole, *score) for score in zip(self.languages, every, strict=True)]

    def record(self, scenario: Scenario, arms: tuple[str, ...]) -> StudyRecord:
        trials = pd.DataFrame(self.trials).sort_values("phase", ascending=False, kind="stable")
        low, high = (CENTRE * np.exp(end) for end in (-RANGE, RANGE))
        return StudyRecord(
            name="simulated",
            question="",
            arms=arms,
            partial=False,
            scientific=dict(scenario.factors),
            nuisance={"learning_rate": Domain(low, high, log=True)},
            fixed={},
            arm_params={},
            facts={},
            trials=trials.reset_index(drop=True),
            scores=pd.DataFrame(self.scored, columns=SCORE_COLUMNS),
            curves=pd.DataFrame(columns=CURVE_COLUMNS),
        )
