"""Pruners: which search trials are stopped early.

A pruner is one `Pruner` object in `_PRUNERS`: it names the Optuna class that decides; the ledger makes
Optuna's object. A trial reports 1..R times, and the pruner decides after each report, so the resource of
every pruner is the index of the report.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from study.errors import RequestError, did_you_mean
from study.planning.samplers import START_UP

if TYPE_CHECKING:
    from study.space import SearchSpace

__all__ = ["Pruner", "check_pruner", "find_pruner", "pruners"]


@dataclass(frozen=True)
class Pruner:
    """A pruner under the name that search spaces use; `about` is one line on it.

    optuna: a class of `optuna.pruners`. options: its keyword arguments. reports_option: the keyword argument
    that holds the number of reports of a trial, R, if the class has one.
    """

    name: str
    about: str
    optuna: str
    options: Mapping[str, Any] = field(default_factory=dict)
    reports_option: str = ""

    def arguments(self, reports: int) -> dict[str, Any]:
        """All keyword arguments of the Optuna class for trials that report `reports` times."""
        return {**self.options, **({self.reports_option: reports} if self.reports_option else {})}


def pruners() -> dict[str, Pruner]:
    """All registered pruners by name."""
    return dict(_PRUNERS)


def find_pruner(name: str) -> Pruner:
    """The pruner called `name`.

    Raises:
        RequestError: if there is no such pruner; the text names the pruners that exist.
    """
    if name not in _PRUNERS:
        near = did_you_mean(name, _PRUNERS)
        raise RequestError(f"pruner: no such pruner as {name}{near}; there are {', '.join(_PRUNERS)}")
    return _PRUNERS[name]


def check_pruner(space: SearchSpace) -> None:
    """Check that the pruner of `space` exists.

    Raises:
        RequestError: if there is no such pruner.
    """
    find_pruner(space.pruner)


_PRUNERS = {
    pruner.name: pruner
    for pruner in (
        Pruner("none", "every trial runs to its end", "NopPruner"),
        Pruner(
            "median",
            f"stops a trial below the median of earlier trials, once {START_UP} trials have ended",
            "MedianPruner",
            {"n_startup_trials": START_UP},
        ),
        Pruner(
            "halving",
            "successive halving: half of the trials go on after reports 1, 2, 4, ...",
            "SuccessiveHalvingPruner",
            {"min_resource": 1, "reduction_factor": 2},
        ),
        Pruner(
            "hyperband",
            "several successive halvings, which begin to stop trials at different reports",
            "HyperbandPruner",
            {"min_resource": 1, "reduction_factor": 2},
            reports_option="max_resource",
        ),
    )
}
