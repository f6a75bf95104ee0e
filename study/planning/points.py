"""Points of a search: the corners of a space, and all points of an arm without ranges of real numbers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from study.space import Range, SearchSpace, Value

if TYPE_CHECKING:
    from study.planning.plan import Arm, Plan

__all__ = ["all_points", "corners"]


def corners(space: SearchSpace) -> Iterator[dict[str, Value]]:
    """Points that together contain both ends of every searched range, and every searched level.

    The first point has the first value of all; each later point differs from it in one value.
    """
    first = {n: d.low if isinstance(d, Range) else d[0] for n, d in space.searched.items()}
    yield first
    for name, domain in space.searched.items():
        for value in (domain.high,) if isinstance(domain, Range) else domain[1:]:
            yield first | {name: value}


def all_points(plan: Plan, arm: Arm) -> Iterator[dict[str, Value]] | None:
    """All distinct points of `arm`, in grid order; None if any searched range is of real numbers."""
    domains = plan.space.searched.values()
    if any(isinstance(domain, Range) and not domain.whole for domain in domains):
        return None
    return _from(plan, arm, {}, plan.searched())


def _from(plan: Plan, arm: Arm, chosen: dict[str, Value], names: list[str]) -> Iterator[dict[str, Value]]:
    if not names:
        yield chosen
        return
    name, *rest = names
    if name in plan.draft(arm, chosen).inert():
        yield from _from(plan, arm, chosen, rest)
        return
    domain = plan.space.searched[name]
    for value in range(int(domain.low), int(domain.high) + 1) if isinstance(domain, Range) else domain:
        yield from _from(plan, arm, chosen | {name: value}, rest)
