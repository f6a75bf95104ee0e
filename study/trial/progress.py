"""A report of a trial: typed from the worker that makes the report to the journal that keeps it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from study.trial.scores import Scores

__all__ = ["Progress"]


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
