"""The room that a cluster has for trials: how many run at once, and what is waited for.

Nodes may join and leave while a study runs, and other programs may use the cluster too.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

from study.driver.nodes import can_grow
from study.driver.ray_cluster import Resources
from study.driver.resources import places
from study.driver.waiting import FailedStarts, Waiting, missing
from study.errors import StudyStopped
from study.planning.request import Request

__all__ = ["Room"]

LOOK = 10.0  # seconds between two looks at what the cluster has


class Room:
    """How many trials run at once, and notes to the user while a trial waits for room.

    A given `--concurrency` is taken as it is. Otherwise the number follows the cluster. If the cluster has an
    autoscaler, one trial more is started than there is room for: an autoscaler starts nodes only for what
    waits.
    """

    def __init__(self, resources: Resources, request: Request, note: Callable[[str], None]) -> None:
        self.resources, self.request = resources, request
        self._waiting, self._starts = Waiting(note), FailedStarts()
        self._fits, self._more = resources.concurrency, 0
        self._look = self._logs = 0.0  # when the cluster and the logs are looked at again

    def at_once(self) -> int:
        """Return how many trials may run now. The cluster is looked at every `LOOK` seconds."""
        if self.request.concurrency is None and time.monotonic() >= self._look:
            self._fits, self._more = places(self.resources), 1 if can_grow() else 0
            self._look = time.monotonic() + LOOK
        return self._fits + self._more

    def look(self, starts: bool, waits: bool, started: int) -> None:
        """Show what is missing if a trial waits for room.

        starts: whether a trial has not started yet. waits: whether it has no room yet. started: the number of
        workers that have room. A trial that waits for an autoscaler beside a full cluster is worth no note.

        Raises:
            StudyStopped: if workers that have room cannot start.
        """
        self._waiting(waits and started < self._fits, partial(missing, self.resources.of_a_trial))
        if starts and not waits and time.monotonic() >= self._logs:
            self._logs = time.monotonic() + LOOK
            if reason := self._starts.reason():
                raise StudyStopped(f"running trials: {reason}")
