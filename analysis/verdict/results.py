"""Everything that the report shows of a study, computed once from the record of the study."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from analysis.record.design import (
    cells,
    confirmed,
    confirmed_trials,
    correct_texts,
    data_shares,
    factors,
)
from analysis.record.domain import Value
from analysis.record.languages import SUMMARIES
from analysis.record.study_record import StudyRecord
from analysis.search.sampler_facts import facts_of
from analysis.search.trials import search_results
from analysis.statistics.convergence import convergence_difference, last_gains, steps_to_share
from analysis.statistics.effects.arms import arms_compared
from analysis.statistics.effects.contrasts import COPY_MINUS_DISTILLATION, COPY_X_DISTILLATION
from analysis.statistics.effects.estimates import copying_and_distilling, effects
from analysis.statistics.effects.texts import Correct
from analysis.statistics.effects.variance import variance_shares
from analysis.statistics.fractions import fraction_interaction
from analysis.statistics.intervals import MARGIN
from analysis.verdict.audit import Finding, audit
from analysis.verdict.caveats import caveats

__all__ = ["SHARE", "Results"]

SHARE = 0.9
"""The share of a final score that counts as reached, for the number of steps that a student needs."""


@dataclass(frozen=True)
class Results:
    """The results of a study. Each property is computed when it is first read, and kept.

    Properties that are tables have no rows if the factors of the study do not ask for them.
    """

    record: StudyRecord

    @cached_property
    def factors(self) -> dict[str, tuple[Value, ...]]:
        return factors(self.record)

    @cached_property
    def cells(self) -> pd.DataFrame:
        return cells(self.record)

    @cached_property
    def confirmed(self) -> pd.DataFrame:
        return confirmed(self.record)

    @cached_property
    def correct(self) -> Correct:
        """Which test texts each confirm run answered correctly; empty if that is not on record."""
        return correct_texts(self.record)

    @cached_property
    def search(self) -> pd.DataFrame:
        return search_results(self.record)

    @cached_property
    def claim(self) -> pd.DataFrame:
        """Claim C1, as rows of the table of effects."""
        return self._copying[self._copying["factor"] == COPY_MINUS_DISTILLATION]

    @cached_property
    def claim_interaction(self) -> pd.DataFrame:
        """The interaction of copying and distilling; p_holm is corrected for `claim` and it together."""
        return self._copying[self._copying["factor"] == COPY_X_DISTILLATION]

    @cached_property
    def _copying(self) -> pd.DataFrame:
        found = copying_and_distilling(self.confirmed, self.factors, self.cells, self.correct)
        return self.effects.iloc[:0] if found is None else found

    @cached_property
    def advantage(self) -> pd.DataFrame:
        """Claim C4: the change of the copy's advantage for every tenfold reduction of the data."""
        return fraction_interaction(
            self.confirmed, self.factors, shares=self.data_shares, correct=self.correct
        )

    @cached_property
    def data_shares(self) -> dict[Value, float]:
        """The share of the training rows that each data fraction came to."""
        return data_shares(self.record)

    @cached_property
    def steps(self) -> pd.DataFrame:
        """Steps to `SHARE` of a final score; one row for each confirm run."""
        return steps_to_share(self.learning(), SHARE)

    @cached_property
    def convergence(self) -> pd.DataFrame:
        """Claim C5: log2 of the steps with init = teacher divided by the steps with init = random."""
        return convergence_difference(self.learning(), self.cells, self.factors, SHARE)

    @cached_property
    def effects(self) -> pd.DataFrame:
        return effects(self.confirmed, self.factors, self.cells, self.correct)

    @cached_property
    def shares(self) -> pd.DataFrame:
        return variance_shares(self.confirmed, self.factors)

    @cached_property
    def compared(self) -> pd.DataFrame:
        return arms_compared(self.confirmed, self.correct)

    @cached_property
    def findings(self) -> list[Finding]:
        return audit(self.record)

    @cached_property
    def caveats(self) -> list[str]:
        """Conditions of the answer: values that were held and tuned, and the length of the training."""
        return [
            *caveats(self.record),
            *_tuned(self.record),
            *_updates(self.record),
            *_still_rising(self.learning()),
        ]

    @cached_property
    def languages(self) -> list[str]:
        return sorted(set(self.confirmed["language"]) - set(SUMMARIES))

    def learning(self) -> pd.DataFrame:
        """The learning curves of complete confirm runs that have the selected values of their arm."""
        curves = self.record.curves
        keys = confirmed_trials(self.record)["key"]
        return curves[curves["key"].isin(keys) & curves["macro"].notna()]


def _tuned(record: StudyRecord) -> Iterator[str]:
    if record.nuisance:
        tuned = ", ".join(f"{name} ({domain})" for name, domain in record.nuisance.items())
        where = facts_of(record.facts.get("sampler")).where_tuned
        yield f"Tuned separately in every arm, by macro validation accuracy{where}: {tuned}."


def _updates(record: StudyRecord) -> Iterator[str]:
    """The length of the training. With fixed epochs, 1% of the data also means 1% of the updates."""
    if "steps" in record.fixed:
        yield (
            f"Every student is trained for {record.fixed['steps']} optimiser steps, for every amount of data."
        )
    elif "epochs" in record.fixed:
        yield f"Every student is trained for {record.fixed['epochs']} epochs: less data means fewer updates."


def _still_rising(curves: pd.DataFrame) -> Iterator[str]:
    """Arms whose accuracy still rises at the end: short training may be why their students are behind."""
    gains = last_gains(curves)
    if rising := int((gains > MARGIN).sum()):
        yield (
            f"In {rising} of {len(gains)} arms, validation accuracy rose by more than {100 * MARGIN:g} point "
            "between the last two reports: with longer training, the differences between arms may change."
        )
