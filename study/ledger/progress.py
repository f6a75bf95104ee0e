"""How far a study is: trials counted by outcome, of the study and of its arms."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from study.config import TrialConfig
from study.ledger.records import OUTCOMES, Record, State
from study.planning.plan import Plan
from study.selection import BestValidation

__all__ = ["budget_note", "confirm_wanted", "is_finished", "summary"]


def confirm_wanted(plan: Plan, records: Iterable[Record]) -> list[tuple[str, TrialConfig]]:
    """Return the confirm runs that the search needs so far, as (arm, configuration).

    Each arm's best runs at seeds 1, 2, ...; all arms run at one seed before the next seed begins.
    """
    return _confirmed(plan, records, plan.space.confirm_seeds)


def _confirmed(plan: Plan, records: Iterable[Record], seeds: int) -> list[tuple[str, TrialConfig]]:
    """Return each arm's best at seeds 1 to `seeds`, as (arm, configuration)."""
    best = BestValidation().best_of_arms(r for r in records if r.phase == "search")
    return [
        (arm.name, best[arm.name].config.with_seed(seed))
        for seed in range(1, seeds + 1)
        for arm in plan.arms()
        if arm.name in best
    ]


def summary(plan: Plan, records: list[Record], driver: str | None = "") -> dict[str, Any]:
    """Return counts by key, of the study and of its arms.

    driver: who drives the study now; None if nobody does. A trial that has not ended is counted as
    `running` if `driver` has started it, and otherwise as `waiting`: it will go on from its checkpoint.

    `planned` is arms x trials, plus the confirm runs. If a budget was lowered below what an arm has
    started, what was started counts. If an arm's search has ended without a complete trial,
    the arm has no confirm runs. If a larger budget has found a better best, the confirm runs of the old best
    are `superseded` and counted nowhere else.
    """
    seeds = max([plan.space.confirm_seeds, *(r.config.seed for r in records if r.phase == "confirm")])
    wanted = {config.key for _, config in _confirmed(plan, records, seeds)}
    counted = [r for r in records if r.phase == "search" or r.key in wanted]
    best = BestValidation().best_of_arms(r for r in records if r.phase == "search")
    arms: list[dict[str, Any]] = []
    for arm in plan.arms():
        of_arm = [r for r in counted if r.arm == arm.name]
        search = [r for r in of_arm if r.phase == "search"]
        budget = max(plan.planned(arm), len(search))
        over = len(search) == budget and not any(r.running for r in search)
        confirm = max(plan.space.confirm_seeds, len(of_arm) - len(search))
        if over and arm.name not in best:
            confirm = 0
        arms.append(
            {
                "arm": arm.name,
                **_counts(budget + confirm, of_arm, driver),
                "best": _best(best.get(arm.name)),
            }
        )
    overall = BestValidation().best(best.values())
    total = _counts(sum(int(arm["planned"]) for arm in arms), counted, driver)
    return {
        "name": plan.name,
        "space": plan.request.get("space"),
        **total,
        "superseded": len(records) - len(counted),
        "arms": arms,
        "best": _best(overall),
        "reasons": {r.key: r.why for r in counted if r.outcome == State.FAILED and r.why},
    }


def is_finished(plan: Plan, records: list[Record]) -> bool:
    """Return whether every planned trial has ended."""
    return summary(plan, records)["waiting"] == 0 and not any(record.running for record in records)


def budget_note(plan: Plan, begun: Plan, records: Iterable[Record]) -> str | None:
    """Return one line on a budget of `plan` that is lower than that of `begun`, whose trials are `records`.

    plan: the continuation of `begun`. Returns None if no budget is lower.
    """
    lines = []
    if plan.space.trials < begun.space.trials:
        started = Counter(record.arm for record in records if record.phase == "search")
        most = max(started.values(), default=0)
        line = f"search trials per arm: {plan.space.trials}, no longer {begun.space.trials}"
        if most > plan.space.trials:
            line += f"; up to {most} were started: nothing new is searched, and all of them count"
        lines.append(line)
    if plan.space.confirm_seeds < begun.space.confirm_seeds:
        lines.append(
            f"confirm runs per arm: {plan.space.confirm_seeds}, no longer {begun.space.confirm_seeds}"
        )
    return "; ".join(lines) or None


def _counts(planned: int, records: list[Record], driver: str | None) -> dict[str, int]:
    counts: dict[str, int] = {str(each): sum(r.outcome == each for r in records) for each in OUTCOMES}
    running = sum(r.running and r.driver == driver for r in records)
    return {
        "planned": planned,
        **counts,
        "running": running,
        "waiting": planned - sum(counts.values()) - running,
    }


def _best(record: Record | None) -> dict[str, Any] | None:
    if record is None:
        return None
    return {
        "key": record.key,
        "arm": record.arm,
        "value": record.value,
        "config": record.config.model_dump(mode="json"),
    }
