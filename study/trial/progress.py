"""A report of a trial: the trial makes reports, and worker, driver and journal pass them on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from study.trial.scores import Scores

__all__ = ["Progress"]


@dataclass(frozen=True)
class Progress:
    """One report. `report` counts 1..R; only the last report has a `result`.

    loss: the mean training loss since the report before; none if the training diverged.
    seconds: the time of training and evaluation until now, over all attempts.
    time_ms: when the report was first made, in milliseconds since 1970. Checkpoints and result store this
    time, so a report that is made again has the same time.
    """

    report: int
    step: int
    loss: float | None
    seconds: float
    time_ms: int
    validation: Scores | None = None
    result: dict[str, Any] | None = None
