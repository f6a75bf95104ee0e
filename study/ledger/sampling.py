"""Optuna's samplers and pruners, made from the registered objects of `study.planning`.

A seeded sampler that lives as long as its process repeats itself after a restart. So the ledger makes a new
sampler for the n-th ask of an arm, seeded from (seed, arm, n): the n-th suggestion is that of an undisturbed
run, whatever was killed before.
"""

from __future__ import annotations

from typing import Any, cast

import optuna
from optuna.samplers import BaseSampler, PartialFixedSampler, RandomSampler
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial

from study.planning.plan import Arm, Plan
from study.planning.pruners import find_pruner
from study.planning.samplers import find_sampler
from study.streams import stream

__all__ = ["decide", "fixed_sampler", "make_pruner", "make_sampler"]


def make_sampler(plan: Plan, arm: Arm, n: int) -> BaseSampler:
    """The Optuna sampler of the n-th trial (from 0) that is started in `arm`."""
    sampler = find_sampler(plan.space.sampler)
    if sampler.point is not None:
        return fixed_sampler(sampler.point(plan, arm, n))
    seed = stream(plan.space.seed, "sampler", arm.name, n) % 2**32
    return cast(BaseSampler, getattr(optuna.samplers, sampler.optuna)(seed=seed, **sampler.options))


def fixed_sampler(point: dict[str, Any]) -> BaseSampler:
    """A sampler that proposes `point` and nothing else."""
    return PartialFixedSampler(point, RandomSampler(seed=0))


def make_pruner(plan: Plan) -> optuna.pruners.BasePruner:
    """The Optuna pruner of the plan's space; its resource is the index of the report, 1..R."""
    pruner = find_pruner(plan.space.pruner)
    made = getattr(optuna.pruners, pruner.optuna)(**pruner.arguments(plan.space.reports))
    return cast(optuna.pruners.BasePruner, made)


def decide(study: optuna.Study, trial: FrozenTrial) -> dict[str, Any]:
    """What the study's pruner decides on `trial`: {"stop": bool, "marks": what the pruner sets on the trial}.

    Nothing is written. A halving pruner writes marks while it decides, and a kill between the marks and the
    decision would let the trial escape.
    """
    marks = _Marks(study._storage)
    apart = optuna.Study(study.study_name, cast(BaseStorage, marks), pruner=study.pruner)
    return {"stop": bool(study.pruner.prune(apart, trial)), "marks": marks.set}


class _Marks:
    """A storage that collects what a pruner sets on a trial, and writes nothing."""

    def __init__(self, storage: BaseStorage) -> None:
        self._storage = storage
        self.set: dict[str, Any] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._storage, name)

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        self.set[key] = value
