"""A study that was begun before: what a request for it comes to, together with what is on record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from study.home import Home
    from study.ledger.records import Record
    from study.ledger.study import OpenStudy
    from study.planning.plan import Arm, Plan
    from study.planning.resolve import Resolved

__all__ = ["Begun", "find_begun"]


@dataclass(frozen=True)
class Begun:
    """An open study, its plan `before` the request, the `plan` with the request, and its records."""

    study: OpenStudy
    before: Plan
    plan: Plan
    records: list[Record]

    def planned(self, arm: Arm) -> int:
        """The number of search trials of `arm`: its budget, or what was started if the budget is lower."""
        started = sum(record.phase == "search" and record.arm == arm.name for record in self.records)
        return max(self.plan.planned(arm), started)

    @property
    def note(self) -> str | None:
        """One line if the request lowers a budget."""
        from study.ledger.progress import budget_note

        return budget_note(self.plan, self.before, self.records)

    @property
    def artifacts(self) -> str:
        """What MLflow's runs receive besides numbers, as the study was run last (`Request.artifacts`)."""
        from study.planning.request import artifacts_of

        return artifacts_of(self.before.request)

    @property
    def is_finished(self) -> bool:
        """Whether every trial of `plan` has ended."""
        from study.ledger.progress import is_finished

        return is_finished(self.plan, self.records)


def find_begun(wanted: Resolved, home: Home) -> Begun | None:
    """The study in `home` that `wanted` continues.

    None if there is none, or if the study of this name was begun otherwise: with another space, task, model
    or seed block.

    Raises:
        RequestError: if the study was begun with more tunings.
    """
    from study.ledger.study import OpenStudy

    plan = wanted.plan
    if plan.name not in home.studies():
        return None
    study = OpenStudy.at(home, plan.name, looks=True)
    if (before := study.ledger.plan) is None:
        return None
    plan = plan.on_model(wanted.model.fingerprint or before.constants["model"])
    if plan.following(before).identity() != before.identity():
        return None
    study.ledger.check(plan)
    return Begun(study, before, plan.continuing(before), study.ledger.records())
