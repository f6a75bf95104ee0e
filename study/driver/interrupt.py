"""Ctrl-C and SIGTERM: the first asks a study to stop gracefully, the second ends it at once."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["GRACE", "graceful"]

GRACE = 60  # seconds that running trials have to come to their next report
ASKED_BY = (signal.SIGINT, signal.SIGTERM)  # Slurm and other schedulers send the second before they kill


@contextmanager
def graceful(stop: Callable[[], None], say: Callable[[str], None]) -> Iterator[None]:
    """Within, the first signal calls `stop`; a second, or the end of `GRACE`, raises KeyboardInterrupt."""

    def first(number: int, frame: Any) -> None:
        for each in ASKED_BY:
            signal.signal(each, signal.default_int_handler)
        signal.signal(signal.SIGALRM, signal.default_int_handler)
        signal.alarm(GRACE)
        stop()
        say(f"stopping: running trials go to their next report, {GRACE} seconds at most; again to end now")

    before = {each: signal.signal(each, first) for each in ASKED_BY}
    on_alarm = signal.getsignal(signal.SIGALRM)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, on_alarm)
        for each, handler in before.items():
            signal.signal(each, handler)
