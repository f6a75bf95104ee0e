"""Everything that the report says of a study, computed once from its record."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from analysis.record.design import cells, confirmed, confirmed_trials, factors
from analysis.record.domain import Value
from analysis.record.languages import SUMMARIES
from analysis.record.study_record import StudyRecord
from analysis.search.sampler_facts import facts_of
from analysis.search.trials import search_results
from analysis.statistics.convergence import convergence_difference, last_gains, steps_to_share
from analysis.statistics.effects.arms import arms_compared
from analysis.statistics.effects.contrasts import COPY_MINUS_DISTILLATION, COPY_X_DISTILLATION
from analysis.statistics.effects.estimates import copying_and_distilling, effects
from analysis.statistics.effects.variance import variance_shares
from analysis.statistics.fractions import fraction_interaction
from analysis.statistics.intervals import MARGIN
from analysis.verdict.audit import Finding, audit
from analysis.verdict.caveats import caveats

__all__ = ["SHARE", "Results"]

SHARE = 0.9
"""Of a final score: how many steps a student needs is told by when it gets there."""


@dataclass(frozen=True)
class Results:
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
    def search(self) -> pd.DataFrame:
        return search_results(self.record)

    @cached_property
    def claim(self) -> pd.DataFrame:
        """Claim C1 as rows of the effects table; none where the factors do not ask it."""
        return self._copying[self._copying["factor"] == COPY_MINUS_DISTILLATION]

    @cached_property
    def claim_interaction(self) -> pd.DataFrame:
        """How copying and distilling act on one another, likewise; p_holm is corrected for the two."""
        return self._copying[self._copying["factor"] == COPY_X_DISTILLATION]

    @cached_property
    def _copying(self) -> pd.DataFrame:
        found = copying_and_distilling(self.confirmed, self.factors, self.cells)
        return self.effects.iloc[:0] if found is None else found

    @cached_property
    def advantage(self) -> pd.DataFrame:
        """Claim C4: the copy's advantage per tenfold less data; no rows where the factors do not ask it."""
        return fraction_interaction(self.confirmed, self.factors)

    @cached_property
    def steps(self) -> pd.DataFrame:
        """Steps to `SHARE` of a final score, a row a confirm run."""
        return steps_to_share(self.learning(), SHARE)

    @cached_property
    def convergence(self) -> pd.DataFrame:
        """Claim C5: log2 of the steps at init = teacher over those at random; no rows without these inits."""
        return convergence_difference(self.learning(), self.cells, self.factors, SHARE)

    @cached_property
    def effects(self) -> pd.DataFrame:
        return effects(self.confirmed, self.factors, self.cells)

    @cached_property
    def shares(self) -> pd.DataFrame:
        return variance_shares(self.confirmed, self.factors)

    @cached_property
    def compared(self) -> pd.DataFrame:
        return arms_compared(self.confirmed)

    @cached_property
    def findings(self) -> list[Finding]:
        return audit(self.record)

    @cached_property
    def caveats(self) -> list[str]:
        """For what the answer holds: what was held and tuned, and how long students were trained."""
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
        """The learning curves that count: of complete confirm runs of what is now selected in their arm."""
        curves = self.record.curves
        keys = confirmed_trials(self.record)["key"]
        return curves[curves["key"].isin(keys) & curves["macro"].notna()]


def _tuned(record: StudyRecord) -> Iterator[str]:
    if record.nuisance:
        tuned = ", ".join(f"{name} ({domain})" for name, domain in record.nuisance.items())
        where = facts_of(record.facts.get("sampler")).where_tuned
        yield f"Tuned anew in every arm, by macro validation accuracy{where}: {tuned}."


def _updates(record: StudyRecord) -> Iterator[str]:
    """At fixed epochs, 1% of the data would also mean 1% of the updates."""
    if "steps" in record.fixed:
        yield f"Every student is trained for {record.fixed['steps']} optimiser steps, whatever its data."
    elif "epochs" in record.fixed:
        yield f"Every student is trained for {record.fixed['epochs']} epochs: less data, fewer updates."


def _still_rising(curves: pd.DataFrame) -> Iterator[str]:
    """Students that are stopped on their way up are behind for that, and not for where they would end."""
    gains = last_gains(curves)
    if rising := int((gains > MARGIN).sum()):
        yield (
            f"In {rising} of {len(gains)} arms validation accuracy still rose by more than {100 * MARGIN:g} "
            "point between the last two reports: trained for longer, arms may differ otherwise."
        )
