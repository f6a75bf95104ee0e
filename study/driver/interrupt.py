"""Ctrl-C and SIGTERM: the first signal stops a study gracefully, the second signal ends the study at once."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["GRACE", "graceful", "interruptible"]

GRACE = 60  # seconds that running trials have to reach their next report
STOPS = (signal.SIGINT, signal.SIGTERM)  # Slurm and other schedulers send SIGTERM before they kill
AGAIN = 0.05  # seconds until an interrupt that Python has ignored is raised once more


@contextmanager
def interruptible() -> Iterator[None]:
    """Within this context SIGINT and SIGTERM raise KeyboardInterrupt, and no such interrupt is lost.

    Python ignores an exception that a signal's handler raises within a `__del__`, a callback of a weak
    reference or a hook around a fork: `sys.unraisablehook` shows the exception, and the program goes on. Here
    the interrupt is raised again soon afterwards, by SIGALRM, until the interrupt is raised where Python does
    not ignore it. (https://docs.python.org/3/library/signal.html, "Note on Signal Handlers and Exceptions")
    SystemExit is taken for an interrupt too: Ray's own handler raises SystemExit while Ray starts.
    """
    shown = sys.unraisablehook

    def raise_again(ignored: Any) -> None:
        if issubclass(ignored.exc_type, KeyboardInterrupt | SystemExit):
            signal.setitimer(signal.ITIMER_REAL, AGAIN)
        else:
            shown(ignored)

    numbers = (*STOPS, signal.SIGALRM)
    before = {number: signal.signal(number, signal.default_int_handler) for number in numbers}
    sys.unraisablehook = raise_again
    try:
        yield
    finally:
        sys.unraisablehook = shown
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in before.items():
            signal.signal(number, handler)


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
