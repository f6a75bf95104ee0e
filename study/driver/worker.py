"""One attempt at a trial in a Ray worker, and how it tells the driver.

Every worker imports this file when it starts, and so nothing of the driver's: no ledger, no MLflow.
"""

from __future__ import annotations

import traceback
from typing import Any

from ray import tune

from study.errors import StudyStopped
from study.storage.disk import stopped_by_a_full_disk
from study.trial.job import TrialJob
from study.trial.memory import give_back_memory
from study.trial.prepare import Preparation
from study.trial.trial import run_trial

__all__ = ["OUT_OF_MEMORY", "train"]

OUT_OF_MEMORY = ("MemoryError", "DefaultCPUAllocator: can't allocate")
"""How a traceback tells it: Python's MemoryError, Ray's and CUDA's OutOfMemoryError; torch's on a CPU."""


def train(config: dict[str, Any]) -> None:
    """One attempt at a trial, the `TrialJob` in Tune's `config`; the worker is then as it was before."""
    try:
        _attempt(config["job"])
    finally:
        give_back_memory()


def _attempt(job: TrialJob) -> None:
    """Every report goes to the driver as JSON text.

    The trial's own errors are reported, not raised, and end it. Out of memory is raised: like the death of
    a worker or a node it says little about the trial, which is asked again. A disk that is full or read-only
    and storage that is away say nothing about it either, and are reported as what stops the study.
    """
    try:
        with stopped_by_a_full_disk():
            _run(job)
    except StudyStopped as stopped:
        tune.report({"halt": str(stopped)})
    except Exception:
        said = traceback.format_exc()
        if any(sign in said for sign in OUT_OF_MEMORY):
            raise
        tune.report({"traceback": said})


def _run(job: TrialJob) -> None:
    preparation = Preparation(job.store, job.given_teacher, job.full_vocabulary, job.threads)
    preparation.build(job.config, job.splits)  # there, as a rule
    for progress in run_trial(job):
        tune.report({"report": progress.to_json()})
