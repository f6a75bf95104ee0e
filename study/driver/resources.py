"""What each trial gets of Ray's cluster, and how many trials run at once.

A trial runs on one node, so what fits is counted node by node. All trials of a study get the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import study.driver.ray_settings  # noqa: F401 (before Ray)

# isort: split
import ray

from cluster import Cluster
from study.driver.nodes import UNLIMITED, can_grow, machines_of_nodes, nodes_with_room
from study.driver.ray_cluster import Resources
from study.errors import RequestError
from study.planning.capacity import PARTS, Machine, Need, check_room, gib, gpu_fraction, gpu_takes
from study.planning.request import Request

__all__ = ["check_cluster", "default_resources", "has_room", "in_room", "places"]

FIRST_REPORT = 30.0  # seconds in which an autoscaler that has just started makes itself known


def default_resources(
    cluster: Cluster,
    cpus: float | None = None,
    gpus: float | Literal["auto"] | None = None,
    concurrency: int | None = None,
) -> Resources:
    """Return the given values, with defaults for the rest: one GPU a trial, or as many trials as CPUs.

    gpus: "auto" is one GPU as well, until `in_room` knows how much memory a trial takes.

    Raises:
        RequestError: if a trial needs more than this machine has. (A cluster may grow.)
    """
    total = ray.cluster_resources()
    cpus = cpus or 1
    if gpus is None or gpus == "auto":
        gpus = 1 if total.get("GPU", 0) else 0
    for option, wanted, there in (
        ("--cpus-per-trial", cpus, total.get("CPU", 0)),
        ("--gpus-per-trial", gpus, total.get("GPU", 0)),
    ):
        if cluster.ray_init.get("address") == "local" and wanted > there:
            raise RequestError(f"{option} {wanted:g}: this machine has {there:g}")
    each = Resources(cpus, gpus, 1)
    return replace(each, concurrency=concurrency or places(each))


def places(resources: Resources) -> int:
    """Return how many trials have room in the cluster at once, at least one."""
    machines = machines_of_nodes()
    return max(1, sum(_fits(m, resources) for node, m in machines.items() if node not in resources.avoided))


def has_room(resources: Resources) -> bool:
    """Return whether a node of the cluster has the CPUs and GPUs of a trial, in use or not."""
    return any(_fits(machine, resources) for machine in machines_of_nodes().values())


def _fits(machine: Machine, resources: Resources) -> int:
    return machine.fits(resources.cpus_aside or resources.cpus, resources.gpus, resources.memory)


def check_cluster(need: Need, resources: Resources) -> Resources:
    """Refuse a plan whose largest trial fits no node of the cluster.

    A cluster without nodes may get some, and an autoscaler may add larger nodes. Returns `resources` for the
    preparation, which avoids nodes whose GPUs are too small for the largest trial or its teacher.

    Raises:
        RequestError: if the largest node has too little memory, or no node has the CPUs and GPUs of a trial.
    """
    nodes = list(machines_of_nodes().values())
    if nodes and not has_room(resources) and not can_grow(FIRST_REPORT):
        for option, wanted, most in (
            ("--cpus-per-trial", resources.cpus, max(node.cpus for node in nodes)),
            ("--gpus-per-trial", resources.gpus, max(node.gpus for node in nodes)),
        ):
            if wanted > most:
                raise RequestError(f"{option} {wanted:g}: the largest machine of the cluster has {most:g}")
        both = f"--cpus-per-trial {resources.cpus:g} --gpus-per-trial {resources.gpus:g}"
        raise RequestError(f"{both}: no machine of the cluster has both")
    machines = nodes_with_room(resources)
    if not machines:
        return resources
    largest = max(machines.values(), key=lambda m: (m.gpu_memory or 0, m.memory))
    check_room(need, largest, bool(resources.gpus), "the largest machine of the cluster")
    return _avoiding(resources, machines, max(gpu_takes(p) for p in (need.gpu, need.teacher_gpu) if p))


def in_room(resources: Resources, need: Need, request: Request) -> tuple[Resources, str]:
    """Return `resources` with no more trials at once than memory allows, and a note for the user.

    On CPUs, Ray then sets the predicted memory of each trial aside on the trial's node, and starts no trial
    on a node that has no room. If the cluster can grow, CPUs stand for the memory. A given `--concurrency` is
    taken as it is.

    Trials share a GPU with `--gpus-per-trial auto` only. Each GPU then takes as many trials as the smallest
    one: trials that share a GPU share its speed, so a larger GPU would gain little from more of them.
    """
    if resources.gpus:
        return _on_gpus(resources, need, request)
    if request.concurrency:
        return resources, ""
    machines = list(nodes_with_room(resources).values())
    largest = max((m.memory for m in machines), default=UNLIMITED)
    sized = replace(resources, memory=0 if largest == UNLIMITED else min(need.cpu.host, largest))
    if sized.memory and can_grow():
        sized = replace(sized, memory=0, cpus_aside=_cpus_for_memory(sized, machines))
    sized = replace(sized, concurrency=places(sized))
    if sized.concurrency >= resources.concurrency:
        return sized, ""
    there = gib(sum(m.memory for m in machines))
    takes = f"each takes up to {gib(need.cpu.host)} of memory, {there} are free"
    return sized, f"{sized.concurrency} trials at once, not {resources.concurrency}: {takes}"


def _cpus_for_memory(resources: Resources, machines: Sequence[Machine]) -> float:
    """So many CPUs that Ray places no more trials on any of `machines` than its memory allows.

    An autoscaler may not know how much memory a machine will have that it could start, and starts none for a
    trial that needs memory. It knows the CPUs.
    """
    each = max(m.cpus / fits for m in machines if (fits := _fits(m, resources)))
    return int(each * PARTS) / PARTS


def _on_gpus(resources: Resources, need: Need, request: Request) -> tuple[Resources, str]:
    machines, notes = nodes_with_room(resources), []
    sized = _avoiding(resources, machines, gpu_takes(need.gpu))
    if sized.avoided:
        takes, count = gib(gpu_takes(need.gpu)), len(sized.avoided)
        notes.append(f"GPUs with less than {takes} are left alone: {count} machine" + "s" * (count > 1))
    if request.gpus_per_trial == "auto":
        known = [m.gpu_memory for node, m in machines.items() if m.gpu_memory and node not in sized.avoided]
        if known:
            sized = replace(sized, gpus=gpu_fraction(need.gpu, min(known)))
            notes.append(f"{int(1 / sized.gpus)} trials share a GPU: each takes up to {gib(need.gpu.device)}")
        else:
            notes.append("the memory of the GPUs is not known: one trial each")
    return replace(sized, concurrency=request.concurrency or places(sized)), "; ".join(notes)


def _avoiding(resources: Resources, machines: dict[str, Machine], takes: int) -> Resources:
    """`resources` that avoid those of `machines` whose GPUs have less than `takes` bytes."""
    small = {node for node, m in machines.items() if m.gpu_memory and m.gpu_memory < takes}
    return replace(resources, avoided=tuple(sorted(small)))
