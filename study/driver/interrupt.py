"""Ctrl-C and SIGTERM: the first signal stops a study gracefully, the second signal ends the study at once."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["GRACE", "graceful"]

GRACE = 60  # seconds that running trials have to reach their next report
STOPS = (signal.SIGINT, signal.SIGTERM)  # Slurm and other schedulers send SIGTERM before they kill


@contextmanager
def graceful(stop: Callable[[], None], note: Callable[[str], None]) -> Iterator[None]:
    """Within this context the first signal calls `stop`.

    The second signal, or the end of `GRACE`, raises KeyboardInterrupt.

    note: shows a line to the user.
    """

    def first(number: int, frame: Any) -> None:
        for each in STOPS:
            signal.signal(each, signal.default_int_handler)
        signal.signal(signal.SIGALRM, signal.default_int_handler)
        signal.alarm(GRACE)
        stop()
        note(f"stopping: running trials go to their next report, {GRACE} seconds at most; again to end now")

    before = {each: signal.signal(each, first) for each in STOPS}
    on_alarm = signal.getsignal(signal.SIGALRM)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, on_alarm)
        for each, handler in before.items():
            signal.signal(each, handler)
