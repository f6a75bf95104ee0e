"""How often the view shows a running phase, and that the view shows every end."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import pytest

from study.driver import watch
from study.driver.watch import PAUSE, SHARE, Watch


class Shown:
    """A view that remembers what it has shown, and a study in which things happen."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now, self.cost = 1000.0, 0.0
        self.ended: list[int] = []
        self.notes: list[str] = []
        outbox = SimpleNamespace(away=None)
        ledger = SimpleNamespace(records=list, driver="")
        self.lifecycle: Any = SimpleNamespace(
            posts=SimpleNamespace(outbox=outbox, progress=lambda found: None),
            ledger=ledger,
            away=None,
            changes=0,
            reports={},
        )
        monkeypatch.setattr(time, "monotonic", lambda: self.now)
        monkeypatch.setattr(watch, "summary", self._summary)

    def _summary(self, plan: Any, records: Any, driver: str) -> dict[str, Any]:
        self.now += self.cost
        return {"ended": self.lifecycle.changes}

    def note(self, text: str) -> None:
        self.notes.append(text)

    def data(self, resolved: Any) -> None:
        raise NotImplementedError

    def phase(self, text: str) -> None:
        """A watch never calls this."""

    def progress(self, summary: dict[str, Any], reports: dict[str, dict[str, Any]]) -> None:
        self.ended.append(summary["ended"])


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Shown:
    return Shown(monkeypatch)


@pytest.fixture
def look(shown: Shown) -> Watch:
    return Watch(shown, None, shown.lifecycle)  # type: ignore[arg-type]


def test_a_thousand_events_in_a_second_are_shown_a_few_times(shown: Shown, look: Watch) -> None:
    for _ in range(1000):
        shown.lifecycle.changes += 1
        look()
        shown.now += 0.001
    assert len(shown.ended) == round(1 / PAUSE)


def test_the_last_event_is_seen_although_nothing_follows_it(shown: Shown, look: Watch) -> None:
    """A trial's last report and its end come together; the next event may be minutes away."""
    for _ in range(2):
        shown.lifecycle.changes += 1
        look()
    assert shown.ended == [1]
    for _ in range(10):
        shown.now += 0.1
        look()
    assert shown.ended == [1, 2]


def test_the_end_of_a_phase_is_seen_at_once(shown: Shown, look: Watch) -> None:
    look(now=True)
    shown.lifecycle.changes += 1
    look(now=True)
    assert shown.ended == [0, 1]


def test_if_nothing_happens_nothing_is_read(shown: Shown, look: Watch) -> None:
    for _ in range(10):
        look()
        shown.now += 60
    assert shown.ended == [0]


def test_looking_takes_a_small_share_of_the_time_however_large_the_study(shown: Shown, look: Watch) -> None:
    shown.cost = 1.0
    for _ in range(100):
        shown.lifecycle.changes += 1
        look()
        shown.now += 1.0
    assert len(shown.ended) <= 1 + 100 / SHARE


def test_a_server_that_goes_away_is_noted_at_once_and_so_is_its_return(shown: Shown, look: Watch) -> None:
    """While the ledger is away, nothing is read from it."""
    look()
    shown.lifecycle.away = "refused"
    shown.lifecycle.changes += 1
    shown.now += 60
    look()
    look(now=True)
    assert shown.ended == [0]
    shown.lifecycle.away = None
    look()
    shown.lifecycle.posts.outbox.away = "no route"
    look()
    assert shown.ended == [0, 1]
    assert shown.notes == [
        "the ledger is away, training goes on: refused",
        "the ledger is back, and gets what it missed",
        "MLflow is away, training goes on: no route",
    ]
