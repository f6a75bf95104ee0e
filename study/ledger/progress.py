"""How far a study is: trials counted by outcome, of the study and of its arms."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

from study.config import parse_config, rounded
from study.front import front_of, fronts_of_arms
from study.ledger.records import OUTCOMES, Choice, Record, State, Wanted
from study.planning.plan import Arm, Plan
from study.selection import INTERPOLATED, BestValidation, Selected, select

__all__ = ["budget_note", "confirm_wanted", "is_finished", "summary"]

FRONT, ABOUT = "Pareto front", "no other trial of the arm has a higher score at costs as low"
"""How the values of the confirm runs of a study with costs are selected."""


def confirm_wanted(plan: Plan, records: Iterable[Record]) -> list[Wanted]:
    """Return the confirm runs that the search needs so far.

    They have the selected values of each arm, in each tuning, at the seeds of the tuning's block. All arms
    run at one seed before the next seed begins.
    """
    return _confirmed(plan, records, plan.space.confirm_seeds)


def _confirmed(plan: Plan, records: Iterable[Record], seeds: int) -> list[Wanted]:
    """Return `seeds` confirm runs with the selected values of each arm and tuning."""
    if not seeds:
        return []
    if plan.space.costs:
        return _confirmed_front(plan, records, seeds)
    selected = _selected(plan, records)
    tunings = list(enumerate(plan.each_tuning()))
    return [
        _with_values(plan, selected[arm.name, tuning], of_tuning.search_seed + number)
        for number in range(1, seeds + 1)
        for tuning, of_tuning in tunings
        for arm in plan.arms()
        if (arm.name, tuning) in selected
    ]


def _confirmed_front(plan: Plan, records: Iterable[Record], seeds: int) -> list[Wanted]:
    """Return `seeds` confirm runs of each student of the front of each arm."""
    fronts = fronts_of_arms(record for record in records if record.phase == "search")
    return [
        Wanted(
            arm.name, one.config.with_seed(plan.search_seed + number), choice=Choice(FRONT, ABOUT, one.key)
        )
        for number in range(1, seeds + 1)
        for arm in plan.arms()
        for one in fronts.get(arm.name, ())
    ]


def _selected(plan: Plan, records: Iterable[Record]) -> dict[tuple[str, int], Selected[Record]]:
    """Return the selected values of each (arm, tuning) that has a complete search trial."""
    searches: dict[tuple[str, int], list[Record]] = {}
    for record in records:
        if record.phase == "search":
            searches.setdefault((record.arm, record.tuning), []).append(record)

    ranges = plan.ranges if plan.selection == INTERPOLATED else {}
    found = {search: select(trials, partial(_tuned, plan), ranges) for search, trials in searches.items()}
    return {search: selected for search, selected in found.items() if selected is not None}


def _with_values(plan: Plan, selected: Selected[Record], seed: int) -> Wanted:
    """Return the confirm run with the `selected` values at `seed`."""
    tried = selected.tried
    config = tried.config.with_seed(seed)
    if selected.point:
        config = parse_config(config.model_dump() | rounded(selected.point))
    choice = Choice(selected.rule, selected.fit, tried.key) if plan.selection == INTERPOLATED else None
    return Wanted(tried.arm, config, tried.tuning, choice)


def summary(plan: Plan, records: list[Record], driver: str | None = "") -> dict[str, Any]:
    """Return counts by key, of the study and of its arms.

    driver: who drives the study now; None if nobody does. A trial that has not ended is counted as
    `running` if `driver` has started it, and otherwise as `waiting`: it will go on from its checkpoint.

    `planned` is arms x trials x tunings, plus the confirm runs. If a budget was lowered below what an arm has
    started, what was started counts. If an arm's search has ended without a complete trial,
    the arm has no confirm runs. If a larger budget has found a better best, the confirm runs of the old best
    are `superseded` and counted nowhere else. `selected` has how the values of an arm's confirm runs were
    selected, if that is on record. `unseen` has the languages that an arm's students are not trained on.
    `front` has the Pareto front of all arms together, if the study has costs; otherwise it is empty.
    """
    firsts = [of_tuning.search_seed for of_tuning in plan.each_tuning()]
    numbers = [r.config.seed - firsts[r.tuning] for r in records if r.phase == "confirm"]
    # without a confirm run nothing is superseded, and nothing has to be selected
    confirmed = _confirmed(plan, records, max([plan.space.confirm_seeds, *numbers])) if numbers else []
    wanted = {one.config.key for one in confirmed}
    counted = [r for r in records if r.phase == "search" or r.key in wanted]
    best = BestValidation().best_of_arms(r for r in records if r.phase == "search")
    arms: list[dict[str, Any]] = []
    for arm in plan.arms():
        of_arm = [r for r in counted if r.arm == arm.name]
        planned = sum(
            _planned(of_tuning, arm, [r for r in of_arm if r.tuning == tuning])
            for tuning, of_tuning in enumerate(plan.each_tuning())
        )
        arms.append(
            {
                "arm": arm.name,
                **_counts(planned, of_arm, driver),
                "best": _best(best.get(arm.name)),
                "selected": _choices(plan, [r for r in of_arm if r.phase == "confirm"]),
                "unseen": list(plan.unseen_by(arm)),
            }
        )
    overall = BestValidation().best(best.values())
    total = _counts(sum(int(arm["planned"]) for arm in arms), counted, driver)
    return {
        "name": plan.name,
        "space": plan.request.get("space"),
        "seed_block": plan.seed_block,
        "selection": plan.selection,
        "select_on": plan.select_on,
        "tunings": plan.tunings,
        **total,
        "superseded": len(records) - len(counted),
        "arms": arms,
        "best": _best(overall),
        "front": _front(plan, counted),
        "reasons": {r.key: r.why for r in counted if r.outcome == State.FAILED and r.why},
    }


def _planned(plan: Plan, arm: Arm, records: Sequence[Record]) -> int:
    """Return the number of trials of `arm` in the one tuning of `plan`. records: its counted trials."""
    search = [r for r in records if r.phase == "search"]
    budget = max(plan.planned(arm), len(search))
    over = len(search) == budget and not any(r.running for r in search)
    if over and BestValidation().best(search) is None:
        return budget
    confirmed = max(1, len(front_of(search))) if plan.space.costs else 1
    return budget + max(confirmed * plan.space.confirm_seeds, len(records) - len(search))


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


def _front(plan: Plan, records: Iterable[Record]) -> list[dict[str, Any]]:
    """Return the front of all arms together: each student as `_best` does, with its costs by name."""
    if not plan.space.costs:
        return []
    front = front_of(record for record in records if record.phase == "search")
    return [
        {
            "key": record.key,
            "arm": record.arm,
            "value": record.value,
            "costs": dict(zip(plan.space.costs, record.costs, strict=True)),
            "values": _tuned(plan, record),
        }
        for record in front
    ]


def _choices(plan: Plan, confirm: Sequence[Record]) -> list[dict[str, Any]]:
    """Return how the values of an arm's counted confirm runs were selected, tuning by tuning.

    A study with costs selects a front, which has no single values.
    """
    if plan.space.costs:
        return []
    first = {record.tuning: record for record in reversed(confirm) if record.choice is not None}
    return [
        {"tuning": tuning, "values": _tuned(plan, record)}
        | (record.choice._asdict() if record.choice else {})
        for tuning, record in sorted(first.items())
    ]


def _tuned(plan: Plan, record: Record) -> dict[str, object]:
    """Return the searched values of a trial that have an effect."""
    off = record.config.inert()
    return {name: getattr(record.config, name) for name in plan.space.searched if name not in off}


def _best(record: Record | None) -> dict[str, Any] | None:
    if record is None:
        return None
    return {
        "key": record.key,
        "arm": record.arm,
        "value": record.value,
        "config": record.config.model_dump(mode="json"),
    }
