"""Recorded studies, as the engine's tracker leaves them in MLflow."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from analysis.record import StudyRecord, read_study
from study.plan import Plan
from study.records import Record
from study.tracking import Tracker

MakeReport = Callable[..., dict[str, Any]]


class Recorder:
    """Writes a study trial by trial, in two arms: init=random and init=teacher."""

    def __init__(self, plan: Plan, tracking_uri: str, artifacts: Path, make_report: MakeReport) -> None:
        self.plan, self.uri, self.make_report = plan, tracking_uri, make_report
        self.tracker = Tracker(tracking_uri, artifacts.as_uri(), plan, f"id of {plan.name}")

    def trial(
        self,
        arm: int,
        number: int,
        value: float | None = None,
        outcome: str | None = "complete",
        seed: int = 0,
        test: float | None = None,
        languages: tuple[str, ...] = ("deu", "yor"),
    ) -> str:
        """One trial with one report; without an outcome it still runs. Returns its key."""
        chosen = self.plan.arms()[arm]
        config = self.plan.config(chosen, {"learning_rate": 1e-4 * (number + 1)}, seed)
        phase: Any = "confirm" if seed else "search"
        record = Record(config.key, phase, chosen.name, number, config.model_dump(), None, None, None, number)
        report = self.make_report(1, value, outcome, test, languages)
        if outcome != "complete":
            report["result"] = None
        self.tracker.replay(record, [report], outcome or "RUNNING")
        return config.key

    def teacher(self, value: float, key: str = "c" * 64) -> None:
        scores = self.make_report(1, value)["validation"]
        del scores["retention"]
        self.tracker.teacher(key, {"teacher_steps": 600}, scores | {"time_ms": 1, "parameters": 5000})

    def read(self) -> StudyRecord:
        return read_study(self.uri, self.plan.name)


@pytest.fixture
def recorder(
    make_plan: Callable[..., Plan],
    make_report: MakeReport,
    tracking_uri: str,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> Recorder:
    """A study that has begun, named after the test."""
    plan = make_plan(name=f"analysis {request.node.name}", scientific={"init": ("random", "teacher")})
    return Recorder(plan, tracking_uri, tmp_path, make_report)


@pytest.fixture
def finished(recorder: Recorder) -> Recorder:
    """A whole study: its teacher, three search trials in each arm, two confirm runs of each best."""
    recorder.teacher(0.8)
    for arm, offset in ((0, 0.0), (1, 0.2)):
        recorder.trial(arm, 0, 0.3 + offset)
        recorder.trial(arm, 1, 0.4 + offset)
        recorder.trial(arm, 2, 0.9, "pruned")
        for seed in (1, 2):
            recorder.trial(arm, 1, 0.35 + offset, seed=seed, test=0.3 + offset + seed / 100)
    return recorder
