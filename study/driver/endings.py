"""Trials that have ended, and whose rows in the ledger stay open until MLflow has received their ends."""

from __future__ import annotations

import time
from dataclasses import dataclass

from study.ledger.records import State
from study.tracking.outbox import Outbox

__all__ = ["Ending", "Endings"]

SLOW_MLFLOW = 10.0  # seconds that a trial's end waits for MLflow before the ledger's row is closed
TOGETHER = 0.1  # seconds between two transactions that close rows


@dataclass(frozen=True)
class Ending:
    """How a trial has ended. until: the time at which its row is closed without MLflow."""

    outcome: State
    why: str | None
    until: float


class Endings:
    """The trials that have ended, by key. outbox: sends each end to MLflow, in a job named by the key."""

    def __init__(self, outbox: Outbox) -> None:
        self.outbox = outbox
        self._ended: dict[str, Ending] = {}
        self._next = 0.0

    def __bool__(self) -> bool:
        return bool(self._ended)

    def __getitem__(self, key: str) -> Ending:
        return self._ended[key]

    def add(self, key: str, outcome: State, why: str | None) -> None:
        """Add a trial whose end is in the outbox."""
        self._ended[key] = Ending(outcome, why, time.monotonic() + SLOW_MLFLOW)

    def remove(self, key: str) -> None:
        """Remove a trial, if it is here: its row is closed, or the trial starts again."""
        self._ended.pop(key, None)

    def due(self) -> bool:
        """Return whether there are ended trials, and the last call that returned True is `TOGETHER` ago."""
        now = time.monotonic()
        if not self._ended or now < self._next:
            return False
        self._next = now + TOGETHER
        return True

    def wait(self) -> None:
        """Wait for MLflow, and for each trial only `until` its time."""
        for key, ending in list(self._ended.items()):
            self.outbox.flush(max(0.0, ending.until - time.monotonic()), only=key)

    def ready(self) -> list[str]:
        """Return the trials whose ends MLflow has; all of them if MLflow is away, or the slow ones too."""
        now = time.monotonic()
        return [
            key
            for key, ending in self._ended.items()
            if not self.outbox.waits(key) or self.outbox.away is not None or now >= ending.until
        ]
