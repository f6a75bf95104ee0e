"""The rule that picks an arm's best trial. It reads validation scores, and no test scores."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol, TypeVar

__all__ = ["BestValidation", "Candidate"]


class Candidate(Protocol):
    """All that the rule can read of a trial."""

    @property
    def arm(self) -> str: ...
    @property
    def number(self) -> int: ...
    @property
    def outcome(self) -> str | None: ...
    @property
    def value(self) -> float | None: ...


C = TypeVar("C", bound=Candidate)


@dataclass(frozen=True)
class BestValidation:
    """The highest validation macro accuracy among complete trials; of equal trials the earliest."""

    def best(self, candidates: Iterable[C]) -> C | None:
        """The best of `candidates`; None if no candidate is complete."""
        complete = [c for c in candidates if c.outcome == "complete" and c.value is not None]
        return min(complete, key=lambda c: (-(c.value or 0.0), c.number), default=None)

    def best_of_arms(self, candidates: Iterable[C]) -> dict[str, C]:
        """The best candidate of every arm that has a complete trial, by the arm's name."""
        arms: dict[str, list[C]] = {}
        for candidate in candidates:
            arms.setdefault(candidate.arm, []).append(candidate)
        picked = {arm: self.best(of_arm) for arm, of_arm in arms.items()}
        return {arm: best for arm, best in picked.items() if best is not None}
