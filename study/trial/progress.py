"""A report of a trial: the trial makes reports, and worker, driver and journal pass them on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from study.config import headline
from study.trial.scores import Scores

__all__ = ["Progress"]


@dataclass(frozen=True)
class Progress:
    """One report. `report` counts 1..R; only the last report has a `result`.

    A trial may make a report 0: the scores of the student as it was initialised, at step 0.

    loss: the mean training loss since the report before; None if the training diverged, and in report 0.
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

    @property
    def value(self) -> float | None:
        """What trials are compared by: the task's metric on validation, macro over all languages.

        Missing without scores.
        """
        return None if self.validation is None else float(self.validation[headline(self.validation)]["macro"])

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
