"""A study of some forty short but real trials, and what may happen to it."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from study.lifecycle import WORKER_DEATHS
from tests.chaos.killed_driver import POINTS
from tests.processes import Answer, Kdstudy, Running

__all__ = ["KINDS", "NAME", "PLANNED", "SPACE", "Chaos", "Whole"]

SPACE = """
from study.space import Range, SearchSpace

SPACE = SearchSpace(
    question="Does a copied student beat a new one, whatever happens?",
    scientific={"init": ("teacher", "random")},
    nuisance={"learning_rate": Range(low=1e-3, high=1e-2, log=True)},
    fixed={
        "steps": 40,
        "batch_size": 8,
        "depth": 1,
        "teacher_steps": 120,
        "teacher_batch_size": 16,
        "teacher_learning_rate": 3e-3,
    },
    trials=20,
    confirm_seeds=1,
    reports=4,
    pruner="halving",
)
"""
PLANNED = 2 * 20 + 2 * 1
NAME = "chaos_space"
KINDS = ("group", "worker", "point", "SIGTERM", "SIGINT")
DRIVER = Path(__file__).with_name("killed_driver.py")


@dataclass
class Whole:
    """What is on record of a study, and what is wrong with it."""

    home: Path
    name: str

    @cached_property
    def records(self) -> list[Any]:
        from study.ledger import Ledger

        ledger = Ledger(f"sqlite:///{self.home / 'studies' / self.name / 'optuna.db'}", self.name)
        return ledger.records()

    @cached_property
    def runs(self) -> list[tuple[str, str, str]]:
        """(key, status, run) of every run of a trial."""
        return self._read(
            "select k.value, r.status, r.run_uuid from runs r join tags k using (run_uuid) "
            "join tags p using (run_uuid) join experiments e using (experiment_id) "
            "where k.key = 'kdstudy.key' and p.key = 'kdstudy.phase' and p.value in ('search', 'confirm') "
            "and e.name = ? and r.lifecycle_stage = 'active'"
        )

    @cached_property
    def metrics(self) -> dict[str, dict[tuple[str, int], list[float]]]:
        """Trial's key -> (metric, step) -> values on record, of which there should be one."""
        found: dict[str, dict[tuple[str, int], list[float]]] = {}
        keys = {run: key for key, _, run in self.runs}
        for run, metric, step, value in self._read(
            "select m.run_uuid, m.key, m.step, m.value from metrics m join runs r using (run_uuid) "
            "join experiments e using (experiment_id) where e.name = ?"
        ):
            if run in keys and metric != "seconds":
                found.setdefault(keys[run], {}).setdefault((metric, step), []).append(value)
        return found

    def violations(self, planned: int = PLANNED) -> list[str]:
        """Every promise of exactly-once that is broken."""
        keys = [record.key for record in self.records]
        in_mlflow = Counter(key for key, *_ in self.runs)
        lines = {path.parent.name for path in self.home.glob(f"studies/{self.name}/trials/*/progress.jsonl")}
        statuses = Counter(status for status, *_ in self._read(
            "select r.status from runs r join experiments e using (experiment_id) where e.name = ?"
        ))  # fmt: skip
        twice = [
            (key[:8], *at)
            for key, rows in self.metrics.items()
            for at, values in rows.items()
            if len(values) > 1
        ]
        asked = Counter(key for (key,) in self._keys_asked())
        checks = {
            f"{len(keys)} keys in the ledger, {planned} planned": len(keys) == planned,
            f"a key twice in the ledger: {asked.most_common(1)}": max(asked.values()) == 1,
            "keys in the ledger and in MLflow differ": set(keys) == set(in_mlflow),
            f"two runs of one key: {in_mlflow.most_common(1)}": max(in_mlflow.values()) == 1,
            "a journal that belongs to no key": lines <= set(keys),
            f"runs left open: {statuses}": not {"RUNNING", "SCHEDULED"} & set(statuses),
            f"trials left open: {Counter(r.outcome for r in self.records)}": not any(
                record.running or record.outcome == "failed" for record in self.records
            ),
            f"metric rows written twice: {twice[:3]}": not twice,
            "something is marked unsent": not list(self.home.glob("studies/*/trials/*/unsent")),
        }
        return [what for what, holds in checks.items() if not holds]

    def _keys_asked(self) -> list[tuple[Any, ...]]:
        with sqlite3.connect(self.home / "studies" / self.name / "optuna.db") as database:
            return database.execute(
                "select value_json from trial_user_attributes a where key = 'key' and not exists (select 1 "
                "from trial_user_attributes d where d.trial_id = a.trial_id and d.key = 'duplicate_of')"
            ).fetchall()

    def _read(self, query: str) -> list[Any]:
        with sqlite3.connect(self.home / "mlflow.db") as database:
            return database.execute(query, (self.name,)).fetchall()


@dataclass
class Chaos:
    """Runs one study under kills drawn from `seed` until it has come to its end."""

    kdstudy: Kdstudy
    arguments: list[str | Path]
    home: Path
    seed: int
    concurrency: int
    environment: dict[str, str] = field(default_factory=dict)
    kills: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.draw = random.Random(self.seed)
        self._points: Iterator[tuple[str, str]] = iter(())

    def run(self, kinds: Callable[[int], str | None]) -> Answer:
        """Start the study again and again; `kinds(n)` says what happens to it the n-th time."""
        turn = 0
        while True:
            kind = kinds(turn)
            turn += 1
            running = self._start(kind)
            try:
                if kind is None:
                    answer = running.finish(timeout=600)
                    assert answer.code == 0, answer.err
                    return answer
                self._disturb(running, kind)
                if running.process.poll() == 0:
                    return running.finish()
            finally:
                running.kill(at_once=True)

    def _start(self, kind: str | None) -> Running:
        options = [*self.arguments, "--home", self.home, "--concurrency", str(self.concurrency)]
        if kind != "point":
            return self.kdstudy.start(*options, **self.environment)
        point, when = self._next_point()
        self.kills[f"point {point}, {when}"] += 1
        count = str(self.draw.randint(1, 4))
        fault = (DRIVER, point, when, count)
        return self.kdstudy.start(*options, command=fault, **self.environment)

    def _next_point(self) -> tuple[str, str]:
        """Every point in turn, before and after, in an order of this seed's own."""
        point = next(self._points, None)
        if point is None:
            every = [(point, when) for point in POINTS for when in ("before", "after")]
            self._points = iter(self.draw.sample(every, len(every)))
            point = next(self._points)
        return point

    def _disturb(self, running: Running, kind: str) -> None:
        if kind == "preparing":
            self._until(running, lambda: any((self.home / "artifacts").glob("building/*/*/work")))
            time.sleep(self.draw.uniform(0, 2))
            self.kills["group, preparing"] += 1
            running.kill(at_once=True)
            return
        self._until(running, lambda: running.workers("ray::ImplicitFunc"))
        if kind == "point":
            running.wait_for_end(60)  # it kills itself, or has come to its end before
            return
        if kind == "worker":
            for _ in range(self.draw.randint(1, 4)):
                time.sleep(self.draw.uniform(0.2, 2.5))
                workers = running.workers("ray::ImplicitFunc")
                if running.process.poll() is None and workers and self._may_kill_a_worker():
                    self._hit(self.draw.choice(workers), signal.SIGKILL)
                    self.kills[kind] += 1
            time.sleep(self.draw.uniform(0.5, 2))
            kind = "group"
        time.sleep(self.draw.uniform(0, 3))
        if running.process.poll() is not None:
            return
        self.kills[kind] += 1
        if kind == "group":
            running.kill(at_once=True)
            return
        self._hit(running.process.pid, getattr(signal, kind))
        if self.draw.random() < 0.3:
            time.sleep(self.draw.uniform(0, 0.5))
            self._hit(running.process.pid, getattr(signal, kind))
        running.wait_for_end(90)

    def _may_kill_a_worker(self) -> bool:
        """A trial fails, and rightly so, when its worker has died four times without a report in between.

        Of those counted so far two are left alone, since the last one or two may not be on record yet.
        """
        with sqlite3.connect(self.home / "studies" / NAME / "optuna.db") as database:
            (deaths,) = database.execute(
                "select max(cast(value_json as integer)) from trial_user_attributes join trials "
                "using (trial_id) where state = 'RUNNING' and key like 'deaths after report %'"
            ).fetchone()
        return (deaths or 0) < WORKER_DEATHS - 1

    def _until(self, running: Running, condition: Callable[[], Any]) -> None:
        while running.process.poll() is None and not condition():
            running.remember()
            time.sleep(0.1)

    def _hit(self, pid: int, how: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.kill(pid, how)
