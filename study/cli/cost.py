"""What a plan costs: trials, trial-steps, the steps of its teachers; and time, once trials have ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import mean
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from study.cli.begun import Begun
    from study.config import TrialConfig
    from study.home import Home
    from study.planning.plan import Arm, Plan
    from study.planning.resolve import Resolved
    from study.trial.data.task import Task

__all__ = ["Cost", "Time", "cost_of", "memory_of", "outputs_of", "steps_of", "time_of"]


@dataclass(frozen=True)
class Cost:
    """Trials by phase, and optimiser steps: of all trials, and of the teachers that are trained for them.

    `steps` is what all trials take if no trial is pruned and, if steps are tuned, each trial takes the most.
    """

    arms: int
    search: int
    confirm: int
    trials: int
    steps: int
    teachers: int
    teacher_steps: int


@dataclass(frozen=True)
class Time:
    """Hours of trials, one after another: of all trials of the plan, and of the trials that are left.

    `measured` is the number of trials that the hours were judged from. An arm without a measured trial is
    taken to need the mean seconds per step of the other arms.
    """

    measured: int
    hours: float
    left: float


def cost_of(resolved: Resolved, begun: Begun | None = None) -> Cost:
    """The cost of a plan; if trials are given in epochs, the task's texts decide the steps.

    begun: the study that the plan continues.
    """
    from study.trial.inputs import Inputs

    plan = resolved.plan if begun is None else begun.plan
    arms, seeds = plan.arms(), plan.tunings * plan.space.confirm_seeds
    planned = {arm.name: (begun or plan).planned(arm) for arm in arms}
    search = sum(planned.values())
    steps = steps_of(resolved.task, plan)
    trained: dict[str, int] = {}
    for arm in arms:
        for draft in plan.drafts(arm):
            for seed in plan.seeds:
                config = draft.with_seed(seed)
                if not config.teacher:
                    trained[Inputs(resolved.store, config).teacher_key] = config.teacher_steps
    return Cost(
        arms=len(arms),
        search=search,
        confirm=len(arms) * seeds,
        trials=search + len(arms) * seeds,
        steps=sum(steps[arm.name] * (planned[arm.name] + seeds) for arm in arms),
        teachers=len(trained),
        teacher_steps=sum(trained.values()),
    )


def time_of(resolved: Resolved, home: Home) -> Time | None:
    """The time of a plan, judged from the complete trials of the study of this name in `home`.

    None if no trial is complete yet, or if the study was begun otherwise: its trials take another time.
    """
    from study.cli.begun import find_begun
    from study.ledger.records import State
    from study.storage.attempts import read_ending

    begun = find_begun(resolved, home)
    if begun is None:
        return None
    plan, study = begun.plan, begun.study
    ended = [record for record in begun.records if not record.running]
    paces: dict[str, list[float]] = {}
    for record in ended:
        found = read_ending(study.trials / record.key) if record.outcome == State.COMPLETE else None
        if found is not None:
            result = found["result"]
            paces.setdefault(record.arm, []).append(result["seconds"] / result["steps"])
    if not paces:
        return None
    seconds = _seconds_of_a_trial(plan.arms(), steps_of(resolved.task, plan), paces)
    confirm = plan.tunings * plan.space.confirm_seeds
    planned = {arm.name: begun.planned(arm) + confirm for arm in plan.arms()}
    left = {arm: max(0, n - sum(r.arm == arm for r in ended)) for arm, n in planned.items()}
    return Time(
        measured=sum(map(len, paces.values())),
        hours=sum(seconds[arm] * n for arm, n in planned.items()) / 3600,
        left=sum(seconds[arm] * n for arm, n in left.items()) / 3600,
    )


def _seconds_of_a_trial(
    arms: list[Arm], steps: Mapping[str, int], paces: Mapping[str, list[float]]
) -> dict[str, float]:
    overall = mean(pace for of_arm in paces.values() for pace in of_arm)
    return {a.name: steps[a.name] * (mean(paces[a.name]) if a.name in paces else overall) for a in arms}


def steps_of(task: Task, plan: Plan) -> dict[str, int]:
    """The most steps that a trial of each arm takes."""
    from study.planning.shares import shares_of

    rows = {(s.fraction, s.label_floor, s.train_languages): s.rows for s in shares_of(plan, task)}

    def steps(draft: TrialConfig) -> int:
        languages = str(plan.shown(draft)["train_languages"])
        return draft.training_steps(rows[draft.data_fraction, draft.label_floor, languages])

    return {arm.name: max(map(steps, plan.drafts(arm))) for arm in plan.arms()}


def outputs_of(resolved: Resolved) -> dict[str, Any]:
    """The outputs of one teacher on all splits, float32: items, labels, and bytes on disk.

    Trials map the outputs from the disk, and all trials of a machine share one copy in memory. Words without
    a token have no outputs, so in a token task the number is an upper bound. Without distillation the
    outputs on the training data are not computed.
    """
    task = resolved.task
    distils = any(draft.alpha < 1 for draft in resolved.plan.all_drafts())
    items = sum(len(split.labels) for name, split in task.splits.items() if distils or name != "train")
    return {"items": items, "labels": len(task.labels), "bytes": 4 * items * len(task.labels)}


def memory_of(resolved: Resolved) -> dict[str, Any]:
    """The memory of a plan: bytes of the largest trial on a CPU and on a GPU, and how many run at once.

    "where" is the device that the trials would run on ("cpu" or "gpu"), "of" is the number of bytes that the
    device has. A plan does not reach a cluster, so neither is known of a cluster.
    """
    from study.planning.capacity import gpu_fraction, this_machine, uses_gpus

    request, need = resolved.request, resolved.need
    found: dict[str, Any] = {"cpu": need.cpu.host, "gpu": need.gpu.device, "where": None}
    if request.cluster != "local":
        return found
    machine, each = this_machine(), request.cpus_per_trial or 1
    if not uses_gpus(request, machine):
        at_once = request.concurrency or max(1, machine.fits(each, memory=need.cpu.host))
        return found | {"where": "cpu", "of": machine.memory, "at_once": at_once}
    share: float = request.gpus_per_trial or 1  # type: ignore[assignment]
    if request.gpus_per_trial == "auto":
        share = gpu_fraction(need.gpu, machine.gpu_memory) if machine.gpu_memory else 1
    at_once = request.concurrency or max(1, machine.fits(each, share))
    return found | {"where": "gpu", "of": machine.gpu_memory, "at_once": at_once}
