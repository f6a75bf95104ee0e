"""What a plan cannot ask, although its values are valid: two arms that could be one, a teacher a trial."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from study.config import GATES
from study.errors import RequestError
from study.space import Range

if TYPE_CHECKING:
    from study.planning.plan import Arm, Plan

__all__ = ["check_effects", "check_teacher"]


def check_effects(plan: Plan, arm: Arm) -> None:
    """Check that a scientific value has an effect in all trials of `arm` or in none.

    Otherwise two arms could have the same trials.

    Raises:
        RequestError: if a searched value decides whether a scientific value has an effect.
    """
    searched = plan.space.searched
    gates = {n: d for n, d in searched.items() if n in GATES and not isinstance(d, Range)}
    drafts = [
        plan.draft(arm, dict(zip(gates, levels, strict=True)))
        for levels in itertools.product(*gates.values())
    ]
    off = [draft.inert().intersection(plan.space.scientific) for draft in drafts]
    if mixed := sorted(frozenset.union(*off) - frozenset.intersection(*off)):
        tuned = ", ".join(gates)
        raise RequestError(
            f"{mixed[0]}: is scientific, and what is tuned, {tuned}, decides whether it has an effect; "
            "make that scientific or fixed"
        )


def check_teacher(plan: Plan, arm: Arm) -> None:
    """Check that the trials of `arm` do not need a teacher each.

    Raises:
        RequestError: if hyperparameters are varied, and the teacher sees only the sample of a trial.
    """
    if not plan.space.varied:
        return
    if any(d.teacher_data == "same" and "teacher_data" not in d.inert() for d in plan.drafts(arm)):
        raise RequestError(
            "teacher_data: is same, and each trial of a study that varies hyperparameters has a data "
            "sample of its own, so each trial would need a teacher of its own; --set teacher_data=full"
        )
