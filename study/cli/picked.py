"""Which trial a command exports: the best one, one that the user names, or the best one within a cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from study.errors import RequestError

if TYPE_CHECKING:
    from study.ledger.records import Record
    from study.ledger.study import OpenStudy

__all__ = ["pick", "pick_within"]


def pick(records: Sequence[Record], key: str | None) -> Record:
    """The study's best search trial, or the complete trial whose key begins with `key`.

    Raises:
        RequestError: if there is no such trial, or more than one.
    """
    from study.selection import BestValidation

    if key is None:
        best = BestValidation().best(r for r in records if r.phase == "search")
        if best is None:
            raise RequestError("no trial of the study is complete yet")
        return best
    found = [record for record in records if record.key.startswith(key)]
    if len(found) != 1:
        raise RequestError(f"--trial {key}: {len(found)} trials of the study have keys that begin so")
    if found[0].outcome != "complete":
        raise RequestError(
            f"--trial {key}: is {found[0].outcome or 'running'}, and only a complete one has weights"
        )
    return found[0]


def pick_within(study: OpenStudy, limits: Sequence[str]) -> Record:
    """The study's best search trial among those whose costs are within `limits`, each `cost=most`.

    Raises:
        RequestError: if a limit has another form, the trials have no such cost, or no trial is within the
            limits; the text has the lowest costs.
    """
    from study.selection import BestValidation

    most = _parsed(limits)
    complete = [r for r in study.ledger.records() if r.phase == "search" and r.outcome == "complete"]
    if not complete:
        raise RequestError("no trial of the study is complete yet")
    costs = {record.key: _costs(study, record) for record in complete}
    for name in most:
        if not any(name in of_trial for of_trial in costs.values()):
            how = "a study has it with --objective, such as accuracy,latency"
            raise RequestError(f"--within {name}: the trials of this study have none; {how}")
    inside = [
        record
        for record in complete
        if all(name in costs[record.key] and costs[record.key][name] <= limit for name, limit in most.items())
    ]
    if (best := BestValidation().best(inside)) is None:
        lowest = {name: min(c[name] for c in costs.values() if name in c) for name in most}
        there = ", ".join(f"{name}={value:.10g}" for name, value in lowest.items())
        raise RequestError(
            f"--within {' '.join(limits)}: no complete trial is within this; the lowest are {there}"
        )
    return best


def _parsed(limits: Sequence[str]) -> dict[str, float]:
    """The names of costs and what they may be at most.

    Raises:
        RequestError: if a limit has another form, or there is no such cost.
    """
    from study.planning.costs import find_cost

    most: dict[str, float] = {}
    for limit in limits:
        name, _, text = limit.partition("=")
        try:
            cost = find_cost(name)
        except RequestError as error:
            raise RequestError(f"--within {error}") from None
        try:
            most[cost.name] = float(text)
        except ValueError:
            raise RequestError(f"--within {limit}: must be cost=number, such as latency_ms=5") from None
    return most


def _costs(study: OpenStudy, record: Record) -> Mapping[str, float]:
    """The costs of a complete trial, from its ending; none if the ending is gone."""
    from study.planning.costs import costs_of
    from study.storage.attempts import bring_attempts, read_ending

    folder = study.trials / record.key
    bring_attempts(folder, study.store.mirror)
    ending = read_ending(folder)
    return {} if ending is None else costs_of(ending["result"])
