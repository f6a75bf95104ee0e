"""The record of a study as tidy tables, and what the rules of `study.selection` select in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from analysis.record.domain import Domain, Value, parse_value
from analysis.record.metric import metric_of
from analysis.record.shares import IDENTITY
from analysis.record.texts import Answers
from study.config import SUMMARIES, TrialConfig, rounded
from study.front import fronts_of_arms
from study.selection import BEST_TRIED, INTERPOLATED, BestValidation, Selected, select, selection_name

__all__ = ["Candidate", "StudyRecord"]

MARGIN = 0.01
"""The margin of a study whose record has none: 1 point of accuracy."""


@dataclass(frozen=True)
class StudyRecord:
    """The record of a study. A value that was not measured has no row, or is missing in its row.

    arms: in planned order. partial: the run of the study in MLflow is not FINISHED, or is absent, or trials
    are missing. missing: how many trials had ended and are not in MLflow.
    scientific: factors and their levels in planned order; nuisance: where each was tuned; varied: over which
    values each was varied; fixed: held values,
    named by the space or equal in all trials; arm_params: the params of the run of each arm, with values that
    have no effect; facts: the other params of the run of the study; tags: the tags of the run of the study.
    about: those of the tags that describe the study (`shares.ABOUT`); if two homes have different values,
    both, joined by a semicolon. readers: the names of the other studies on the same task in the same store of
    MLflow, each with the number of its confirm runs, which read test; None if the store does not show them.

    trials: one row for each teacher or trial, with its params as text, and the metrics training_loss,
    seconds, parameters and data_share (the share of the training rows that the student saw, if it saw a
    fraction). after_test: a search trial began after confirm runs had begun. tuning: the number of the
    tuning, from 0. selected: the rule that selected the values of a confirm run, if that is on record. The
    order is teachers, search,
    confirm; then arm, seed, and the order of the ledger. scores: one row for each (trial, split,
    metric, language), with the last value; `macro` and `worst` are rows too. curves: one row for each report
    of the confirm runs and of the best search trial of each arm: training loss, and macro accuracy and the
    accuracy of the worst language on validation. Scores and curves have the order of `trials`.

    text_counts: language to the number of its test texts. answers: the key of a complete confirm run to the
    test texts that the run answered correctly. Both are empty in records of older versions, and `answers` is
    empty in a home without artifacts. unseen: the key of a trial to the languages without training texts of
    the student; a trial whose student saw all languages, or whose version did not record them, has no entry.
    """

    name: str
    question: str
    arms: tuple[str, ...]
    partial: bool
    scientific: dict[str, tuple[Value, ...]]
    nuisance: dict[str, Domain]
    fixed: dict[str, str]
    arm_params: dict[str, dict[str, str]]
    facts: dict[str, str]
    trials: pd.DataFrame
    scores: pd.DataFrame
    curves: pd.DataFrame
    missing: int = 0
    about: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    readers: dict[str, int] | None = None
    text_counts: dict[str, int] = field(default_factory=dict)
    answers: dict[str, Answers] = field(default_factory=dict)
    varied: dict[str, Domain] = field(default_factory=dict)
    unseen: dict[str, frozenset[str]] = field(default_factory=dict)

    @property
    def metric(self) -> str:
        """The metric that arms are compared by: accuracy, or the F1 of entities."""
        return metric_of(self.facts)

    @property
    def margin(self) -> float:
        """A difference of accuracy of at most this size counts as no difference."""
        return float(self.tags.get("margin", MARGIN))

    @property
    def chance(self) -> float | None:
        """Macro accuracy on test of the best answer that reads no text; None if it is not on record."""
        return float(self.tags["chance"]) if "chance" in self.tags else None

    @property
    def part(self) -> str | None:
        """The sentence that the record is a part of the study only; None if the record is whole."""
        if self.missing:
            return (
                f"Partial: MLflow lacks {self.missing} of the trials of this study. "
                f"`kdstudy status {self.name} --sync` sends them again."
            )
        if self.partial:
            return "Partial: this study has not finished. More trials may change every number below."
        return None

    def scores_of(self, phase: str, split: str, metric: str) -> pd.DataFrame:
        s = self.scores
        return s[(s["phase"] == phase) & (s["split"] == split) & (s["metric"] == metric)]

    @property
    def select_on(self) -> str:
        """The languages of the macro validation accuracy that selects: seen or all, as older versions did."""
        return self.facts.get("select_on", "all")

    def unseen_of_arms(self) -> dict[str, frozenset[str]]:
        """The languages that the students of each arm are not trained on; an arm without any has no entry."""
        there = self.trials[self.trials["key"].isin(list(self.unseen))].drop_duplicates("arm")
        return {str(arm): self.unseen[key] for arm, key in zip(there["arm"], there["key"], strict=True)}

    @cached_property
    def selecting(self) -> dict[str, float]:
        """The key of each trial with scores to the validation score by which trials are selected."""
        scores = self.scores[(self.scores["split"] == "validation") & (self.scores["metric"] == self.metric)]
        found: dict[str, float] = {}
        for name in ("macro", selection_name(self.select_on, SUMMARIES)):  # the second one, if there is one
            rows = scores[scores["language"] == name].drop_duplicates("key")
            found |= dict(zip(rows["key"], rows["value"], strict=True))
        return found

    @cached_property
    def best(self) -> dict[str, str]:
        """The key of the best tried search trial of each arm, by the rule of `study.selection`.

        Of equal trials, the first in the order of the ledger counts. Older versions do not record this order,
        and two homes have an order each; therefore a trial that was confirmed comes before the others.
        """
        best = {arm: front[0] for arm, front in self.fronts.items()}
        best = best or BestValidation().best_of_arms(self.candidates)
        return {arm: best[arm].key for arm in self.arms if arm in best}

    @cached_property
    def fronts(self) -> dict[str, list[Candidate]]:
        """The Pareto front of each arm, the highest score first; empty if the study has no costs."""
        with_costs = [c for c in self.candidates if not np.isnan(c.costs).any()]
        return fronts_of_arms(with_costs) if self.costs else {}

    @cached_property
    def selected(self) -> dict[tuple[str, int], dict[str, Value]]:
        """The tuned values with an effect that validation selects, for each arm and tuning.

        The study's own rule is applied again (`study.selection.select`). The values are those of the best
        tried trial, or, if the study selects by interpolation, those of the interpolated optimum.
        """
        return {
            search: dict(found.tried.values) | rounded(found.point)
            for search, found in self.selections.items()
        }

    @property
    def costs(self) -> tuple[str, ...]:
        """The names of the costs that are objectives beside the score (`study/planning/costs.py`)."""
        return tuple(name for name in self.facts.get("costs", "").split(", ") if name)

    @property
    def sampler(self) -> str | None:
        """The sampler that chose the search trials; None if this is not known, or the user chose some."""
        return None if "enqueued" in self.facts else self.facts.get("sampler")

    @cached_property
    def selections(self) -> dict[tuple[str, int], Selected[Candidate]]:
        """For each arm and tuning with a complete search trial: what is selected, by which rule and fit.

        In a study with costs, this is the student of each arm's front that has the highest score. Empty if
        the study varies hyperparameters: it selects nothing.
        """
        if self.varied:
            return {}
        if self.costs:
            return {(arm, 0): Selected(front[0], {}, BEST_TRIED, "") for arm, front in self.fronts.items()}
        interpolated = self.facts.get("selection") == INTERPOLATED
        ranges = {
            name: domain.log for name, domain in self.nuisance.items() if interpolated and domain.is_range
        }
        searches: dict[tuple[str, int], list[Candidate]] = {
            (arm, tuning): [] for tuning in sorted({c.tuning for c in self.candidates}) for arm in self.arms
        }
        for candidate in self.candidates:
            if (candidate.arm, candidate.tuning) in searches:
                searches[candidate.arm, candidate.tuning].append(candidate)
        found = {search: select(of, lambda c: c.values, ranges) for search, of in searches.items()}
        return {search: selected for search, selected in found.items() if selected is not None}

    @cached_property
    def candidates(self) -> list[Candidate]:
        """The search trials of all arms, in the form that the selection rules need."""
        macro = self.selecting
        search = self.trials[(self.trials["phase"] == "search") & self.trials["arm"].notna()]
        order = np.arange(len(search)) + np.where(self._was_confirmed(search), 0, len(search))
        tuned = search[[name for name in self.nuisance if name in search]].to_dict("records")
        values = [
            {name: parse_value(text) for name, text in row.items() if isinstance(text, str)} for row in tuned
        ]
        costs = [search[name] if name in search else [np.nan] * len(search) for name in self.costs]
        tunings = search["tuning"] if "tuning" in search else [0] * len(search)
        return [
            Candidate(key, arm, number, outcome, macro.get(key), tuning, of_trial, of_costs)
            for key, arm, number, outcome, tuning, of_trial, of_costs in zip(
                search["key"],
                search["arm"],
                order.tolist(),
                search["outcome"],
                tunings,
                values,
                zip(*costs, strict=True) if costs else [()] * len(search),
                strict=True,
            )
        ]

    def _was_confirmed(self, search: pd.DataFrame) -> list[bool]:
        """For each search trial, whether a confirm run of its arm has the same values."""
        said = [name for name in TrialConfig.model_fields if name in search and name not in IDENTITY]

        def values(trials: pd.DataFrame) -> Iterator[tuple[Any, ...]]:
            return trials[["arm", *said]].fillna("").itertuples(index=False, name=None)

        confirmed = set(values(self.trials[self.trials["phase"] == "confirm"]))
        return [each in confirmed for each in values(search)]


class Candidate(NamedTuple):
    """A search trial in the form that the selection rules need.

    values: its tuned values with an effect. costs: in the order of the study's costs.
    """

    key: str
    arm: str
    number: int
    outcome: str | None
    value: float | None
    tuning: int
    values: dict[str, Value]
    costs: tuple[float, ...] = ()
