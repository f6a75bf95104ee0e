"""A registered study: what it asks and by which rules it will answer, frozen and hashed at its first trial.

The registration is the plan as the first trial finds it (question, arms, ranges, budgets, seeds, margin),
without the words of the request, which name folders of a machine. MLflow holds the text, its hash and its
time as tags of the study's run. They are written once. A report shows the hash, or the difference between
the registration and the study.
"""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from study.config import canonical_json
from study.planning.plan import Plan
from study.trial.scores import name_of

__all__ = ["REGISTERED", "registration", "registration_tags"]

REGISTERED = "kdstudy.registered"
"""The first tag of a registration. Its value is the time."""

LONGEST = 5000
"""Characters of a tag that every store of MLflow takes. A longer text fills several tags."""


def registration(plan: Plan) -> dict[str, Any]:
    """What `plan` registers: the contrast of its headline, the direction, and everything else of the plan."""
    return {"contrast": _contrast(plan), "direction": "two-sided"} | plan.model_dump(
        mode="json", exclude={"request", "name"}
    )


def registration_tags(plan: Plan, now: datetime | None = None) -> dict[str, str]:
    """The tags of the study's run that register `plan`. now: the time of the first trial."""
    text = canonical_json(registration(plan))
    time = (now or datetime.now(UTC)).astimezone(UTC)
    parts = [text[start : start + LONGEST] for start in range(0, len(text), LONGEST)]
    return {
        REGISTERED: time.isoformat(timespec="seconds"),
        f"{REGISTERED}.hash": sha256(text.encode()).hexdigest(),
        **{f"{REGISTERED}.{number}": part for number, part in enumerate(parts)},
    }


def _contrast(plan: Plan) -> str:
    """The contrast that answers the question of `plan`, by the rule of `analysis.verdict.answer`."""
    scientific = plan.space.scientific
    if plan.space.varied:
        return f"the effect of each of {', '.join([*scientific, *plan.space.varied])} over its values"
    if {"random", "teacher"} <= set(scientific.get("init", ())):
        alphas = [level for level in scientific.get("alpha", ()) if isinstance(level, int | float)]
        if 1 in alphas and min(alphas) < 1:
            return "claim C1: the size of the effect of copying minus the size of the effect of distilling"
        if len(scientific.get("data_fraction", ())) > 1:
            return "claim C4: the change of the copy's advantage for every tenfold reduction of the data"
    if len(plan.arms()) > 1:
        return "the best arm against every other arm"
    if plan.space.costs:
        objectives = " and ".join([name_of(plan.metric), *plan.space.costs])
        return f"the Pareto front of {objectives}, in the one arm"
    return f"the {name_of(plan.metric)} of the one arm"
