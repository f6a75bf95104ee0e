"""Optuna's samplers and pruners, made from the registered objects of `study.planning`.

If a seeded sampler lived as long as its process, it would repeat its proposals after a restart. So the ledger
makes a new sampler for the n-th ask of an arm, seeded from (the space's seed, the seed block, arm, n). Then
the n-th proposal is the proposal of an undisturbed run, whatever was killed before.
"""

from __future__ import annotations

from typing import Any, cast

import optuna
from optuna.samplers import BaseSampler, PartialFixedSampler, RandomSampler
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial

from study.planning.enqueued import points_of
from study.planning.plan import Arm, Plan
from study.planning.pruners import find_pruner
from study.planning.samplers import find_sampler
from study.streams import stream

__all__ = ["decide", "fixed_sampler", "make_pruner", "make_sampler"]


def make_sampler(plan: Plan, arm: Arm, n: int) -> BaseSampler:
    """Return the Optuna sampler for the n-th proposal (from 0) in `arm`, in the (first) tuning of `plan`.

    The enqueued points of the arm come first.
    """
    sampler, first = find_sampler(plan.space.sampler), points_of(plan, arm)
    if n < len(first):
        return fixed_sampler(first[n])
    if sampler.point is not None:
        return fixed_sampler(sampler.point(plan, arm, n - len(first)))
    seed = stream(plan.sampler_seed, "sampler", arm.name, n) % 2**32
    return cast(BaseSampler, getattr(optuna.samplers, sampler.optuna)(seed=seed, **sampler.options))


def fixed_sampler(point: dict[str, Any]) -> BaseSampler:
    """Return a sampler that proposes `point` and nothing else."""
    return PartialFixedSampler(point, RandomSampler(seed=0))


def make_pruner(plan: Plan) -> optuna.pruners.BasePruner:
    """Return the Optuna pruner of the plan's space. The pruner's resource is the report's index, 1..R."""
    pruner = find_pruner(plan.space.pruner)
    made = getattr(optuna.pruners, pruner.optuna)(**pruner.arguments(plan.space.reports))
    return cast(optuna.pruners.BasePruner, made)


def decide(study: optuna.Study, trial: FrozenTrial) -> dict[str, Any]:
    """Return what the study's pruner decides on `trial`: {"stop": bool, "marks": {name: value}}.

    marks: the system attributes that the pruner sets on the trial while it decides. A halving pruner marks
    the rungs that a trial has reached. Nothing is written here: after a kill between the marks and the
    decision, the trial would count as promoted, and would go on.
    """
    marks = _Marks(study._storage)
    apart = optuna.Study(study.study_name, cast(BaseStorage, marks), pruner=study.pruner)
    return {"stop": bool(study.pruner.prune(apart, trial)), "marks": marks.set}


class _Marks:
    """Reads from `storage`; collects in `set` the attributes that a pruner sets on a trial, unwritten."""

    def __init__(self, storage: BaseStorage) -> None:
        self._storage = storage
        self.set: dict[str, Any] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._storage, name)

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        self.set[key] = value
