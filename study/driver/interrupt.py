"""The signals that stop a study: the first signal stops gracefully, the second signal ends the study at once.

SIGINT is Ctrl-C. SIGTERM comes from schedulers, containers and `timeout`, before they kill. SIGHUP comes if a
terminal or its connection is closed. SIGUSR1 and SIGUSR2 are warnings that a batch system sends if it is
asked to, such as Slurm's `--signal=USR1@120`.
"""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["GRACE", "STOPS", "graceful", "interruptible", "undisturbed"]

GRACE = 60  # seconds that running trials have to reach their next report
STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
ECHO = 1.0  # seconds in which one signal may come twice: `timeout` signals its command, then the whole group
AGAIN = 0.05  # seconds until an interrupt that Python has ignored is raised once more

Handler = Callable[[int, Any], Any]


@contextmanager
def interruptible() -> Iterator[None]:
    """Within this context the signals `STOPS` raise KeyboardInterrupt, and no such interrupt is lost.

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

    def interrupt(number: int, frame: Any) -> None:
        _handle(_taken(), _end_after(ECHO))
        raise KeyboardInterrupt

    before = _handle(_taken(), interrupt) | _handle([signal.SIGALRM], signal.default_int_handler)
    sys.unraisablehook = raise_again
    try:
        yield
    finally:
        sys.unraisablehook = shown
        signal.setitimer(signal.ITIMER_REAL, 0)
        _restore(before)


@contextmanager
def graceful(stop: Callable[[], None], note: Callable[[str], None]) -> Iterator[None]:
    """Within this context the first signal calls `stop`.

    The second signal, or the end of `GRACE`, raises KeyboardInterrupt.

    note: shows a line to the user.
    """

    def first(number: int, frame: Any) -> None:
        _handle(_taken(), _end_after(ECHO))
        signal.signal(signal.SIGALRM, signal.default_int_handler)
        signal.alarm(GRACE)
        stop()
        note(f"stopping: running trials go to their next report, {GRACE} seconds at most; again to end now")

    before = _handle(_taken(), first)
    on_alarm = signal.getsignal(signal.SIGALRM)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, on_alarm)
        _restore(before)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Within this context the signals `STOPS` are ignored: for the last seconds of a study that stops."""
    before = _handle(_taken(), signal.SIG_IGN)
    try:
        yield
    finally:
        _restore(before)


def _taken() -> list[signal.Signals]:
    """`STOPS`, without SIGHUP if it is ignored: `nohup` lets a command go on after its terminal."""
    nohup = signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    return [number for number in STOPS if not (nohup and number == signal.SIGHUP)]


def _end_after(seconds: float) -> Handler:
    """A handler that raises KeyboardInterrupt, but does nothing within the next `seconds`."""
    since = time.monotonic()

    def end(number: int, frame: Any) -> None:
        if time.monotonic() - since >= seconds:
            raise KeyboardInterrupt

    return end


def _handle(numbers: list[signal.Signals], handler: Handler | signal.Handlers) -> dict[signal.Signals, Any]:
    """Let `handler` handle the signals `numbers`; returns what handled them before."""
    return {number: signal.signal(number, handler) for number in numbers}


def _restore(before: dict[signal.Signals, Any]) -> None:
    for number, handler in before.items():
        signal.signal(number, handler)
