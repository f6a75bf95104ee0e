"""Ray, joined and called: a cluster that is started here or attached to, and functions that run in it."""

from __future__ import annotations

import logging
import signal
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any
from unittest.mock import patch

import study.driver.ray_settings  # noqa: F401 (before Ray)

# isort: split
import ray
from ray._private import services, worker
from ray.exceptions import (
    GetTimeoutError,
    NodeDiedError,
    ObjectLostError,
    OutOfMemoryError,
    RayError,
    RayTaskError,
    TaskUnschedulableError,
    WorkerCrashedError,
)
from ray.experimental.internal_kv import _internal_kv_list

from cluster import Cluster
from study.driver.joining import check_listening, settings, token_hint
from study.driver.lifecycle import WORKER_DEATHS
from study.driver.ray_alive import end_groups, groups_of_ray
from study.driver.waiting import FailedStarts, Waiting, missing
from study.driver.worker import OUT_OF_MEMORY
from study.errors import RayFailed, RequestError, StudyStopped, first_line
from study.storage.disk import cannot_write

__all__ = ["Resources", "call_in_ray", "connected", "stopped_by_ray"]

log = logging.getLogger(__name__)

PATIENCE = 2.0  # seconds between two looks at tasks that have not answered
MOVED = "; if its head has another address now, give --cluster HOST:PORT"


@dataclass(frozen=True)
class Resources:
    """What one trial gets (Ray's CPUs and GPUs, fractions too), and how many trials run at once."""

    cpus: float
    gpus: float
    concurrency: int
    memory: int = 0
    """Bytes of a node that are set aside for each trial; 0 if memory is not counted."""
    cpus_aside: float = 0
    """CPUs of a node that are set aside for each trial, if they stand for its memory too; else 0."""
    avoided: tuple[str, ...] = ()
    """Ray's ids of the nodes whose GPUs are too small for a trial."""

    @property
    def threads(self) -> int:
        """CPU threads of a trial; part of its numerics."""
        return max(1, int(self.cpus))

    @property
    def of_a_trial(self) -> dict[str, float]:
        """What is set aside for one trial: "cpu", "gpu" and "memory"."""
        memory = {"memory": self.memory} if self.memory else {}
        return {"cpu": self.cpus_aside or self.cpus, "gpu": self.gpus} | memory

    @property
    def nodes(self) -> dict[str, str]:
        """Ray's selector of the nodes on which a trial may run."""
        return {"ray.io/node-id": f"!in({','.join(self.avoided)})"} if self.avoided else {}


@contextmanager
def connected(cluster: Cluster) -> Iterator[None]:
    """Ray, started here or attached to, as `cluster` describes it. At the end Ray is shut down.

    Raises:
        RequestError: if no Ray answers at the address.
    """
    started: list[int] = []
    with settings(cluster) as joined:
        try:
            _join(cluster.description, joined)
            started += groups_of_ray()
            yield
        finally:
            ray.shutdown()  # also if Ray had started in part
            end_groups(started)


def _join(description: str, joined: dict[str, Any]) -> None:
    """Start Ray or attach to it. joined: the keyword arguments of `ray.init`."""
    debug = logging.getLogger("study").isEnabledFor(logging.DEBUG)  # `kdstudy --debug`
    on_sigterm = signal.getsignal(signal.SIGTERM)
    address, listens = joined.get("address", ""), False
    try:
        check_listening(address)
        listens = address != "local"
        level = logging.INFO if debug else logging.ERROR
        with _in_a_session_of_its_own():
            ray.init(**joined, log_to_driver=debug, logging_level=level)
    except (OSError, RuntimeError, ValueError, RayError) as error:
        hint = token_hint() if listens else MOVED if address != "local" else ""
        refusal = f"{description} cannot be reached: {first_line(error)}{hint}"
        raise RequestError(f"--cluster: {refusal}") from None
    except SystemExit:  # Ray's own answer to SIGTERM while it starts
        raise KeyboardInterrupt from None
    finally:
        signal.signal(signal.SIGTERM, on_sigterm)  # Ray's own handler would abort the process
    if not debug:  # Ray prints dozens of lines for each worker that dies; the study's own line has the reason
        worker.print_to_stdstream = lambda *values, **more: None
    logging.getLogger("ray.tune").setLevel(logging.INFO if debug else logging.CRITICAL)


@contextmanager
def _in_a_session_of_its_own() -> Iterator[None]:
    """Within this context, what Ray starts does not get the signals of this process's group and terminal.

    `timeout`, a terminal and others signal the whole group. Ray would die of the signal, and running trials
    would not come to their next reports. If this process dies, the kernel ends Ray's processes as before.
    (Ray has no switch for this.)
    """
    with patch.object(services, "ConsolePopen", partial(services.ConsolePopen, start_new_session=True)):
        yield


def call_in_ray(
    function: Callable[..., Any],
    calls: Sequence[tuple[Any, ...]],
    resources: Resources,
    step: str,
    note: Callable[[str], None] = log.info,
) -> list[Any]:
    """Return `function(*arguments)` for every tuple of `calls`. Each is a Ray task with a trial's resources.

    step: what the calls do, for the text of an error. note: shows what is waited for if no call begins.

    Raises:
        RequestError: as the function raised it.
        StudyStopped: as the function raised it; also if the disk is full or read-only, if memory ran out, if
            Ray lost the task, or if no worker starts.
    """
    mark = f"kdstudy-{uuid.uuid4().hex}-"
    each: dict[str, Any] = {"num_cpus": resources.cpus, "num_gpus": resources.gpus}
    made = ray.remote(**each, label_selector=resources.nodes, max_retries=WORKER_DEATHS)
    remote = made(_marked(function))
    with stopped_by_ray(step):
        try:
            tasks = [remote.remote(f"{mark}{n}", *arguments) for n, arguments in enumerate(calls)]
            wanted = {"cpu": resources.cpus, "gpu": resources.gpus}
            return _answers(tasks, lambda: len(_internal_kv_list(mark)), wanted, step, note)
        except RayTaskError as error:
            cause = error.cause
            if isinstance(cause, RequestError):
                raise RequestError(str(cause)) from None
            if isinstance(cause, StudyStopped):
                raise type(cause)(str(cause)) from None
            if cannot_write(cause):
                raise StudyStopped(str(cause)) from None
            if any(sign in str(error) for sign in OUT_OF_MEMORY):  # the task's traceback
                raise StudyStopped(f"{step}: memory ran out: {first_line(cause)}; {LESS_MEMORY}") from error
            raise


def _marked(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function`, which first leaves a mark in Ray's own store: Ray does not tell which tasks have begun."""

    def call(mark: str, *arguments: Any) -> Any:
        from ray.experimental.internal_kv import _internal_kv_put

        _internal_kv_put(mark, b"")
        return function(*arguments)

    call.__name__, call.__qualname__ = function.__name__, function.__qualname__  # Ray shows them
    return call


def _answers(
    tasks: list[Any],
    begun: Callable[[], int],
    wanted: dict[str, float],
    step: str,
    note: Callable[[str], None],
) -> list[Any]:
    """Return what `tasks` return. begun: returns how many of them have begun.

    Raises:
        StudyStopped: if no task runs, and `FailedStarts` knows why.
    """
    waiting, starts = Waiting(note), FailedStarts()
    while True:
        try:
            return list(ray.get(tasks, timeout=PATIENCE))
        except GetTimeoutError:
            ended = len(ray.wait(tasks, num_returns=len(tasks), timeout=0)[0])
            idle = begun() <= ended
            waiting(idle, partial(missing, wanted))
            if idle and (reason := starts.reason()):
                raise StudyStopped(f"{step}: {reason}") from None


LESS_MEMORY = "free some memory, or choose a larger machine"


@contextmanager
def stopped_by_ray(step: str) -> Iterator[None]:
    """Within this context an error of Ray itself stops the study. An error of a task stays as it is.

    Raises:
        RayFailed: in place of Ray's error: one line with the `step` and what can be done.
    """
    try:
        yield
    except RayTaskError:
        raise
    except RayError as error:
        raise RayFailed(f"{step}: {_why(error)}") from error


def _why(error: RayError) -> str:
    """What happened, in one line, and what can be done."""
    if isinstance(error, OutOfMemoryError):
        return f"Ray ended a worker because its machine ran out of memory; {LESS_MEMORY}"
    if isinstance(error, WorkerCrashedError):
        return f"the worker died {WORKER_DEATHS + 1} times, perhaps for lack of memory; {LESS_MEMORY}"
    if isinstance(error, NodeDiedError | ObjectLostError):
        return f"a machine of the cluster was lost ({type(error).__name__}); wait until the cluster is whole"
    if isinstance(error, TaskUnschedulableError):
        return f"no machine of the cluster has room: {first_line(error)}; wait until one has"
    return f"Ray failed ({type(error).__name__}): {first_line(error)}; look at the cluster with: ray status"
