"""What is shown while a phase runs: often enough to be up to date, and with little of the driver's time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Protocol

from study.driver.lifecycle import Lifecycle
from study.ledger.progress import summary
from study.planning.plan import Plan
from study.trial.progress import Progress

if TYPE_CHECKING:
    from study.planning.resolve import Resolved

__all__ = ["View", "Watch"]

PAUSE = 0.5  # seconds between two looks, at least
SHARE = 20.0  # times the duration of a look, at least: to look at a large study takes a while


class View(Protocol):
    """Shows a study's progress: on a terminal, in a log."""

    def note(self, text: str) -> None: ...
    def data(self, resolved: Resolved) -> None: ...
    def phase(self, text: str) -> None: ...
    def progress(self, summary: dict[str, Any], reports: dict[str, Progress]) -> None: ...


class Watch:
    """Shows on `view` how far `lifecycle` is, and which server is away. Called many times a second."""

    def __init__(self, view: View, plan: Plan, lifecycle: Lifecycle) -> None:
        self.view, self.plan, self.lifecycle = view, plan, lifecycle
        self._shown_away: dict[str, str | None] = {"MLflow": None, "the ledger": None}
        self._shown = -1
        self._next = 0.0

    def __call__(self, now: bool = False) -> None:
        """Show the progress, if anything has happened and the last look is a while ago.

        now: show the progress in any case.
        """
        lifecycle = self.lifecycle
        for what, away in (("MLflow", lifecycle.posts.outbox.away), ("the ledger", lifecycle.away)):
            if (away is None) != (self._shown_away[what] is None):
                self._shown_away[what] = away
                back = f"{what} is back, and gets what it missed"
                self.view.note(f"{what} is away, training goes on: {away}" if away else back)
        began = time.monotonic()
        due = now or (lifecycle.changes != self._shown and began >= self._next)
        if due and lifecycle.away is None:  # if the ledger is away, its records may not be readable
            self._shown = lifecycle.changes
            ledger = lifecycle.ledger
            found = summary(self.plan, ledger.records(), ledger.driver)
            self.view.progress(found, lifecycle.reports)
            lifecycle.posts.progress(found)
            ended = time.monotonic()
            self._next = ended + max(PAUSE, SHARE * (ended - began))
