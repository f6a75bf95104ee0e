"""The nodes of Ray's cluster: what each of them has, and whether an autoscaler can start more."""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import study.driver.ray_settings  # noqa: F401 (before Ray)

# isort: split
import ray
from ray._private.ray_constants import DEBUG_AUTOSCALING_STATUS
from ray.autoscaler.v2.sdk import get_cluster_status
from ray.autoscaler.v2.utils import is_autoscaler_v2
from ray.exceptions import RayError
from ray.experimental.internal_kv import _internal_kv_get
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from study.driver.ray_cluster import Resources
from study.planning.capacity import Machine

__all__ = ["UNLIMITED", "can_grow", "machines_of_nodes", "nodes_with_room"]

OWN_TYPE = re.compile(r"node_[0-9a-f]+")  # the type of a node that no autoscaler has started
UNLIMITED = 2**62  # bytes of memory, for a node that does not report its own
ANSWER = 60.0  # seconds in which a node tells the memory of its GPUs
SLIVER = 0.0001  # of a GPU: the least that Ray counts, so that a node answers although its GPUs are in use

log = logging.getLogger(__name__)


def can_grow(patience: float = 0) -> bool:
    """Return whether the cluster has an autoscaler that can start nodes.

    An autoscaler gives each node a type. Without an autoscaler every node is a type of its own.

    patience: seconds to wait for the first report of a Ray that has just started.
    """
    deadline = time.monotonic() + patience
    while (types := _types()) is None and time.monotonic() < deadline:
        time.sleep(1)
    return not all(map(OWN_TYPE.fullmatch, types or ()))


def _types() -> set[str] | None:
    """The types of the nodes; None if nothing is known of them yet."""
    try:
        if is_autoscaler_v2(fetch_from_server=True):
            status = get_cluster_status(ray.get_runtime_context().gcs_address)
            return {node.ray_node_type_name for node in (*status.active_nodes, *status.idle_nodes)}
        stored = _internal_kv_get(DEBUG_AUTOSCALING_STATUS)  # what the first version stores
        if not stored:
            return None
        report = json.loads(stored).get("autoscaler_report", {})
        kinds = ("active_nodes", "idle_nodes", "pending_launches")
        return {kind for name in kinds for kind in report.get(name) or {}}
    except Exception:  # not public in Ray: a version without it has no answer
        log.debug("it is not known whether the cluster can grow:", exc_info=True)
        return set()


def machines_of_nodes() -> dict[str, Machine]:
    """The nodes of the cluster by their ids. Memory is what Ray found free when the node started."""
    alive = {node["NodeID"]: node["Resources"] for node in ray.nodes() if node["Alive"]}
    return {
        node: Machine(has.get("CPU", 0), int(has.get("memory", 0)) or UNLIMITED, has.get("GPU", 0))
        for node, has in alive.items()
    }


def nodes_with_room(resources: Resources) -> dict[str, Machine]:
    """The nodes with the CPUs and GPUs of a trial; with the memory of their GPUs, if a trial gets any."""
    machines = {n: m for n, m in machines_of_nodes().items() if m.fits(resources.cpus, resources.gpus)}
    if not resources.gpus:
        return machines
    memory = _gpu_memory(list(machines))
    return {node: replace(machine, gpu_memory=memory[node]) for node, machine in machines.items()}


def _gpu_memory(nodes: Sequence[str]) -> dict[str, int | None]:
    """Bytes of memory of a GPU of each node, found by tasks there; None if CUDA or Ray does not answer."""

    def read() -> int | None:
        import torch

        return torch.cuda.get_device_properties(0).total_memory if torch.cuda.is_available() else None

    task = ray.remote(num_cpus=0, num_gpus=SLIVER, max_retries=0)(read)
    where: list[Any] = [NodeAffinitySchedulingStrategy(node, soft=False) for node in nodes]
    tasks = [task.options(scheduling_strategy=there).remote() for there in where]
    answered = ray.wait(tasks, num_returns=len(tasks), timeout=ANSWER)[0] if tasks else []
    found: dict[str, int | None] = dict.fromkeys(nodes)
    for node, asked in zip(nodes, tasks, strict=True):
        try:
            if asked in answered:
                found[node] = ray.get(asked)
            else:
                ray.cancel(asked, force=True)
        except RayError:  # the task's own error too: a note to the user follows
            log.debug("the memory of the GPUs of node %s is not known:", node, exc_info=True)
    return found
