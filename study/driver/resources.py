"""Ray's cluster: joined, and what of it each trial gets."""

from __future__ import annotations

import logging
import os
import signal
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Literal

# Ray reads these when it is imported.
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
# A raylet often asks its own object store too early, and then again after this: by default after a second.
os.environ.setdefault("RAY_raylet_client_connect_timeout_milliseconds", "50")
os.environ.setdefault("RAY_raylet_client_num_connect_attempts", "200")

import ray
from ray.exceptions import RayTaskError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from cluster import Cluster
from study.driver.lifecycle import WORKER_DEATHS
from study.errors import RequestError, StudyStopped
from study.planning.capacity import Machine, Need, check_room, gib, gpu_fraction
from study.storage.disk import cannot_write

__all__ = ["Resources", "call_in_ray", "check_cluster", "connected", "default_resources", "in_room"]

UNLIMITED = 2**62  # bytes of a node that does not say how many it has


@dataclass(frozen=True)
class Resources:
    """What one trial gets (Ray's CPUs and GPUs, fractions too), and how many trials run at once."""

    cpus: float
    gpus: float
    concurrency: int
    memory: int = 0  # bytes of a node that are set aside for each; 0: not counted

    @property
    def threads(self) -> int:
        """CPU threads of a trial; part of its numerics."""
        return max(1, int(self.cpus))

    @property
    def of_a_trial(self) -> dict[str, float]:
        """As Tune takes them."""
        memory = {"memory": self.memory} if self.memory else {}
        return {"cpu": self.cpus, "gpu": self.gpus} | memory


@contextmanager
def connected(cluster: Cluster) -> Iterator[None]:
    """Ray, started here or attached to, as `cluster` says.

    Raises:
        RequestError: where no Ray answers at the address.
    """
    debug = logging.getLogger("study").isEnabledFor(logging.DEBUG)  # `kdstudy --debug`
    on_sigterm = signal.getsignal(signal.SIGTERM)
    try:
        _check_listening(cluster.ray_init.get("address", ""))
        with _signals() as arrived:
            level = logging.INFO if debug else logging.ERROR
            ray.init(**cluster.ray_init, log_to_driver=debug, logging_level=level)
            stop = arrived() & {signal.SIGINT, signal.SIGTERM}
    except (OSError, RuntimeError, ValueError) as error:
        first = str(error).strip().splitlines()[0]
        raise RequestError(f"--cluster: {cluster.description} cannot be reached: {first}") from None
    except SystemExit:  # Ray's own answer to SIGTERM while it starts
        raise KeyboardInterrupt from None
    logging.getLogger("ray.tune").setLevel(logging.INFO if debug else logging.CRITICAL)
    signal.signal(signal.SIGTERM, on_sigterm)  # Ray has put its own there, which aborts the process
    try:
        if stop:  # and yet here: what it raised fell into a hook around a fork, where Python ignores it
            raise KeyboardInterrupt
        yield
    finally:
        ray.shutdown()


@contextmanager
def _signals() -> Iterator[Callable[[], set[int]]]:
    """Gives a function that tells which signals have arrived, whatever became of their handlers."""
    there, here = socket.socketpair()
    there.setblocking(False)
    here.setblocking(False)

    def arrived() -> set[int]:
        try:
            return set(there.recv(4096))
        except BlockingIOError:
            return set()

    before = signal.set_wakeup_fd(here.fileno(), warn_on_full_buffer=False)
    try:
        yield arrived
    finally:
        signal.set_wakeup_fd(before)
        there.close()
        here.close()


def _check_listening(address: str) -> None:
    """Raises OSError where nothing listens at HOST:PORT: Ray itself would try for minutes."""
    if address == "auto":
        address = os.environ.get("RAY_ADDRESS", "")
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if colon:
        socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()


def default_resources(
    cluster: Cluster,
    cpus: float | None = None,
    gpus: float | Literal["auto"] | None = None,
    concurrency: int | None = None,
) -> Resources:
    """Fill in what is not given: one GPU a trial where there are any, else as many trials as CPUs.

    "auto" is one GPU as well, until `in_room` knows what a trial takes.

    Raises:
        RequestError: where a trial asks for more than this machine has; a cluster may grow.
    """
    total = ray.cluster_resources()
    cpus = cpus or 1
    if gpus is None or gpus == "auto":
        gpus = 1 if total.get("GPU", 0) else 0
    for option, asked, there in (
        ("--cpus-per-trial", cpus, total.get("CPU", 0)),
        ("--gpus-per-trial", gpus, total.get("GPU", 0)),
    ):
        if cluster.ray_init.get("address") == "local" and asked > there:
            raise RequestError(f"{option} {asked:g}: this machine has {there:g}")
    fits = total.get("GPU", 0) / gpus if gpus else total.get("CPU", 1) / cpus
    return Resources(cpus, gpus, concurrency or max(1, int(fits)))


def check_cluster(need: Need, resources: Resources) -> None:
    """Refuse a plan whose largest trial fits no node of the cluster.

    Raises:
        RequestError: as `check_room`.
    """
    if machines := _machines(bool(resources.gpus)):
        check_room(need, machines[-1], bool(resources.gpus), "the largest machine of the cluster")


def in_room(resources: Resources, need: Need, request: Any) -> tuple[Resources, str]:
    """`resources` with no more trials at once than there is memory for; and what is to be said of it.

    On CPUs each trial then has its predicted memory set aside on its node, so that Ray starts none where
    there is no room. A given `--concurrency` is taken as it is. Trials share a GPU with
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
    """The nodes of the cluster, the largest last; memory is what Ray found free when it started there."""
    found = []
    for node in ray.nodes():
        has = node["Resources"]
        if node["Alive"] and not (with_gpus and not has.get("GPU")):
            gpu_memory = _gpu_memory(node["NodeID"]) if with_gpus else None
            memory = int(has.get("memory", 0)) or UNLIMITED
            found.append(Machine(has.get("CPU", 0), memory, has.get("GPU", 0), gpu_memory))
    return sorted(found, key=lambda m: (m.gpu_memory or 0, m.memory))


def _gpu_memory(node: str) -> int | None:
    """Bytes of a GPU of `node`, asked by a task there; none where CUDA does not answer."""

    def ask() -> int | None:
        import torch

        return torch.cuda.get_device_properties(0).total_memory if torch.cuda.is_available() else None

    there: Any = NodeAffinitySchedulingStrategy(node, soft=False)
    answer: int | None = ray.get(ray.remote(ask).options(num_gpus=1, scheduling_strategy=there).remote())
    return answer


def call_in_ray(
    function: Callable[..., Any], calls: Sequence[tuple[Any, ...]], resources: Resources
) -> list[Any]:
    """`function(*arguments)` for every tuple of `calls`, each as a Ray task with one trial's resources.

    Raises:
        RequestError: as the function raised it.
        StudyStopped: where the disk is full or read-only, or the storage away.
    """
    remote = ray.remote(num_cpus=resources.cpus, num_gpus=resources.gpus, max_retries=WORKER_DEATHS)(function)
    try:
        return ray.get([remote.remote(*arguments) for arguments in calls])
    except RayTaskError as error:
        if isinstance(error.cause, RequestError):
            raise RequestError(str(error.cause)) from None
        if isinstance(error.cause, StudyStopped):
            raise type(error.cause)(str(error.cause)) from None
        if cannot_write(error.cause):
            raise StudyStopped(str(error.cause)) from None
        raise
