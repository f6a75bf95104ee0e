"""A report of a trial: typed from the worker that makes the report to the journal that keeps it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from study.config import TrialConfig
from study.storage.attempts import read_record
from study.trial.scores import Scores

__all__ = ["Progress", "last_progress", "read_result"]


@dataclass(frozen=True)
class Progress:
    """One report. `report` counts 1..R. Only the last report has a `result`: the content of `result.json`.

    loss: mean training loss since the report before; missing for a trial that diverged. seconds: training
    time so far. time_ms: when the report was first made, in milliseconds since 1970. Checkpoints and results
    keep this time, so a report that is read again has the same time.
    """

    report: int
    step: int
    loss: float | None
    seconds: float
    time_ms: int
    validation: Scores | None = None
    result: dict[str, Any] | None = None

    @property
    def value(self) -> float | None:
        """What trials are compared by: validation macro accuracy; missing if there are no scores."""
        return None if self.validation is None else float(self.validation["accuracy"]["macro"])

    def to_json(self) -> str:
        """Return the report as JSON text; `from_json` returns an equal report."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Progress:
        """Return the report that `to_json` wrote."""
        return cls.of(json.loads(text))

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> Progress:
        """Return the report with these `fields`, as checkpoints, results and journals keep them.

        Raises:
            TypeError: if a field is missing or unknown.
        """
        return cls(**fields)


def read_result(folder: Path, config: TrialConfig) -> list[Progress] | None:
    """Return all reports of the trial that ended in `folder`, the last one with its result.

    Returns None if the trial has not ended there.

    Raises:
        ValueError: if the folder has the result of another trial.
    """
    if (record := read_record(folder)) is None:
        return None
    if record["result"]["key"] != config.key:
        raise ValueError(f"{folder} holds the result of another trial")
    history = record["history"]
    whole = len(history) if record["result"]["outcome"] == "diverged" else len(history) - 1
    return [*map(Progress.of, history[:whole]), last_progress(history, record["result"])]


def last_progress(history: list[dict[str, Any]], result: dict[str, Any]) -> Progress:
    """Return the report that carries `result`: the last of `history`, or for a diverged trial one more."""
    if result["outcome"] == "diverged":
        number, seconds, time_ms = len(history) + 1, result["seconds"], result["ended_ms"]
        return Progress(number, result["steps"], None, seconds, time_ms, None, result)
    return Progress.of(history[-1] | {"result": result})
