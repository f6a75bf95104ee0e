"""A study's plan, its tracker, a client that looks at what was recorded, and an outbox."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from mlflow import MlflowClient

from study.planning.plan import Plan
from study.tracking import outbox
from study.tracking.outbox import Outbox
from study.tracking.tracker import Tracker
from tests.tracking.jobs import LONG
from tests.tracking.recorded import ARMS

MakePlan = Callable[..., Plan]
Track = Callable[..., Tracker]


@pytest.fixture
def plan(make_plan: MakePlan, request: pytest.FixtureRequest) -> Plan:
    """Four arms; the study is named after the test, so that each has an experiment of its own."""
    return make_plan(name=request.node.name, **ARMS)


@pytest.fixture
def track(tracking_uri: str, tmp_path: Path) -> Track:
    """`track(plan)`: the tracker of a new process, for a study that begins or goes on."""

    def new(plan: Plan, study_id: str = "drawn") -> Tracker:
        artifacts = (tmp_path / "artifacts").as_uri()
        tracker = Tracker(tracking_uri, artifacts, plan, f"{plan.name} {study_id}")
        assert tracker.arm_runs  # made, or found, at the first use
        return tracker

    return new


@pytest.fixture
def client(tracking_uri: str) -> MlflowClient:
    return MlflowClient(tracking_uri)


@pytest.fixture
def box(monkeypatch: pytest.MonkeyPatch) -> Iterator[Outbox]:
    """An outbox that tries again soon."""
    monkeypatch.setattr(outbox, "RETRY", (0.01, 0.04))
    with Outbox() as entered:
        yield entered
    entered._threads[0].join(LONG)
