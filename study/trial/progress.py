"""A report of a trial, as the trial makes it and as everything after the trial reads it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from study.trial.scores import Scores

__all__ = ["Progress"]


@dataclass(frozen=True)
class Progress:
    """One report. `report` counts 1..R; `result` comes with the last one only.

    time_ms: when it was first made, in milliseconds since 1970; it stays with the report in checkpoints and
    result, so whoever reads it again has the same time.
    """

    report: int
    step: int
    loss: float | None
    seconds: float
    time_ms: int
    validation: Scores | None = None
    result: dict[str, Any] | None = None
