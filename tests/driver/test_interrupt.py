"""Ctrl-C, SIGTERM and the like: after one signal a study stops gracefully, after two at once."""

from __future__ import annotations

import signal
import sys
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import nullcontext

import pytest

from study.driver import interrupt
from study.driver.interrupt import STOPS, graceful, interruptible, undisturbed

EACH = pytest.mark.parametrize("number", STOPS, ids=lambda number: number.name)
BOTH = pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """The handlers of the command line, also if tests run in a shell's background, which ignores SIGINT."""
    before = {each: signal.getsignal(each) for each in (*STOPS, signal.SIGALRM)}
    for each in STOPS:
        signal.signal(each, signal.default_int_handler)
    yield
    signal.alarm(0)
    for each, handler in before.items():
        signal.signal(each, handler)


@pytest.fixture
def no_echo(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second signal counts, however soon it comes."""
    monkeypatch.setattr(interrupt, "ECHO", 0)


class Study:
    """Counts the stops, and keeps the notes for the user."""

    def __init__(self) -> None:
        self.stops = 0
        self.notes: list[str] = []

    def stop(self) -> None:
        self.stops += 1


@pytest.fixture
def study() -> Study:
    return Study()


def wait_to_be_interrupted() -> None:
    threading.Event().wait(20)


@EACH
def test_the_first_signal_stops_gracefully_and_raises_nothing(study: Study, number: signal.Signals) -> None:
    with graceful(study.stop, study.notes.append):
        signal.raise_signal(number)
        assert study.stops == 1
    assert len(study.notes) == 1
    assert "\n" not in study.notes[0]
    assert f"{interrupt.GRACE} seconds" in study.notes[0]


@EACH
@pytest.mark.parametrize("first", STOPS, ids=lambda number: number.name)
def test_the_second_signal_ends_the_study_at_once(
    study: Study, first: signal.Signals, number: signal.Signals, no_echo: None
) -> None:
    with graceful(study.stop, study.notes.append):
        signal.raise_signal(first)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)
    assert study.stops == 1


@EACH
def test_a_signal_that_comes_twice_within_a_second_counts_once(
    study: Study, number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`timeout` signals its command, and then the group of the command."""
    monkeypatch.setattr(interrupt, "ECHO", 0.2)
    with graceful(study.stop, study.notes.append):
        signal.raise_signal(number)
        signal.raise_signal(number)
        time.sleep(0.3)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)
    assert study.stops == 1


@EACH
def test_without_a_phase_a_signal_that_comes_twice_interrupts_once(number: signal.Signals) -> None:
    """The second signal would interrupt the writes that follow the first."""
    cleaned = False

    def study() -> None:
        nonlocal cleaned
        try:
            signal.raise_signal(number)
        finally:
            signal.raise_signal(number)
            cleaned = True

    with pytest.raises(KeyboardInterrupt), interruptible():
        study()
    assert cleaned


@EACH
def test_nothing_disturbs_the_last_seconds_of_a_study(number: signal.Signals, no_echo: None) -> None:
    def study() -> None:
        with undisturbed():
            signal.raise_signal(number)
            signal.raise_signal(number)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)

    with interruptible():
        study()


def test_a_study_under_nohup_outlives_its_terminal(study: Study) -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with interruptible(), undisturbed(), graceful(study.stop, study.notes.append):
        signal.raise_signal(signal.SIGHUP)
    signal.raise_signal(signal.SIGHUP)
    assert study.stops == 0


@BOTH
def test_the_end_of_the_grace_ends_the_study(
    study: Study, number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interrupt, "GRACE", 1)
    with graceful(study.stop, study.notes.append):
        signal.raise_signal(number)
        with pytest.raises(KeyboardInterrupt):
            wait_to_be_interrupted()
    assert study.stops == 1


@BOTH
def test_afterwards_signals_are_what_they_were(study: Study, number: signal.Signals) -> None:
    """So is the alarm, which would end whatever comes later."""
    before = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)]
    for signalled in (False, True):
        with graceful(study.stop, study.notes.append):
            if signalled:
                signal.raise_signal(number)
        after = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)]
        assert after == before
        assert signal.alarm(0) == 0
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(number)
    assert study.stops == 1


@BOTH
def test_afterwards_signals_are_what_they_were_even_if_an_error_ended_the_phase(
    study: Study, number: signal.Signals
) -> None:
    before = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)]

    def fail() -> None:
        with graceful(study.stop, study.notes.append):
            signal.raise_signal(number)
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        fail()
    assert [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)] == before
    assert signal.alarm(0) == 0


def test_without_a_signal_there_is_no_note(study: Study) -> None:
    with graceful(study.stop, study.notes.append):
        pass
    assert (study.stops, study.notes) == (0, [])


def test_each_phase_has_a_first_signal_of_its_own(study: Study) -> None:
    for stops in (1, 2):
        with graceful(study.stop, study.notes.append):
            signal.raise_signal(signal.SIGINT)
        assert study.stops == stops


# Where Python ignores what a handler raises


class Freed:
    """An object whose end is told to a function, by a weak reference."""


def in_a_callback(number: signal.Signals, times: int = 1) -> None:
    """Let `number` arrive within the callback of a weak reference, as often as `times`."""
    for _ in range(times):
        freed = Freed()
        reference = weakref.ref(freed, lambda _: signal.raise_signal(number))
        del freed
        assert reference() is None


@BOTH
@pytest.mark.parametrize("times", [1, 3])
def test_an_interrupt_that_python_ignores_is_raised_soon_afterwards(
    number: signal.Signals, times: int, capsys: pytest.CaptureFixture[str]
) -> None:
    def study() -> None:
        in_a_callback(number, times)
        wait_to_be_interrupted()

    with pytest.raises(KeyboardInterrupt), interruptible():
        study()
    assert capsys.readouterr().err == ""


def test_an_interrupt_that_is_ignored_once_more_is_raised_once_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interrupt, "AGAIN", 0.3)

    class Slow:
        def __del__(self) -> None:
            wait_to_be_interrupted()

    def study() -> None:
        in_a_callback(signal.SIGTERM)
        slow = Slow()
        del slow
        wait_to_be_interrupted()

    with pytest.raises(KeyboardInterrupt), interruptible():
        study()


@BOTH
def test_the_second_signal_is_not_lost_either(study: Study, number: signal.Signals, no_echo: None) -> None:
    def phase() -> None:
        with graceful(study.stop, study.notes.append):
            signal.raise_signal(number)
            in_a_callback(number)
            wait_to_be_interrupted()

    with pytest.raises(KeyboardInterrupt), interruptible():
        phase()
    assert study.stops == 1


def test_another_error_that_python_ignores_is_shown_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = []
    monkeypatch.setattr(sys, "unraisablehook", lambda ignored: shown.append(ignored.exc_type))

    class Broken:
        def __del__(self) -> None:
            raise ValueError("no")

    with interruptible():
        broken = Broken()
        del broken
        assert signal.setitimer(signal.ITIMER_REAL, 0) == (0, 0)
    assert shown == [ValueError]


@pytest.mark.parametrize("error", [None, ValueError("no")])
def test_afterwards_the_interpreter_is_as_it_was(error: Exception | None) -> None:
    numbers = (*STOPS, signal.SIGALRM)
    before = [signal.getsignal(each) for each in numbers], sys.unraisablehook
    with pytest.raises(ValueError, match="no") if error else nullcontext(), interruptible():
        assert signal.default_int_handler not in [signal.getsignal(each) for each in STOPS]
        assert signal.getsignal(signal.SIGALRM) == signal.default_int_handler
        if error:
            raise error
    assert ([signal.getsignal(each) for each in numbers], sys.unraisablehook) == before
    assert signal.setitimer(signal.ITIMER_REAL, 0) == (0, 0)
