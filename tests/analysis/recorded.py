"""What is on record of a study: its runs as MLflow has them, and whether two records are one."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pandas as pd
from mlflow.entities import Run

from analysis.record.study_record import StudyRecord

__all__ = ["assert_same", "begun", "runs_of"]


def runs_of(recorder: Any, phase: str) -> list[Run]:
    runs = recorder.tracker.runs.client.search_runs([recorder.tracker.runs.experiment])
    return [run for run in runs if run.data.tags.get("kdstudy.phase") == phase]


def assert_same(one: StudyRecord, other: StudyRecord) -> None:
    for field in fields(StudyRecord):
        left, right = getattr(one, field.name), getattr(other, field.name)
        if isinstance(left, pd.DataFrame):
            pd.testing.assert_frame_equal(left, right, check_exact=True)
        else:
            assert left == right


def begun(recorder: Any, arm: int, number: int, value: float, **more: Any) -> str:
    """A trial as an older version recorded it, without its number."""
    key: str = recorder.trial(arm, number, value, **more)
    for stored in recorder.tracker.runs.client.stored.values():
        stored["tags"].pop("kdstudy.number", None)
    return key
