"""Jobs for an outbox under test."""

from __future__ import annotations

import threading
from collections.abc import Callable

__all__ = ["LONG", "Slow", "does"]

LONG = 20.0  # seconds; nothing here waits for so long unless it fails


class Slow:
    """A job that runs until the test sets `go_on`, and then adds its name to `done`."""

    def __init__(self, done: list[str], name: str) -> None:
        self.done, self.name = done, name
        self.under_way, self.go_on = threading.Event(), threading.Event()

    def __call__(self) -> None:
        self.under_way.set()
        assert self.go_on.wait(LONG)
        self.done.append(self.name)


def does(done: list[str], name: str) -> Callable[[], None]:
    return lambda: done.append(name)
