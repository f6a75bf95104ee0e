"""The sweep of a study: its trials as settings and scores, its model, and everything that is read from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import pandas as pd

from analysis.record.domain import Value, parse_value
from analysis.record.languages import SUMMARIES
from analysis.record.study_record import StudyRecord
from analysis.sweep.check import Check, check
from analysis.sweep.curves import curves, predicted_table
from analysis.sweep.effects import advantage_by_data, effects, interactions
from analysis.sweep.factors import Factor, factors_of
from analysis.sweep.model import Model, fewest_trials, fit
from analysis.sweep.population import Population, Values
from study.config import GATES, TrialConfig

__all__ = ["MACRO", "Sweep"]

MACRO = "macro"


@dataclass(frozen=True)
class Sweep:
    """What the varied hyperparameters of a study do. Each property is computed when it is first read."""

    record: StudyRecord

    @cached_property
    def factors(self) -> tuple[Factor, ...]:
        """What differs from trial to trial: scientific, varied and nuisance hyperparameters.

        A data fraction stands for the share of the rows that it came to, which may be more.
        """
        record = self.record
        found = factors_of(record.scientific, record.varied, record.nuisance)
        return tuple(self._as_share(factor) for factor in found)

    @cached_property
    def trials(self) -> pd.DataFrame:
        """The trials of the model: complete, scored, and not at chance. Columns as of `scored`."""
        return self.scored[~self.at_chance]

    @cached_property
    def at_chance(self) -> pd.Series:
        """For each trial of `scored`, whether the student learned nothing: macro is at most the margin above
        chance. Such a run is a finding of its own, as a diverged run is. It says nothing about how good a
        student becomes, and no curve passes through such runs and the others."""
        chance = self.record.chance
        if chance is None or MACRO not in self.scored:
            return pd.Series(False, self.scored.index)
        return self.scored[MACRO] <= chance + self.record.margin

    @cached_property
    def scored(self) -> pd.DataFrame:
        """The complete trials that have a score: a column for each factor, and one for each score."""
        trials = self.record.trials
        trials = trials[(trials["phase"] == "search") & (trials["outcome"] == "complete")]
        scores = self.record.scores_of("search", "validation", self.record.metric)
        wide = scores.pivot_table(index="key", columns="language", values="value").dropna(axis=1)
        trials = trials[trials["key"].isin(wide.index)]
        values = {factor.name: self._values(trials, factor) for factor in self.factors}
        return pd.DataFrame(values | {"key": list(trials["key"])}).join(wide, on="key").set_index("key")

    @cached_property
    def scores(self) -> list[str]:
        """macro, worst, and then the languages."""
        there = [name for name in self.trials if name not in {factor.name for factor in self.factors}]
        return [*(name for name in SUMMARIES if name in there), *sorted(set(there) - set(SUMMARIES))]

    @cached_property
    def model(self) -> Model | None:
        """The response model; None if there are too few trials for any."""
        if MACRO not in self.trials or not self.factors:
            return None
        values = {factor.name: list(self.trials[factor.name]) for factor in self.factors}
        return fit(self.factors, values, self.trials[self.scores], MACRO)

    @property
    def fewest(self) -> int:
        """The number of trials from which on there is an answer."""
        return fewest_trials(self.factors)[0]

    @property
    def fewest_for_pairs(self) -> int:
        """The number of trials from which on interactions are in the model."""
        return fewest_trials(self.factors)[-1]

    @cached_property
    def population(self) -> Population:
        assert self.model is not None, "whoever asks has looked at the model"
        return Population(self.model, MACRO, self._effective)

    @cached_property
    def effects(self) -> pd.DataFrame:
        return effects(self.population, self.scores)

    @cached_property
    def interactions(self) -> pd.DataFrame:
        return interactions(self.population, MACRO)

    @cached_property
    def advantage(self) -> pd.DataFrame:
        """Claim C4 from a sweep."""
        return advantage_by_data(self.population, self.scores)

    @cached_property
    def curves(self) -> pd.DataFrame:
        return curves(self.population, MACRO)

    @cached_property
    def curves_by(self) -> pd.DataFrame:
        """The curves for each name of the first factor that has names; empty without one."""
        return self.curves.iloc[:0] if self.by is None else curves(self.population, MACRO, self.by)

    @property
    def by(self) -> str | None:
        named = [factor.name for factor in self.factors if not (factor.numeric or factor.nuisance)]
        return "init" if "init" in named else next(iter(named), None)

    @cached_property
    def check(self) -> Check:
        assert self.model is not None, "whoever asks has looked at the model"
        return check(self.model, MACRO)

    @cached_property
    def predictions(self) -> pd.DataFrame:
        return predicted_table(self.population, MACRO, self.strongest)

    @cached_property
    def strongest(self) -> list[str]:
        """The factors by the size of their largest effect on macro, the largest first."""
        macro = self.effects[self.effects["score"] == MACRO]
        sizes = macro.assign(size=macro["estimate"].abs()).groupby("factor", sort=False)["size"].max()
        return [str(name) for name in sizes.sort_values(ascending=False, kind="stable").index]

    def _values(self, trials: pd.DataFrame, factor: Factor) -> list[Value | None]:
        said = trials[factor.name] if factor.name in trials else pd.Series(None, trials.index, dtype=object)
        values = [parse_value(text) if isinstance(text, str) else None for text in said]
        if factor.name == "data_fraction" and not factor.levels and "data_share" in trials:
            shares = trials["data_share"].tolist()
            values = [
                float(s) if s == s and s is not None else v for s, v in zip(shares, values, strict=True)
            ]
        return values

    def _as_share(self, factor: Factor) -> Factor:
        """`factor`; a range of data fractions begins at the smallest share of the rows."""
        trials = self.record.trials
        if factor.name != "data_fraction" or factor.levels or "data_share" not in trials:
            return factor
        least = trials.loc[trials["phase"] == "search", "data_share"].min()
        return factor if not least > factor.low else replace(factor, low=float(least))

    def _effective(self, settings: Values) -> Values:
        """`settings`, with None for a value that has no effect in its setting (`TrialConfig.inert`)."""
        found = {name: list(values) for name, values in settings.items()}
        if not GATED.intersection(found):
            return found
        gates = [
            [_as_gate(name, value) for value in settings[name]] for name in sorted(GATES & settings.keys())
        ]
        for number, of_setting in enumerate(zip(*gates, strict=True)):
            if of_setting not in self._inert:
                setting = {name: values[number] for name, values in settings.items()}
                self._inert[of_setting] = self._without_effect(setting)
            for name in self._inert[of_setting].intersection(found):
                found[name][number] = None
        return found

    @cached_property
    def _inert(self) -> dict[tuple[Any, ...], frozenset[str]]:
        return {}

    def _without_effect(self, setting: Mapping[str, Any]) -> frozenset[str]:
        """The hyperparameters that have no effect in `setting`."""
        held = {name: parse_value(text) for name, text in self.record.fixed.items()} | dict(setting)
        layers = {"model_layers": int(self.record.facts.get("model_layers", setting.get("depth", 1)))}
        gates = {name: held[name] for name in GATES if name in held}
        return TrialConfig(**NEEDED | layers | gates).inert()


GATED = {"layer_map", "temperature", "loss", "teacher_data", "label_floor"}
"""Hyperparameters that have no effect in some settings of the gates."""
NEEDED: dict[str, Any] = dict.fromkeys(("task", "model"), "") | dict.fromkeys(("model_layers", "depth"), 1)
NEEDED |= dict.fromkeys(("learning_rate", "teacher_learning_rate"), 1e-3)
"""Fields without a default: whether a value has an effect does not depend on them."""


def _as_gate(name: str, value: Any) -> Any:
    """`value`; of an amount, only whether it is the end that switches something off."""
    return value == 1 if name in {"alpha", "data_fraction"} else value
