"""Costs: what a student costs beside its score, as further objectives of a study.

A study with costs searches for a Pareto front: the students that no other student beats in the score and in
all costs (`study/front.py`). A smaller cost is better.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from study.errors import RequestError, did_you_mean

if TYPE_CHECKING:
    from study.space import SearchSpace

__all__ = ["LATENCY", "Cost", "check_costs", "costs", "costs_of", "find_cost", "size_mb"]

LATENCY = "latency_ms"


@dataclass(frozen=True)
class Cost:
    """A cost. name: of its metric in MLflow. called: how a user may call it too. unit: "" for a number.

    about: one line on it.
    """

    name: str
    called: str
    unit: str
    about: str

    @property
    def title(self) -> str:
        """The cost with its unit, for a head of a column or an axis."""
        return f"{self.called}, {self.unit}" if self.unit else self.called


def costs() -> dict[str, Cost]:
    """All costs by name."""
    return dict(_COSTS)


def find_cost(text: str) -> Cost:
    """The cost whose name is `text`, or that is called so.

    Raises:
        RequestError: if there is no such cost; the text names the costs that exist.
    """
    for cost in _COSTS.values():
        if text in (cost.name, cost.called):
            return cost
    names = [name for cost in _COSTS.values() for name in dict.fromkeys((cost.called, cost.name))]
    raise RequestError(f"{text}: no such cost{did_you_mean(text, names)}; there are {', '.join(_COSTS)}")


def check_costs(space: SearchSpace) -> None:
    """Check that the costs of `space` exist.

    Raises:
        RequestError: if there is no such cost.
    """
    for name in space.costs:
        if name not in _COSTS:
            find_cost(name)
            raise RequestError(f"costs: {name} is called {find_cost(name).name} in a search space")


def size_mb(parameters: int) -> float:
    """The size of a student's weights on disk, as `kdstudy export` writes them: 4 bytes a parameter.

    In megabytes of 10^6 bytes. The files of the tokenizer come in addition; all students of a study have the
    same tokenizer.
    """
    return 4 * parameters / 1e6


def costs_of(result: Mapping[str, Any]) -> dict[str, float]:
    """The costs of the student of a trial, by name, from the trial's `result`; those that it has."""
    parameters = result["parameters"]
    found = {"parameters": float(parameters), "size_mb": size_mb(parameters)}
    if latency := result.get("latency"):
        found[LATENCY] = float(latency["ms"])
    return found


_COSTS = {
    cost.name: cost
    for cost in (
        Cost("parameters", "parameters", "", "number of parameters of the student, with the full vocabulary"),
        Cost("size_mb", "size", "MB", "size of the student's weights on disk, 4 bytes a parameter"),
        Cost(
            LATENCY,
            "latency",
            "ms",
            "time of one forward pass for one text, measured on the device of the trial",
        ),
    )
}
