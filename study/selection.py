"""The rules that pick an arm's best trial and select its values. They read validation scores alone.

`BestValidation` picks the best tried trial. `select` returns the values of the confirm runs: the values of
the best tried trial. If a study selects by interpolation, the interpolated optimum (`optimum.py`) takes the
place of the values of its ranges.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Generic, Literal, Protocol, TypeVar

from study.config import headline
from study.optimum import Optimum, interpolate

__all__ = [
    *("BEST_TRIED", "INTERPOLATED", "SEEN", "BestValidation", "Candidate", "SelectOn", "Selected", "select"),
    *("selection_name", "value_of"),
]

BEST_TRIED: Literal["best tried"] = "best tried"
INTERPOLATED: Literal["interpolated"] = "interpolated"
"""How a study selects the values of its confirm runs."""

SEEN: Literal["seen"] = "seen"
SelectOn = Literal["seen", "all"]
"""The languages of the macro validation accuracy that trials are selected by: those that the student is
trained on, or all. In a zero-shot setting nobody has validation texts of the other languages."""


def selection_name(select_on: str, names: Container[str]) -> str:
    """The name of the summary over languages that trials are selected by, among the `names` of a trial.

    A student without unseen languages has no summary over the seen ones: they are all.
    """
    return "seen_macro" if select_on == SEEN and "seen_macro" in names else "macro"


def value_of(validation: Mapping[str, Any] | None, select_on: str) -> float | None:
    """What a trial is selected by, of its scores on validation; None if it has no scores."""
    if validation is None:
        return None
    scores = validation[headline(validation)]
    value = scores[selection_name(select_on, scores)]
    return None if value is None else float(value)


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
    """The highest value among complete trials; of equal trials the earliest.

    A trial's value is its macro validation accuracy, over the languages that the study selects on.
    """

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


@dataclass(frozen=True)
class Selected(Generic[C]):
    """The selected values of an arm.

    They are the values of the trial `tried`, the best one, except for the ranges in `point`.
    rule: "best tried", "parabola" or "gaussian process". fit: what was fitted, or why nothing was fitted.
    """

    tried: C
    point: Mapping[str, float]
    rule: str
    fit: str


def select(
    candidates: Iterable[C], values_of: Callable[[C], Mapping[str, object]], ranges: Mapping[str, bool]
) -> Selected[C] | None:
    """Return the selected values of the arm of `candidates`; None if no candidate is complete.

    Only complete trials that agree with the best tried trial in all that is not a range take part.

    Args:
        candidates: the search trials of one arm (in one tuning), in any order.
        values_of: the tuned values of a trial that have an effect.
        ranges: the tuned ranges, and whether each is logarithmic; empty if the study selects the best tried
            trial.
    """
    complete = [c for c in candidates if c.outcome == "complete" and c.value is not None]
    best = BestValidation().best(complete)
    if best is None:
        return None
    names = sorted(ranges.keys() & values_of(best).keys()) if ranges else []
    if not names:
        return Selected(best, {}, BEST_TRIED, "no range is tuned")
    levels = {name: value for name, value in values_of(best).items() if name not in ranges}
    points, scores = [], []
    for candidate in sorted(complete, key=lambda c: c.number):
        values = values_of(candidate)
        same = levels == {name: value for name, value in values.items() if name not in ranges}
        if same and all(name in values for name in names):
            points.append(tuple(float(str(values[name])) for name in names))
            scores.append(float(candidate.value or 0.0))
    found = _optimum(tuple(points), tuple(scores), tuple((name, ranges[name]) for name in names))
    point = {} if found.rule == BEST_TRIED else found.point
    return Selected(best, point, found.rule, found.about)


@lru_cache(maxsize=1024)
def _optimum(
    points: tuple[tuple[float, ...], ...], scores: tuple[float, ...], ranges: tuple[tuple[str, bool], ...]
) -> Optimum:
    """`interpolate`, computed once: a status asks for the same optimum again and again."""
    names = [name for name, _ in ranges]
    return interpolate([dict(zip(names, point, strict=True)) for point in points], scores, dict(ranges))
