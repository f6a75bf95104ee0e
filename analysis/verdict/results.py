"""Everything that the report shows of a study, computed once from the record of the study."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
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
from analysis.record.formats import margin_text
from analysis.record.languages import SUMMARIES
from analysis.record.metric import in_words
from analysis.record.study_record import StudyRecord
from analysis.search.front import front_table
from analysis.search.optimum import shortfalls
from analysis.search.trials import search_results
from analysis.statistics.convergence import convergence_difference, last_gains, steps_to_share
from analysis.statistics.effects.arms import arms_compared
from analysis.statistics.effects.copying import Copying, copying_of
from analysis.statistics.effects.estimates import copying_and_distilling, effects
from analysis.statistics.effects.runs import runs_of
from analysis.statistics.effects.scales import interactions_on_two_scales
from analysis.statistics.effects.texts import Correct
from analysis.statistics.effects.transfer import transfer
from analysis.statistics.effects.tuning import Tuning
from analysis.statistics.effects.variance import variance_shares
from analysis.statistics.fractions import fraction_interaction
from analysis.sweep.swept import Sweep
from analysis.verdict.audit import Finding, audit
from analysis.verdict.caveats import caveats
from analysis.verdict.front_answer import front_caveats
from analysis.verdict.settings import settings
from analysis.verdict.sweep_caveats import sweep_caveats

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
    def sweep(self) -> Sweep | None:
        """What the varied hyperparameters do; None if the study varies none."""
        return Sweep(self.record) if self.record.varied else None

    @cached_property
    def front(self) -> pd.DataFrame:
        """The students on the Pareto front; no rows if the study has no costs."""
        return front_table(self.record) if self.record.costs else pd.DataFrame()

    @cached_property
    def search(self) -> pd.DataFrame:
        return search_results(self.record)

    @cached_property
    def correct(self) -> Correct:
        """Which test texts each confirm run answered correctly; empty if that is not on record."""
        return correct_texts(self.record)

    @cached_property
    def tuning(self) -> Tuning:
        """How far each arm may lie below its best values. Every interval of an effect includes this."""
        return shortfalls(self.record)

    @cached_property
    def copying(self) -> Copying | None:
        """Claim C1; None if the factors do not ask for the claim, or no four arms match."""
        runs = runs_of(self.confirmed, self.factors, self.cells, self.tuning, self.correct)
        return copying_of(runs, self.factors, self.record.margin)

    @cached_property
    def claim(self) -> pd.DataFrame:
        """The numbers of claim C1, as rows like those of the table of effects."""
        found = copying_and_distilling(self.confirmed, self.factors, self.cells, self.tuning, self.correct)
        return self.effects.iloc[:0] if found is None else found

    @cached_property
    def advantage(self) -> pd.DataFrame:
        """Claim C4: the change of the copy's advantage for every tenfold reduction of the data."""
        return fraction_interaction(self.confirmed, self.factors, self.data_shares, self.tuning, self.correct)

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
        return effects(self.confirmed, self.factors, self.cells, self.tuning, self.correct)

    @cached_property
    def unseen(self) -> dict[str, frozenset[str]]:
        """The languages that the students of each arm are not trained on; empty if all students saw all."""
        return self.record.unseen_of_arms()

    @cached_property
    def transfer(self) -> pd.DataFrame:
        """Effects in seen languages, in unseen ones, and their difference; no rows without unseen ones."""
        return transfer(self.confirmed, self.factors, self.unseen, self.cells, self.tuning, self.correct)

    @cached_property
    def scales(self) -> pd.DataFrame:
        """Interactions on macro accuracy, and on its logit."""
        return interactions_on_two_scales(self.confirmed, self.factors, self.cells)

    @cached_property
    def shares(self) -> pd.DataFrame:
        return variance_shares(self.confirmed, self.factors)

    @cached_property
    def compared(self) -> pd.DataFrame:
        return arms_compared(self.confirmed, self.tuning, self.correct)

    @cached_property
    def findings(self) -> list[Finding]:
        said = self.record.metric
        return [replace(each, text=in_words(said, each.text)) for each in audit(self.record)]

    @property
    def may_claim(self) -> bool:
        """Whether the report shows which effects differ from zero: not if the audit has findings."""
        return not self.findings

    @cached_property
    def caveats(self) -> list[str]:
        """What could change the answer."""
        if self.sweep is not None:
            found = sweep_caveats(self.sweep)
        else:
            found = [*caveats(self.record), *_still_rising(self.learning(), self.record.margin)]
        found = [*front_caveats(self.record, self.front), *found]
        return [in_words(self.record.metric, text) for text in found]

    @cached_property
    def settings(self) -> list[str]:
        """The values for which the answer holds: what was tuned, what was held, how long students train."""
        return [in_words(self.record.metric, text) for text in settings(self.record)]

    @cached_property
    def languages(self) -> list[str]:
        return sorted(set(self.confirmed["language"]) - set(SUMMARIES))

    def learning(self) -> pd.DataFrame:
        """The learning curves of complete confirm runs that have the selected values of their arm."""
        curves = self.record.curves
        keys = confirmed_trials(self.record)["key"]
        return curves[curves["key"].isin(keys) & curves["macro"].notna()]


def _still_rising(curves: pd.DataFrame, margin: float) -> Iterator[str]:
    """Arms whose accuracy still rises at the end: short training may be why their students are behind."""
    gains = last_gains(curves)
    if rising := int((gains > margin).sum()):
        yield (
            f"In {rising} of {len(gains)} arms, validation accuracy rose by more than {margin_text(margin)} "
            "between the last two reports. With longer training, the differences between arms may change."
        )
