"""Ctrl-C and SIGTERM: asked once a study ends gracefully, asked twice at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator

import pytest

from study.driver import interrupt
from study.driver.interrupt import graceful

BOTH = pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """As the command line has them, also where tests run in a shell's background, which ignores SIGINT."""
    before = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)}
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.default_int_handler)
    yield
    signal.alarm(0)
    for each, handler in before.items():
        signal.signal(each, handler)


class Study:
    """What is stopped, and what is said about it."""

    def __init__(self) -> None:
        self.stops = 0
        self.said: list[str] = []

    def stop(self) -> None:
        self.stops += 1


@pytest.fixture
def study() -> Study:
    return Study()


def wait_to_be_interrupted() -> None:
    threading.Event().wait(20)


@BOTH
def test_the_first_signal_asks_to_stop_and_raises_nothing(study: Study, number: signal.Signals) -> None:
    with graceful(study.stop, study.said.append):
        signal.raise_signal(number)
        assert study.stops == 1
    assert len(study.said) == 1
    assert "\n" not in study.said[0]
    assert f"{interrupt.GRACE} seconds" in study.said[0]


@BOTH
@pytest.mark.parametrize("first", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_the_second_signal_ends_it_at_once(
    study: Study, first: signal.Signals, number: signal.Signals
) -> None:
    with graceful(study.stop, study.said.append):
        signal.raise_signal(first)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)
    assert study.stops == 1


@BOTH
def test_the_end_of_the_grace_ends_it(
    study: Study, number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interrupt, "GRACE", 1)
    with graceful(study.stop, study.said.append):
        signal.raise_signal(number)
        with pytest.raises(KeyboardInterrupt):
            wait_to_be_interrupted()
    assert study.stops == 1


@BOTH
def test_afterwards_signals_are_what_they_were(study: Study, number: signal.Signals) -> None:
    """Also the alarm, which would end what comes after."""
    before = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)]
    for asked in (False, True):
        with graceful(study.stop, study.said.append):
            if asked:
                signal.raise_signal(number)
        after = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)]
        assert after == before
        assert signal.alarm(0) == 0
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(number)
    assert study.stops == 1


@BOTH
def test_afterwards_they_are_so_however_it_ended(study: Study, number: signal.Signals) -> None:
    before = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)]

    def fail() -> None:
        with graceful(study.stop, study.said.append):
            signal.raise_signal(number)
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        fail()
    assert [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)] == before
    assert signal.alarm(0) == 0


def test_without_a_signal_nothing_is_said(study: Study) -> None:
    with graceful(study.stop, study.said.append):
        pass
    assert (study.stops, study.said) == (0, [])


def test_each_phase_is_asked_by_itself(study: Study) -> None:
    for stops in (1, 2):
        with graceful(study.stop, study.said.append):
            signal.raise_signal(signal.SIGINT)
        assert study.stops == stops
