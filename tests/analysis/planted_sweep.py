"""Sweeps whose true effects are known: settings spread evenly, a planted score, noise that grows as data
shrink.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit
from scipy.stats import qmc

from analysis.record.domain import Domain
from analysis.record.study_record import StudyRecord
from analysis.sweep.factors import Factor

__all__ = [
    "FACTORS",
    "LINK",
    "NOTHING",
    "SATURATING",
    "SECOND_ORDER",
    "Truth",
    "planted",
    "record_of",
    "true_mean",
]

Array = np.ndarray[Any, np.dtype[np.float64]]
Values = Mapping[str, Any]
Truth = Callable[[Values], Array]

FACTORS = (
    Factor("init", ("random", "base", "teacher"), False),
    Factor("depth", (2, 3, 5), True, log=True),
    Factor("alpha", (), True, 0.0, 1.0),
    Factor("temperature", (), True, 1.0, 8.0, True),
    Factor("data_fraction", (), True, 0.02, 1.0, True),
    Factor("learning_rate", (), True, 1e-4, 3e-3, True, nuisance=True),
)
COPIED = {"random": 0.0, "base": 0.5, "teacher": 1.0}
LANGUAGES = {"deu": 0.02, "yor": -0.03, "swh": 0.01}
"""Each language above or below macro."""


def _units(values: Values) -> tuple[Array, ...]:
    """init, depth, 1 - alpha, temperature, data, learning rate: each from 0 to 1, or -1 to 2 for depth."""
    init = np.array([COPIED[name] for name in values["init"]])
    places = [
        np.log(np.array(values[name], float) / low) / math.log(high / low)
        for name, low, high in (
            ("temperature", 1, 8),
            ("data_fraction", 0.02, 1),
            ("learning_rate", 1e-4, 3e-3),
        )
    ]
    return init, np.array(values["depth"], float) - 3, 1 - np.array(values["alpha"], float), *places


def nothing(values: Values) -> Array:
    return np.full(len(values["init"]), 0.6)


def second_order(values: Values) -> Array:
    """A second-order surface of the score, whose best learning rate depends on the init method."""
    init, depth, soft, heat, data, rate = _units(values)
    score = 0.3 + 0.2 * init + 0.04 * depth + 0.35 * data - 0.2 * init * data + 0.05 * soft * (1 - data)
    return np.asarray(score - 0.04 * heat * soft - 0.5 * (rate - 0.55 - 0.15 * init) ** 2)


def saturating(values: Values) -> Array:
    """A score between 5 and 90 points, steep in the data."""
    init, depth, soft, heat, data, rate = _units(values)
    height = -1.5 + 2 * init + 0.2 * depth + 4 * data - 1.5 * init * data + 0.5 * soft * (1 - data)
    return np.asarray(0.05 + 0.85 * expit(height - 0.3 * heat * soft - 6 * (rate - 0.6 + 0.15 * init) ** 2))


def link(values: Values) -> Array:
    """Exactly what the model can be: lines, curves and products on the logit."""
    init, depth, soft, heat, data, _ = _units(values)
    return np.asarray(
        expit(-1 + 1.5 * init + 0.2 * depth + 2 * data - data**2 - init * data - 0.5 * heat * soft)
    )


NOTHING, SECOND_ORDER, SATURATING, LINK = nothing, second_order, saturating, link


def planted(
    truth: Truth, trials: int, rng: np.random.Generator, noise: float = 0.02
) -> tuple[dict[str, list[Any]], Array]:
    """(settings, scores) of a sweep. noise: the standard deviation at all data; 2.7 times as much at the
    least.
    """
    shares = qmc.Sobol(len(FACTORS), rng=rng).random_base2(math.ceil(math.log2(trials)))[:trials]
    values = {factor.name: factor.draw(shares[:, column]) for column, factor in enumerate(FACTORS)}
    spread = noise * np.exp(1 - _units(values)[4])
    return values, np.clip(truth(values) + spread * rng.normal(size=trials), 0.0, 1.0)


def true_mean(truth: Truth, given: Values, count: int = 512) -> float:
    """The mean score of the `given` values over settings, each at its best learning rate."""
    shares = qmc.Sobol(len(FACTORS) - 1, rng=np.random.default_rng(5)).random(count)
    settings = {factor.name: factor.draw(shares[:, column]) for column, factor in enumerate(FACTORS[:-1])}
    held = settings | {name: [value] * count for name, value in given.items()}
    rates = FACTORS[-1].grid(41)
    return float(np.max([truth({**held, "learning_rate": [rate] * count}) for rate in rates], axis=0).mean())


def record_of(
    values: Mapping[str, list[Any]], scores: Array, outcome: str = "complete", **more: Any
) -> StudyRecord:
    """The record of a sweep: its trials with params as text, and its scores on validation."""
    keys = [f"{number:064x}" for number in range(len(scores))]
    arm, phase = "all", "search"
    trials = pd.DataFrame({name: list(map(str, column)) for name, column in values.items()})
    trials = trials.assign(key=keys, phase=phase, arm=arm, outcome=outcome, status="FINISHED", numerics=None)
    trials = trials.assign(run=keys, after_test=False, seed=[str(i) for i in range(len(keys))])
    trials["data_seed"] = trials["seed"]
    languages = {name: np.clip(scores + offset, 0, 1) for name, offset in LANGUAGES.items()}
    every = languages | {"macro": scores, "worst": np.min(list(languages.values()), axis=0)}
    rows = [
        (key, phase, arm, int(trials["seed"][i]), "validation", "accuracy", name, float(column[i]))
        for i, key in enumerate(keys)
        for name, column in every.items()
    ]
    columns = ["key", "phase", "arm", "seed", "split", "metric", "language", "value"]
    varied = {factor.name: _domain(factor) for factor in FACTORS if not factor.nuisance}
    facts = {"task": "f" * 64, "model": "e" * 64, "model_layers": "6", "sampler": "quasi", "space": "sweep"}
    known: dict[str, Any] = {
        "name": "sweep",
        "question": "What does each of them do?",
        "arms": (arm,),
        "partial": False,
        "scientific": {},
        "nuisance": {factor.name: _domain(factor) for factor in FACTORS if factor.nuisance},
        "varied": varied,
        "fixed": {"loss": "kl", "steps": "400", "teacher_data": "full", "batch_size": "32"},
        "arm_params": {arm: {}},
        "facts": facts,
        "trials": trials,
        "scores": pd.DataFrame(rows, columns=columns),
        "curves": pd.DataFrame(columns=["key", "phase", "arm", "seed", "step", "loss", "macro", "worst"]),
        "tags": {"chance": "0.1"},
    }
    return StudyRecord(**known | more)


def _domain(factor: Factor) -> Domain:
    if factor.levels:
        return Domain(levels=factor.levels)
    return Domain(factor.low, factor.high, factor.log)
