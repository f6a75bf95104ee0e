"""Studies made by hand, with numbers that no student ever had: test data for the report and its figures."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from analysis.record.domain import Domain
from analysis.record.study_record import StudyRecord

__all__ = ["MASSIVE", "accuracy", "invented_study"]

MASSIVE = (
    *("af-ZA", "am-ET", "ar-SA", "az-AZ", "bn-BD", "ca-ES", "cy-GB", "da-DK", "de-DE", "el-GR", "en-US"),
    *("es-ES", "fa-IR", "fi-FI", "fr-FR", "he-IL", "hi-IN", "hu-HU", "hy-AM", "id-ID", "is-IS", "it-IT"),
    *("ja-JP", "jv-ID", "ka-GE", "km-KH", "kn-IN", "ko-KR", "lv-LV", "ml-IN", "mn-MN", "ms-MY", "my-MM"),
    *("nb-NO", "nl-NL", "pl-PL", "pt-PT", "ro-RO", "ru-RU", "sl-SL", "sq-AL", "sv-SE", "sw-KE", "ta-IN"),
    *("te-IN", "th-TH", "tl-PH", "tr-TR", "ur-PK", "vi-VN", "zh-CN", "zh-TW"),
)
INERT = {"temperature": ("alpha", 1.0), "loss": ("alpha", 1.0), "teacher_data": ("data_fraction", 1.0)}

Levels = Mapping[str, Any]


def accuracy(levels: Levels) -> float:
    """Macro accuracy of an arm, invented so that every factor has an effect and two interact."""
    init = {"random": 0.0, "base": 0.12, "teacher": 0.17}.get(levels.get("init", "base"), 0.1)
    less = -np.log10(levels.get("data_fraction", 1.0))
    distilled = 0.035 * (1 - levels.get("alpha", 1.0))
    own = 0.05 if levels.get("teacher_data") == "same" else 0.0
    depth = 0.03 * np.log2(levels.get("depth", 3) / 3)
    warm = -0.004 * (levels.get("temperature", 2.0) - 3) ** 2 if "temperature" in levels else 0.0
    return float(0.62 + init + distilled + depth + warm - less * (0.16 - 0.35 * init + own))


def invented_study(
    scientific: Mapping[str, Sequence[Any]],
    seeds: int = 6,
    languages: Sequence[str] = ("arb", "deu", "ell", "kat", "rus", "swh"),
    search: int = 8,
    name: str = "invented",
    question: str = "How much comes from the initialisation, and how much from distillation?",
    score: Callable[[Levels], float] = accuracy,
    partial: bool = False,
) -> StudyRecord:
    """A finished study of the full grid of `scientific`."""
    rng = np.random.default_rng(7)
    arms: dict[str, dict[str, Any]] = {}
    for combination in itertools.product(*scientific.values()):
        levels = dict(zip(scientific, combination, strict=True))
        shown = {
            k: v
            for k, v in levels.items()
            if k not in INERT or INERT[k][0] not in levels or levels[INERT[k][0]] != INERT[k][1]
        }
        arms.setdefault(" ".join(f"{k}={v}" for k, v in shown.items()) or "all", shown)
    offsets = rng.normal(0, 0.06, len(languages))
    effects = rng.normal(0, 0.02, (len(arms), len(languages)))
    luck = rng.normal(0, 0.006, seeds + 1)
    made = _Made(tuple(languages))
    made.trial("teacher", None, "complete", 0, {})
    made.score("validation", 0.86 + offsets)
    for number, (arm, shown) in enumerate(arms.items()):
        best = (-1.0, 3e-4)
        for index in range(search + seeds):
            confirm = index >= search
            seed = index - search + 1 if confirm else 0
            rate = best[1] if confirm else float(10 ** rng.uniform(-4.3, -2.6))
            level = score(shown) - 0.04 * np.log10(rate / 4e-4) ** 2 + luck[seed] + rng.normal(0, 0.004)
            values = np.clip(level + offsets + effects[number] + rng.normal(0, 0.01, len(languages)), 0, 1)
            outcome = "pruned" if index in (3, 5) and not confirm else "complete"
            outcome = "diverged" if not confirm and index == 6 and shown.get("init") == "random" else outcome
            params = {name: str(value) for name, value in shown.items()} | {"learning_rate": repr(rate)}
            made.trial("confirm" if confirm else "search", arm, outcome, seed, params)
            if outcome != "complete":
                continue
            best = max(best, (float(values.mean()), rate)) if not confirm else best
            made.score("validation", values)
            if confirm:
                made.score("test", np.clip(values + rng.normal(-0.01, 0.005, len(languages)), 0, 1))
                made.curve(values.mean())
    return StudyRecord(
        name=name,
        question=question,
        arms=tuple(arms),
        partial=partial,
        scientific={k: tuple(v) for k, v in scientific.items()},
        nuisance={"learning_rate": Domain.parse("5e-05..0.003, logarithmic")},
        fixed={"batch_size": "32", "steps": "400", "warmup": "0.1"},
        arm_params={arm: {k: str(v) for k, v in shown.items()} for arm, shown in arms.items()},
        facts={"task": "f" * 64, "model": "e" * 64, "space": "invented", "sampler": "random"},
        trials=pd.DataFrame(made.trials),
        scores=made.scores(),
        curves=pd.concat(made.curves, ignore_index=True),
    )


class _Made:
    """Rows of the tables, trial by trial."""

    def __init__(self, languages: tuple[str, ...]) -> None:
        self.languages = languages
        self.trials: list[dict[str, Any]] = []
        self.scored: list[tuple[Any, ...]] = []
        self.values: list[np.ndarray] = []
        self.curves: list[pd.DataFrame] = []

    def trial(self, phase: str, arm: str | None, outcome: str, seed: int, params: dict[str, str]) -> None:
        number = len(self.trials)
        depth = int(params.get("depth", 3 if arm else 12))
        self.identity = (f"{number:064x}", phase, arm, seed)
        self.trials.append(
            {"key": self.identity[0], "phase": phase, "arm": arm, "outcome": outcome, "status": "FINISHED"}
            | {"run": f"the run {number}", "numerics": "device=cpu threads=1", "after_test": False, **params}
            | {"seed": str(seed), "data_seed": str(seed)}
            | {"steps": "400", "training_loss": 0.4, "seconds": 20.0 + depth, "parameters": 9e5 + 2e5 * depth}
        )

    def score(self, split: str, values: np.ndarray) -> None:
        for metric, factor in (("accuracy", 1.0), ("macro_f1", 0.97), ("retention", 1.1)):
            self.scored.append((*self.identity, split, metric))
            self.values.append(factor * np.array([*values, values.mean(), values.min()]))

    def curve(self, final: float) -> None:
        key, phase, arm, seed = self.identity
        steps = np.arange(40, 401, 40)
        grown = final * (1 - np.exp(-steps / (30 + 300 * (1 - final))))
        identity = {"key": key, "phase": phase, "arm": arm, "seed": seed}
        scores = {"step": steps, "loss": 2 - grown, "macro": grown, "worst": 0.8 * grown}
        self.curves.append(pd.DataFrame(identity | scores))

    def scores(self) -> pd.DataFrame:
        each = [*self.languages, "macro", "worst"]
        columns = ["key", "phase", "arm", "seed", "split", "metric"]
        table = pd.DataFrame(self.scored, columns=columns)
        table = table.loc[table.index.repeat(len(each))].reset_index(drop=True)
        return table.assign(language=each * len(self.scored), value=np.concatenate(self.values))
