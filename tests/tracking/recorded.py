"""Trials to record in MLflow, and what is recorded there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Run

from study.config import TrialConfig
from study.ledger.records import Record, State
from study.planning.plan import Plan
from study.tracking.tracker import Tracker
from study.trial.progress import Progress

MakePlan = Callable[..., Plan]
MakeReport = Callable[..., Progress]
Track = Callable[..., Tracker]

__all__ = ["ARMS", "begin", "rows", "runs", "trial"]

ARMS: dict[str, Any] = {"scientific": {"init": ("random", "teacher"), "alpha": (1.0, 0.5)}}


def record_of(config: TrialConfig, arm: str, phase: Any = "search", outcome: Any = None) -> Record:
    return Record(
        key=config.key,
        phase=phase,
        arm=arm,
        number=0,
        config=config,
        outcome=outcome,
        value=None,
        why=None,
        trial_id=1,
    )


def trial(plan: Plan, arm: int = 3, rate: float = 1e-3, seed: int = 0, **more: Any) -> Record:
    chosen = plan.arms()[arm]
    return record_of(plan.config(chosen, {"learning_rate": rate}, seed), chosen.name, **more)


def begin(tracker: Tracker, record: Record) -> str:
    """Open the trial's run; returns its id."""
    tracker.replay(record, [], State.RUNNING)
    (run,) = tracker.runs.client.search_runs([tracker.runs.experiment], f"tags.kdstudy.key = '{record.key}'")
    return str(run.info.run_id)


def runs(client: MlflowClient, plan: Plan, phase: str | None = None) -> list[Run]:
    experiment = client.get_experiment_by_name(plan.name)
    assert experiment is not None
    query = f"tags.kdstudy.phase = '{phase}'" if phase else ""
    return list(client.search_runs([experiment.experiment_id], query, order_by=["attributes.start_time"]))


def rows(client: MlflowClient, run_id: str) -> dict[str, list[tuple[int, int, float]]]:
    """Return every row (step, time, value) of every metric, not only the last row."""
    names = client.get_run(run_id).data.metrics
    return {
        name: [(m.step, m.timestamp, m.value) for m in client.get_metric_history(run_id, name)]
        for name in names
    }
