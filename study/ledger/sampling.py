"""Samplers and pruners: a design's n-th point, or Optuna's own, made anew for every ask from (seed, arm, n).

A seeded sampler that lives as long as its process repeats itself after a restart. One that is made for
the n-th ask gives the n-th suggestion of an undisturbed run, whatever was killed before it.
"""

from __future__ import annotations

import itertools
from typing import Any, cast

import optuna
from optuna.samplers import BaseSampler, PartialFixedSampler, RandomSampler, TPESampler
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial

from study.planning.plan import Arm, Plan
from study.space import Range
from study.streams import generator, stream

__all__ = ["decide", "fixed_sampler", "make_pruner", "make_sampler"]

START_UP = 5
"""Random trials of an arm before TPE models it; Optuna's 10 would be all of a small budget."""


def make_sampler(plan: Plan, arm: Arm, n: int) -> BaseSampler:
    """The sampler of the n-th trial (0-based) that is started in `arm`."""
    kind = plan.space.sampler
    seed = stream(plan.space.seed, "sampler", arm.name, n) % 2**32
    if kind == "tpe":
        return TPESampler(seed=seed, n_startup_trials=START_UP)
    if kind == "random":
        return RandomSampler(seed=seed)
    point = _grid_point(plan, arm, n) if kind == "grid" else _quasi_point(plan, n)
    return fixed_sampler(point)


def fixed_sampler(point: dict[str, Any]) -> BaseSampler:
    """A sampler that proposes `point` and nothing else."""
    return PartialFixedSampler(point, RandomSampler(seed=0))


def make_pruner(plan: Plan) -> optuna.pruners.BasePruner:
    """The space's pruner, its resource being the report index 1..R."""
    reports = plan.space.reports
    if plan.space.pruner == "median":
        return optuna.pruners.MedianPruner(n_startup_trials=START_UP)
    if plan.space.pruner == "halving":
        return optuna.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=2)
    if plan.space.pruner == "hyperband":
        return optuna.pruners.HyperbandPruner(min_resource=1, max_resource=reports, reduction_factor=2)
    return optuna.pruners.NopPruner()


def decide(study: optuna.Study, trial: FrozenTrial) -> dict[str, Any]:
    """What the study's pruner says of `trial`: {"stop": bool, "marks": what it would set on the trial}.

    Nothing is written: a halving pruner leaves its marks inside the decision, and a kill between the two
    would let the trial escape.
    """
    marks = _Marks(study._storage)
    apart = optuna.Study(study.study_name, cast(BaseStorage, marks), pruner=study.pruner)
    return {"stop": bool(study.pruner.prune(apart, trial)), "marks": marks.set}


def _grid_point(plan: Plan, arm: Arm, n: int) -> dict[str, Any]:
    points = plan.points(arm)
    assert points is not None  # a grid has no ranges: the space says so
    return next(itertools.islice(itertools.cycle(points), n, None))


def _quasi_point(plan: Plan, n: int) -> dict[str, Any]:
    """Point n of a scrambled Sobol sequence, the same in every arm, so that arms pair by point as well.

    Of 6 random points an arm the luckiest arm seems best where the learning rate matters more than the arm.
    """
    from scipy.stats import qmc  # half a second to import, which only a search needs

    nuisance = plan.space.nuisance
    if not nuisance:
        return {}
    sobol = qmc.Sobol(len(nuisance), rng=generator(plan.space.seed, "quasi"))
    if n:  # SciPy cannot skip none
        sobol.fast_forward(n)
    unit = sobol.random(1)[0].tolist()
    point: dict[str, Any] = {}
    for u, (name, domain) in zip(unit, nuisance.items(), strict=True):
        if isinstance(domain, Range):
            if domain.log:
                point[name] = min(domain.high, domain.low * (domain.high / domain.low) ** u)
            else:
                point[name] = domain.low + u * (domain.high - domain.low)
        else:
            point[name] = domain[min(int(u * len(domain)), len(domain) - 1)]
    return point


class _Marks:
    """A storage that keeps to itself what a pruner sets on the trial that it decides."""

    def __init__(self, storage: BaseStorage) -> None:
        self._storage = storage
        self.set: dict[str, Any] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._storage, name)

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        self.set[key] = value
