"""The Pareto front of a study with costs: the students that no other student beats.

Student A beats student B if A is at least as good as B in the score and in every cost, and better in one of
them. A higher score is better, and a lower cost. Without costs, the front is the one student with the highest
score.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol, TypeVar

__all__ = ["Costly", "front_of", "fronts_of_arms"]


class Costly(Protocol):
    """All that the rule can read of a trial. costs: in the order of the study's costs."""

    @property
    def arm(self) -> str: ...
    @property
    def number(self) -> int: ...
    @property
    def outcome(self) -> str | None: ...
    @property
    def value(self) -> float | None: ...
    @property
    def costs(self) -> Sequence[float]: ...


C = TypeVar("C", bound=Costly)


def front_of(candidates: Iterable[C]) -> list[C]:
    """The complete candidates that no other one beats, the highest score first.

    Of candidates that are equal in the score and in all costs, the earliest is on the front.
    """
    complete = [c for c in candidates if c.outcome == "complete" and c.value is not None]
    found: list[C] = []
    # a candidate can be beaten only by candidates that come before it in this order
    for candidate in sorted(complete, key=lambda c: (-(c.value or 0.0), *c.costs, c.number)):
        if not any(_as_cheap(other, candidate) for other in found):
            found.append(candidate)
    return found


def fronts_of_arms(candidates: Iterable[C]) -> dict[str, list[C]]:
    """The front of every arm that has a complete trial, by the arm's name."""
    arms: dict[str, list[C]] = {}
    for candidate in candidates:
        arms.setdefault(candidate.arm, []).append(candidate)
    fronts = {arm: front_of(of_arm) for arm, of_arm in arms.items()}
    return {arm: front for arm, front in fronts.items() if front}


def _as_cheap(one: Costly, other: Costly) -> bool:
    """Whether no cost of `one` is higher."""
    return all(mine <= theirs for mine, theirs in zip(one.costs, other.costs, strict=True))
