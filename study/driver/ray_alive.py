"""Whether Ray itself is alive. Without this, a study would wait for a dead Ray, and then end unpaused.

If Ray's head (the process `gcs_server`) is gone, calls of Ray wait for a minute. Then Ray's client ends the
process from C++, so that no Python runs any more. Here a thread looks every second, and interrupts the main
thread long before. Some calls of Ray cannot be interrupted. Then this thread says farewell itself.
"""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any

import study.driver.ray_settings  # noqa: F401 (before Ray)

# isort: split
import ray
import ray._private.worker

from cluster import Cluster
from study.errors import RayFailed

__all__ = ["RayAlive", "end_groups", "groups_of_ray"]

HERE = 3.0  # seconds until a Ray that was started here counts as dead: nobody starts it again
JOINED = 30.0  # the same for a Ray that was joined: the head of a cluster may be started again
STUCK = 5.0  # seconds that the main thread has to notice the interrupt
LOOK = 1.0  # seconds between two looks
ANSWER = 5.0  # seconds that a head has to take a connection
INTERRUPT = signal.SIGURG  # nothing else uses this signal, and without a handler nothing happens


def groups_of_ray() -> list[int]:
    """Return the process groups of the Ray that this process has started; none if Ray was joined."""
    node = ray._private.worker._global_node
    if node is None:
        return []
    return [info.process.pid for infos in node.all_processes.values() for info in infos]


def end_groups(groups: Sequence[int]) -> None:
    """Kill what is left of `groups`. If the head is dead, a raylet leaves its agents for a minute."""
    for group in groups:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)


class RayAlive:
    """While it is entered, KeyboardInterrupt is raised in the main thread once Ray has died.

    (Ray raises KeyboardInterrupt in place of whatever a handler raises, and Ray Tune takes any Exception for
    an error of a trial.)

    farewell: called in another thread if the main thread is stuck in a call of Ray. Then that thread raises,
    for `threading.excepthook`, what the main thread would have raised. The process cannot go on.
    told_to_stop: returns whether the user has stopped the study already.

    Raises:
        RayFailed: in place of KeyboardInterrupt, if Ray has died and the user has stopped nothing.
    """

    def __init__(
        self,
        cluster: Cluster,
        farewell: Callable[[], None] = lambda: None,
        told_to_stop: Callable[[], bool] = lambda: False,
    ) -> None:
        here = cluster.ray_init.get("address") == "local"
        self.farewell, self.told_to_stop = farewell, told_to_stop
        self._patience = HERE if here else JOINED
        self._node = ray._private.worker._global_node if here else None
        self._groups = groups_of_ray()
        self._address = ray.get_runtime_context().gcs_address
        self._ended, self._noticed = threading.Event(), threading.Event()

    def __enter__(self) -> RayAlive:
        self._before = signal.signal(INTERRUPT, self._interrupt)
        threading.Thread(target=self._watch, name="ray-alive", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        signal.signal(INTERRUPT, self._before)
        if isinstance(error, KeyboardInterrupt) and self._noticed.is_set() and not self.told_to_stop():
            raise RayFailed(self._why()) from error

    def _interrupt(self, number: int, frame: Any) -> None:
        self._noticed.set()
        raise KeyboardInterrupt

    def _why(self) -> str:
        return f"the Ray at {self._address} has died, perhaps for lack of memory"

    def _watch(self) -> None:
        seen = time.monotonic()
        while time.monotonic() - seen < self._patience:
            if self._ended.wait(LOOK):
                return
            if self._is_there():
                seen = time.monotonic()
        main = threading.main_thread().ident
        assert main is not None
        signal.pthread_kill(main, INTERRUPT)
        if not self._noticed.wait(STUCK) and not self._ended.is_set():
            self.farewell()
            end_groups(self._groups)
            raise KeyboardInterrupt if self.told_to_stop() else RayFailed(self._why())

    def _is_there(self) -> bool:
        """Whether the head takes connections; of a Ray that was started here, whether its processes live."""
        if self._node is not None:
            dead = {kind for kind, _ in self._node.dead_processes()}
            return not dead & {"gcs_server", "raylet"}
        host, _, port = self._address.rpartition(":")
        try:
            socket.create_connection((host.strip("[]"), int(port)), ANSWER).close()
        except OSError:
            return False
        return True
