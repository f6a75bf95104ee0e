"""Nobody waits in silence: what is waited for is shown after ten seconds, and then every minute."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path

import study.driver.ray_settings  # noqa: F401 (before Ray)

# isort: split
import ray

from study.planning.capacity import gib

__all__ = ["TRIES", "FailedStarts", "Waiting", "missing", "resources_now"]

FIRST, LATER = 10.0, 60.0  # seconds until the first note, and between later notes
TRIES = 3  # workers that did not start, after which no further worker is waited for
UNREGISTERED = "have not registered within the timeout"
"""How Ray's log begins to complain of a worker process that did not start within a minute."""


class Waiting:
    """Shows on `note` what is waited for. Called again and again."""

    def __init__(self, note: Callable[[str], None]) -> None:
        self._note = note
        self._next: float | None = None

    def __call__(self, waits: bool, what: Callable[[], str]) -> None:
        """Take note of a look. waits: whether somebody waits. what: returns what is waited for."""
        now = time.monotonic()
        if not waits:
            self._next = None
        elif self._next is None:
            self._next = now + FIRST
        elif now >= self._next:
            self._note(f"waiting for {what()}")
            self._next = now + LATER


def missing(wanted: Mapping[str, float]) -> str:
    """Return what the cluster lacks of `wanted` now: "1 CPU: 0 of 2 free".

    wanted: "cpu", "gpu" and "memory" (bytes), as Tune takes them.
    """
    total, free = ray.cluster_resources(), ray.available_resources()
    names = {"cpu": "CPU", "gpu": "GPU", "memory": "memory"}
    lacking = [name for name, count in wanted.items() if count > free.get(names[name], 0)]
    if not lacking:
        return "a worker to start"
    return ", ".join(
        f"{_amount(name, wanted[name])}: {_number(name, free.get(names[name], 0))} of "
        f"{_number(name, total.get(names[name], 0))} free"
        for name in lacking
    )


def resources_now() -> str:
    """Return what the cluster has, and how much of it is free: "2 CPUs (1 free), 0 GPUs"."""
    total, free = ray.cluster_resources(), ray.available_resources()
    cpus, gpus = total.get("CPU", 0), total.get("GPU", 0)
    text = f"{_amount('cpu', cpus)} ({free.get('CPU', 0):g} free), {_amount('gpu', gpus)}"
    return text + (f" ({free.get('GPU', 0):g} free)" if gpus else "")


def _number(name: str, count: float) -> str:
    return gib(count) if name == "memory" else f"{count:g}"


def _amount(name: str, count: float) -> str:
    unit = "of memory" if name == "memory" else name.upper() + "s" * (count != 1)
    return f"{_number(name, count)} {unit}"


class FailedStarts:
    """Counts workers that could not start, by the logs of Ray on this machine.

    Ray itself tries for ever, and reports no failure. The logs of other machines cannot be read.
    """

    def __init__(self) -> None:
        node = ray._private.worker._global_node
        self._logs = None if node is None else Path(node.get_logs_dir_path())
        self._before = self._counted()

    def reason(self) -> str | None:
        """Return why no worker starts, in one line; None as long as fewer than `TRIES` have failed."""
        count = self._counted() - self._before
        if count < TRIES or self._logs is None:
            return None
        last = self._last_line(self._logs)
        return f"{count} workers could not start: {last or 'no reason is known'} (Ray's logs: {self._logs})"

    def _counted(self) -> int:
        file = self._logs and self._logs / "raylet.out"
        if file is None or not file.exists():
            return 0
        return file.read_text("utf-8", errors="replace").count(UNREGISTERED)

    @staticmethod
    def _last_line(logs: Path) -> str:
        """The last line that a worker wrote to stderr."""
        for file in sorted(logs.glob("worker-*.err"), key=lambda path: path.stat().st_mtime, reverse=True):
            lines = [line.strip() for line in file.read_text("utf-8", errors="replace").splitlines()]
            said = [line for line in lines if line and not line.startswith(":")]
            if said:
                return said[-1]
        return ""
