"""One attempt at a trial in a Ray worker, and how it tells the driver.

Every worker imports this file when it starts, and so nothing of the driver's: no ledger, no MLflow.
"""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ray import tune

from study.config import TrialConfig
from study.errors import StudyStopped
from study.storage.artifacts import Store
from study.storage.disk import stopped_by_a_full_disk
from study.trial.memory import give_back_memory
from study.trial.prepare import build_inputs
from study.trial.training import Numerics
from study.trial.trial import run_trial

__all__ = ["OUT_OF_MEMORY", "Work", "train"]

OUT_OF_MEMORY = ("MemoryError", "DefaultCPUAllocator: can't allocate")
"""How a traceback tells it: Python's MemoryError, Ray's and CUDA's OutOfMemoryError; torch's on a CPU."""


@dataclass(frozen=True)
class Work:
    """What all trials of a phase have in common."""

    store: Store
    given_teacher: str
    reports: int
    test: bool
    full_vocabulary: bool


def train(asked: dict[str, Any]) -> None:
    """One attempt at a trial; the worker is then as it was, and the next trial finds it so."""
    try:
        _attempt(asked)
    finally:
        give_back_memory()


def _attempt(asked: dict[str, Any]) -> None:
    """Every report goes to the driver as JSON text.

    The trial's own errors are reported, not raised, and end it. Out of memory is raised: like the death of
    a worker or a node it says little about the trial, which is asked again. A disk that is full or read-only
    and storage that is away say nothing about it either, and are reported as what stops the study.
    """
    try:
        with stopped_by_a_full_disk():
            _run(asked)
    except StudyStopped as stopped:
        tune.report({"halt": str(stopped)})
    except Exception:
        said = traceback.format_exc()
        if any(sign in said for sign in OUT_OF_MEMORY):
            raise
        tune.report({"traceback": said})


def _run(asked: dict[str, Any]) -> None:
    work: Work = asked["work"]
    config, threads = TrialConfig(**asked["config"]), asked["threads"]
    splits = ("train", "validation", "test") if work.test else ("train", "validation")
    whole = work.full_vocabulary
    build_inputs(work.store, config, work.given_teacher, splits, threads, whole)  # there, as a rule
    folder, numerics = Path(asked["folder"]), Numerics.here(threads)
    for progress in run_trial(
        config, work.store, folder, work.reports, work.test, numerics, asked["attempt"], whole
    ):
        tune.report({"report": progress.to_json()})
