"""Depths of students: a space may give a share of the teacher's layers, and a plan has numbers of layers."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

from study.errors import RequestError
from study.space import Range, SearchSpace

__all__ = ["in_layers"]


def in_layers(space: SearchSpace, layers: int) -> SearchSpace:
    """`space` with every depth as a number of layers; a depth may be a share of the teacher's `layers`.

    Raises:
        RequestError: if a depth is no such share.
    """

    def layers_of(value: Any) -> Any:
        if not isinstance(value, str):
            return value
        try:
            share = Fraction(value)
        except (ValueError, ZeroDivisionError):
            raise RequestError(f"depth: must be layers or a share such as 1/2, not {value!r}") from None
        if not 0 < share <= 1:
            raise RequestError(
                f"depth: a share of the teacher's layers is above 0 and at most 1, not {value}"
            )
        return max(1, math.floor(share * layers + Fraction(1, 2)))

    roles: dict[str, Any] = {}
    for role in ("scientific", "nuisance", "varied", "fixed"):
        values = dict(getattr(space, role))
        depth = values.get("depth")
        if isinstance(depth, tuple):
            values["depth"] = tuple(dict.fromkeys(map(layers_of, depth)))
        elif depth is not None and not isinstance(depth, Range):
            values["depth"] = layers_of(depth)
        roles[role] = values

    def with_layers(point: dict[str, Any]) -> dict[str, Any]:
        return point | {"depth": layers_of(point["depth"])} if "depth" in point else point

    for named in ("enqueued", "excluded"):
        roles[named] = tuple(map(with_layers, getattr(space, named)))
    roles["tied"] = tuple(tuple(map(with_layers, group)) for group in space.tied)
    return SearchSpace(**(space.model_dump() | roles))
