"""Samplers: how the search trials of an arm are chosen.

A sampler is one `Sampler` object in `_SAMPLERS`. It either computes the n-th point of an arm (`point`), or
names the Optuna class that proposes trials (`optuna`, with `options`); the ledger makes Optuna's object.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from study.errors import RequestError, did_you_mean

if TYPE_CHECKING:
    from study.planning.plan import Arm, Plan
    from study.space import SearchSpace

__all__ = ["POPULATION", "START_UP", "Sampler", "check_sampler", "find_sampler", "samplers"]

Point = Callable[["Plan", "Arm", int], dict[str, Any]]

POPULATION = 12
"""Trials of a generation of NSGA-II. Optuna's own 50 would use up a small budget at random points."""

START_UP = 5
"""Random trials of an arm before TPE models the arm's scores. Optuna's own 10 would use up a small budget."""


@dataclass(frozen=True)
class Sampler:
    """A sampler under the name that search spaces use; `about` is one line on it.

    where: the points at which arms are tuned, as the end of a sentence in a report.

    Facts: `same_points`: arms that tune the same hyperparameters try the same points, in the same order.
    `adaptive`: later trials depend on the scores of earlier ones. `needs_levels`: the sampler cannot search
    a range.

    One of the two is given: `point(plan, arm, n)`, which returns the searched values of the n-th trial (from
    0) of an arm; or `optuna`, a class of `optuna.samplers`, with its keyword arguments `options`. The ledger
    adds the seed, which is derived from (the space's seed, the study's seed block, the arm's name, n).
    """

    name: str
    about: str
    where: str
    same_points: bool = False
    adaptive: bool = False
    needs_levels: bool = False
    point: Point | None = None
    optuna: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if (self.point is None) == (not self.optuna):
            raise ValueError(f"sampler {self.name}: needs either a point function or an Optuna class")


def samplers() -> dict[str, Sampler]:
    """All registered samplers by name."""
    return dict(_SAMPLERS)


def find_sampler(name: str) -> Sampler:
    """The sampler called `name`.

    Raises:
        RequestError: if there is no such sampler; the text names the samplers that exist.
    """
    if name not in _SAMPLERS:
        near = did_you_mean(name, _SAMPLERS)
        raise RequestError(f"sampler: no such sampler as {name}{near}; there are {', '.join(_SAMPLERS)}")
    return _SAMPLERS[name]


def check_sampler(space: SearchSpace) -> None:
    """Check that the sampler of `space` exists and can search the hyperparameters of `space`.

    Raises:
        RequestError: if there is no such sampler, or it needs levels and a hyperparameter has a range.
    """
    sampler = find_sampler(space.sampler)
    ranges = [name for name, domain in space.searched.items() if not isinstance(domain, tuple)]
    if sampler.needs_levels and ranges:
        raise RequestError(f"{ranges[0]}: the sampler {sampler.name} needs levels, not a range")


def _quasi_point(plan: Plan, arm: Arm, n: int) -> dict[str, Any]:
    """Point n of a scrambled Sobol sequence, one dimension for each searched hyperparameter of the space.

    The point does not depend on the arm, so arms pair by point as well. With random points, the arm that was
    luckiest with its 6 points would look best if the learning rate matters more than the arm.
    """
    from scipy.stats import qmc  # half a second to import, which only a search needs

    from study.streams import generator

    searched = plan.space.searched
    if not searched:
        return {}
    sobol = qmc.Sobol(len(searched), rng=generator(plan.sampler_seed, "quasi"))
    if n:  # SciPy cannot skip zero points
        sobol.fast_forward(n)
    unit = sobol.random(1)[0].tolist()
    point: dict[str, Any] = {}
    for u, (name, domain) in zip(unit, searched.items(), strict=True):
        if isinstance(domain, tuple):
            point[name] = domain[min(int(u * len(domain)), len(domain) - 1)]
        elif domain.whole:  # every whole number has a share of its own
            point[name] = min(int(_at(u, domain.low, domain.high + 1, domain.log)), int(domain.high))
        else:
            point[name] = _at(u, domain.low, domain.high, domain.log)
    return point


def _at(u: float, low: float, high: float, log: bool) -> float:
    """The number at the share `u` of the way from `low` to `high`."""
    return min(high, low * (high / low) ** u) if log else low + u * (high - low)


def _grid_point(plan: Plan, arm: Arm, n: int) -> dict[str, Any]:
    """Point n of the arm's grid, which begins again after its last point."""
    points = plan.points(arm)
    assert points is not None, "a grid has no ranges: `check_sampler` refuses them"
    return next(itertools.islice(itertools.cycle(points), n, None))


_SAMPLERS = {
    sampler.name: sampler
    for sampler in (
        Sampler(
            "quasi",
            "evenly spread (quasi-random) points, the same in every arm",
            "at evenly spread points that are the same in all arms",
            same_points=True,
            point=_quasi_point,
        ),
        Sampler(
            "tpe",
            "Optuna's TPE: prefers values that scored high; every arm has its own points",
            "by TPE, at points that differ from arm to arm",
            adaptive=True,
            optuna="TPESampler",
            options={"n_startup_trials": START_UP},
        ),
        Sampler(
            "random",
            "random points; every arm has its own",
            "at random points that differ from arm to arm",
            optuna="RandomSampler",
        ),
        Sampler(
            "grid",
            "every combination of levels in turn, the same in every arm; needs levels, not ranges",
            "on a grid that is the same in all arms",
            same_points=True,
            needs_levels=True,
            point=_grid_point,
        ),
        Sampler(
            "nsga2",
            "Optuna's NSGA-II, genetic: crosses the trials that no other trial beats; for several objectives",
            "by NSGA-II, at points that differ from arm to arm",
            adaptive=True,
            optuna="NSGAIISampler",
            options={"population_size": POPULATION},
        ),
    )
}
