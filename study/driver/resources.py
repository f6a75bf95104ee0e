"""What each trial gets of Ray's cluster, and how many trials run at once."""

from __future__ import annotations

import json
import logging
import re
from dataclasses import replace
from typing import Any, Literal

import study.driver.ray_settings  # noqa: F401 (before Ray)

# isort: split
import ray
from ray._private.ray_constants import DEBUG_AUTOSCALING_STATUS
from ray.exceptions import RayError
from ray.experimental.internal_kv import _internal_kv_get
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from cluster import Cluster
from study.driver.ray_cluster import Resources
from study.errors import RequestError
from study.planning.capacity import Machine, Need, check_room, gib, gpu_fraction
from study.planning.request import Request

__all__ = ["as_many", "can_grow", "check_cluster", "default_resources", "in_room"]

OWN_TYPE = re.compile(r"node_[0-9a-f]+")  # the type of a node that no autoscaler has started
UNLIMITED = 2**62  # bytes of memory, for a node that does not report its own

log = logging.getLogger(__name__)


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
    return Resources(cpus, gpus, concurrency or as_many(total, cpus, gpus))


def check_cluster(need: Need, resources: Resources) -> None:
    """Refuse a plan whose largest trial fits no node of the cluster.

    A cluster without nodes may get some, and an autoscaler may add larger nodes.

    Raises:
        RequestError: if the largest node has too little memory, or no node has the CPUs and GPUs of a trial.
    """
    if nodes := _machines(with_gpus=False):
        for option, wanted, most in (
            ("--cpus-per-trial", resources.cpus, max(node.cpus for node in nodes)),
            ("--gpus-per-trial", resources.gpus, max(node.gpus for node in nodes)),
        ):
            if wanted > most and not can_grow():
                raise RequestError(f"{option} {wanted:g}: the largest machine of the cluster has {most:g}")
    if machines := _machines(bool(resources.gpus)):
        check_room(need, machines[-1], bool(resources.gpus), "the largest machine of the cluster")


def can_grow() -> bool:
    """Return whether the cluster has an autoscaler that can start nodes.

    Ray's monitor stores a report of the nodes by their type. Without a configuration of an autoscaler every
    node is a type of its own.
    """
    try:
        config = ray._private.state.state.get_cluster_config()
        stored = _internal_kv_get(DEBUG_AUTOSCALING_STATUS)
        report = json.loads(stored).get("autoscaler_report", {}) if stored else {}
    except Exception:  # not public in Ray: a version without it has no answer
        log.debug("it is not known whether the cluster can grow:", exc_info=True)
        return False
    nodes = ("active_nodes", "idle_nodes", "pending_launches")
    types = {kind for name in nodes for kind in report.get(name) or {}}
    return bool(config and config.node_group_configs) or not all(map(OWN_TYPE.fullmatch, types))


def as_many(total: dict[str, float], cpus: float, gpus: float) -> int:
    """Return how many trials have room in `total`, at least one."""
    return max(1, int(total.get("GPU", 0) / gpus if gpus else total.get("CPU", 1) / cpus))


def in_room(resources: Resources, need: Need, request: Request) -> tuple[Resources, str]:
    """Return `resources` with no more trials at once than memory allows, and a note for the user.

    On CPUs, Ray then sets the predicted memory of each trial aside on the trial's node, and starts no trial
    on a node that has no room. A given `--concurrency` is taken as it is. Trials share a GPU with
    `--gpus-per-trial auto` only.
    """
    if resources.gpus and request.gpus_per_trial == "auto":
        known = [m.gpu_memory for m in _machines(True) if m.gpu_memory]
        if not known:
            return resources, "the memory of the GPUs is not known: one trial each"
        share = gpu_fraction(need.gpu, min(known))
        total = ray.cluster_resources()
        fits = min(int(total["GPU"] * int(1 / share)), int(total.get("CPU", 1) / resources.cpus))
        at_once = request.concurrency or max(1, fits)
        note = f"{int(1 / share)} trials share a GPU: each takes up to {gib(need.gpu.device)}"
        return replace(resources, gpus=share, concurrency=at_once), note
    if resources.gpus or request.concurrency:
        return resources, ""
    machines = _machines(False)
    at_once = max(1, sum(m.fits(need.cpu, resources.cpus) for m in machines))
    largest = max((m.memory for m in machines), default=0)
    sized = replace(resources, concurrency=at_once, memory=min(need.cpu.host, largest))
    if at_once >= resources.concurrency:
        return replace(sized, concurrency=resources.concurrency), ""
    there = gib(sum(m.memory for m in machines))
    takes = f"each takes up to {gib(need.cpu.host)} of memory, {there} are free"
    return sized, f"{at_once} trials at once, not {resources.concurrency}: {takes}"


def _machines(with_gpus: bool) -> list[Machine]:
    """The nodes of the cluster, the largest last. Memory is what Ray found free when the node started."""
    found = []
    for node in ray.nodes():
        has = node["Resources"]
        if node["Alive"] and not (with_gpus and not has.get("GPU")):
            gpu_memory = _gpu_memory(node["NodeID"]) if with_gpus else None
            memory = int(has.get("memory", 0)) or UNLIMITED
            found.append(Machine(has.get("CPU", 0), memory, has.get("GPU", 0), gpu_memory))
    return sorted(found, key=lambda m: (m.gpu_memory or 0, m.memory))


def _gpu_memory(node: str) -> int | None:
    """Bytes of memory of a GPU of `node`, found by a task there; None if CUDA or Ray does not answer."""

    def read() -> int | None:
        import torch

        return torch.cuda.get_device_properties(0).total_memory if torch.cuda.is_available() else None

    there: Any = NodeAffinitySchedulingStrategy(node, soft=False)
    try:
        found: int | None = ray.get(ray.remote(read).options(num_gpus=1, scheduling_strategy=there).remote())
    except RayError:  # the task's own error too: a note to the user follows
        log.debug("the memory of the GPUs of node %s is not known:", node, exc_info=True)
        return None
    return found
