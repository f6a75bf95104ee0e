"""Recorded studies, as the engine's tracker leaves them in MLflow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from analysis.record.reading import read_study
from analysis.record.study_record import StudyRecord
from study.ledger.records import Choice, Record, State
from study.planning.plan import Plan
from study.tracking.tracker import Tracker
from study.trial.progress import Progress
from tests.analysis.in_memory import InMemory

MakeReport = Callable[..., Progress]


class Recorder:
    """Writes a study trial by trial; the arms are numbered in planned order."""

    def __init__(self, plan: Plan, tracking_uri: str, artifacts: Path, make_report: MakeReport) -> None:
        self.plan, self.uri, self.make_report = plan, tracking_uri, make_report
        self.tracker = Tracker(tracking_uri, artifacts.as_uri(), plan, f"id of {plan.name}")
        self.tracker.begin()

    def trial(
        self,
        arm: int,
        number: int,
        value: float | None = None,
        outcome: str | None = "complete",
        seed: int = 0,
        test: float | None = None,
        languages: tuple[str, ...] = ("deu", "yor"),
        reports: int = 1,
        tuning: int = 0,
        texts: str | None = None,
        seen: tuple[str, ...] | None = None,
        costs: dict[str, Any] | None = None,
        tried: str = "",
        **nuisance: Any,
    ) -> str:
        """One trial; without an outcome it still runs. Returns its key.

        Its nuisance values, where none is given, are the `number`-th of a few learning rates. Of several
        `reports` the last has `value`, those before it a tenth less each. texts: the content of the file
        that says which test texts were correct. seen: the languages that the student is trained on. costs:
        more of the result, such as `parameters`. tried: the key of the student of a front that is confirmed.
        """
        chosen = self.plan.arms()[arm]
        values = nuisance or {"learning_rate": 1e-4 * (number + 1)}
        config = self.plan.config(chosen, values, seed + 1000 * tuning)
        phase: Any = "confirm" if seed else "search"
        choice = Choice("Pareto front", "", tried) if tried else None
        ids = (config.key, phase, chosen.name, number, config, None, None, None, number)
        record = Record(*ids, tuning=tuning, choice=choice)
        lines = [
            self.make_report(
                n, None if value is None else value - 0.1 * (reports - n), None, None, languages, seen
            )
            for n in range(1, reports)
        ]
        lines.append(self.make_report(reports, value, outcome, test, languages, seen))
        if costs:
            lines[-1] = replace(lines[-1], result={**(lines[-1].result or {}), **costs})
        if outcome != "complete":
            lines[-1] = replace(lines[-1], result=None)
        self.tracker.replay(record, [], State.RUNNING)
        files = {} if texts is None else {"texts.json": texts}
        self.tracker.replay(record, lines, State(outcome or State.RUNNING), files)
        return config.key

    def teacher(self, value: float, key: str = "c" * 64) -> None:
        scores = dict(self.make_report(1, value).validation or {})
        del scores["retention"]
        self.tracker.teacher(key, {"teacher_steps": 600}, scores | {"time_ms": 1, "parameters": 5000})

    def arms_alike(self, seeds: tuple[int, ...] = (1, 2, 3), **nuisance: Any) -> None:
        """A whole study that was fair: three search trials an arm, the second the best, confirmed on `seeds`.

        `nuisance`: the best's values.
        """
        self.teacher(0.8)
        nuisance = nuisance or {"learning_rate": 1e-3}
        for arm in range(len(self.plan.arms())):
            self.trial(arm, 0, 0.3 + arm / 10)
            self.trial(arm, 1, 0.4 + arm / 10, reports=3, **nuisance)
            self.trial(arm, 2, 0.9, "pruned")
        for arm in range(len(self.plan.arms())):
            for seed in seeds:
                test = 0.3 + arm / 10 + seed / 100
                self.trial(arm, 1, 0.35 + arm / 10, seed=seed, test=test, reports=3, **nuisance)
        self.tracker.finish()

    def read(self) -> StudyRecord:
        return read_study(self.uri, self.plan.name)


@pytest.fixture
def mlflow_uri(monkeypatch: pytest.MonkeyPatch) -> str:
    """An MLflow in memory. A module that is about MLflow itself has a fixture of this name of its own."""
    store = InMemory()
    for client in ("mlflow.MlflowClient", "study.tracking.runs.MlflowClient"):
        monkeypatch.setattr(client, lambda tracking_uri: store)
    return "memory:"


@pytest.fixture
def make_recorder(
    make_plan: Callable[..., Plan],
    make_report: MakeReport,
    mlflow_uri: str,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> Callable[..., Recorder]:
    """`make_recorder(**roles)`: a study that has begun; `name` tells a test's second one apart."""

    def make(name: str = "", **roles: Any) -> Recorder:
        plan = make_plan(name=f"analysis {request.node.name}{name}"[:200], **roles)
        return Recorder(plan, mlflow_uri, tmp_path, make_report)

    return make


@pytest.fixture
def recorder(make_recorder: Callable[..., Recorder]) -> Recorder:
    """Two arms: init=random and init=teacher."""
    return make_recorder(scientific={"init": ("random", "teacher")})


@pytest.fixture
def finished(recorder: Recorder) -> Recorder:
    """A whole study: its teacher, three search trials in each arm, two confirm runs of each best."""
    recorder.teacher(0.8)
    for arm, offset in ((0, 0.0), (1, 0.2)):
        recorder.trial(arm, 0, 0.3 + offset)
        recorder.trial(arm, 1, 0.4 + offset)
        recorder.trial(arm, 2, 0.9, "pruned")
    for arm, offset in ((0, 0.0), (1, 0.2)):
        for seed in (1, 2):
            recorder.trial(arm, 1, 0.35 + offset, seed=seed, test=0.3 + offset + seed / 100)
    recorder.tracker.finish()
    return recorder
