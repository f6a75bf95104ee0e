"""What is known of a run in MLflow, so that nothing is read or written twice."""

from __future__ import annotations

from dataclasses import dataclass

from mlflow.entities import Run

from study.tracking.identity import PARENT
from study.tracking.lineage import COMMIT, DIRTY, SOURCE, SOURCE_TYPE
from study.tracking.page.notes import NOTE

__all__ = ["RESULT", "RUN_NAME", "KnownRun"]

RESULT = "seconds"
"""A metric that only the result of a trial has."""
RUN_NAME = "mlflow.runName"
OTHERS = (PARENT, NOTE, RUN_NAME, SOURCE, SOURCE_TYPE, COMMIT, DIRTY)
"""Tags that are known of a run, beside those of this project."""


@dataclass
class KnownRun:
    """One run, as it was read last or has been written since.

    status: MLflow's. measured: whether the run has the result of a trial. times: step -> the time at which
    MLflow has the step; None if this was not read yet.
    """

    status: str
    tags: dict[str, str]
    has_params: bool
    has_inputs: bool
    measured: bool
    times: dict[int, int] | None = None

    @classmethod
    def of(cls, run: Run, times: dict[int, int] | None = None) -> KnownRun:
        """What MLflow says of `run`."""
        return cls(
            status=run.info.status,
            tags={k: v for k, v in run.data.tags.items() if k in OTHERS or k.startswith("kdstudy.")},
            has_params=bool(run.data.params),
            has_inputs=run.inputs is not None and bool(run.inputs.dataset_inputs),
            measured=RESULT in run.data.metrics,
            times=times,
        )
