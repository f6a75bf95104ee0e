"""A study of seconds on a cluster that disturbs the study, and the same study, to the bit, on one machine."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.chaos.whole import Whole, rows_of
from tests.cluster.hosts import Host
from tests.small_space import small_space

__all__ = ["NAME", "PATIENCE", "PLANNED", "SPACE", "AtHome", "Study", "train_on"]

NAME = "my_space"
SPACE = small_space(steps=800, teacher_steps=120, trials=4, reports=8)
PLANNED = 2 * 4 + 2 * 1
PATIENCE = 900.0  # seconds
WORKER = "ray::ImplicitFunc.train"  # Ray's title of a worker that trains


def train_on(hosts: Sequence[Host], workers: int = 1) -> bool:
    """Whether so many workers train on each of `hosts`."""
    return all(len(host.processes(WORKER)) >= workers for host in hosts)


@dataclass(frozen=True)
class Study:
    """The study in a home of its own."""

    home: Path

    @property
    def whole(self) -> Whole:
        """What is on record now."""
        return Whole(self.home, NAME)

    @property
    def states(self) -> dict[str, int]:
        """State in the ledger -> number of trials, now."""
        database = self.home / "studies" / NAME / "optuna.db"
        with (
            suppress(sqlite3.OperationalError),
            closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as ledger,
        ):
            return dict(ledger.execute("select state, count(*) from trials group by state").fetchall())
        return {}

    @property
    def ended(self) -> int:
        """The number of trials that have ended."""
        return sum(count for state, count in self.states.items() if state != "RUNNING")

    @property
    def facts(self) -> dict[str, tuple[Any, ...]]:
        """Key -> how its trial ended, and every number of the student in MLflow."""
        whole = self.whole
        return {r.key: (r.phase, r.arm, r.outcome, r.value, rows_of(whole, r.key)) for r in whole.records}


@dataclass(frozen=True)
class AtHome(Study):
    """The study as it ended on one machine, which nobody disturbed."""

    asked: tuple[str | Path, ...]
    """What `kdstudy run` was given, without a place."""

    def begun(self, home: Path) -> Study:
        """The study in `home` before its first trial: teacher and outputs are there."""
        shutil.copytree(self.home / "artifacts", home / "artifacts")
        return Study(home)

    def check_same(self, study: Study) -> None:
        """Check that each key of `study` is on record once, with the same numbers to the bit."""
        assert study.whole.violations(PLANNED) == []
        assert study.facts == self.facts
