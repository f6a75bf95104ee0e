"""One attempt at a trial in a Ray worker, and the messages that the worker sends to the driver.

Every worker imports this file at its start. So the file imports nothing of the driver: no ledger, no MLflow.
"""

from __future__ import annotations

import json
import traceback
from typing import Any

import study.driver.ray_settings  # noqa: F401 (before Ray)

# isort: split
import ray
from ray import tune

from study.errors import StudyStopped
from study.storage.disk import stopped_by_a_full_disk
from study.trial.job import TrialJob
from study.trial.machine import Meter, machine_facts
from study.trial.memory import give_back_memory
from study.trial.prepare import Preparation
from study.trial.trial import run_trial

__all__ = ["OUT_OF_MEMORY", "train"]

OUT_OF_MEMORY = ("MemoryError", "DefaultCPUAllocator: can't allocate")
"""What a traceback contains if memory ran out: an error of Python, NumPy, Ray or CUDA; of torch on a CPU."""


def train(config: dict[str, Any]) -> None:
    """Do one attempt at a trial: the `TrialJob` in Tune's `config`. Memory is given back at the end."""
    try:
        _attempt(config["job"])
    finally:
        give_back_memory()


def _attempt(job: TrialJob) -> None:
    """Send every report to the driver, as JSON text, and with it what was seen of the machine.

    An error of the trial itself is sent, not raised, and ends the trial. If memory ran out, the error is
    raised: like the death of a worker or a node, this error may be no fault of the trial, so the trial starts
    again. A full or read-only disk and a storage that is away are no fault of the trial: they are sent as the
    reason why the study stops.
    """
    try:
        with stopped_by_a_full_disk():
            _run(job)
    except StudyStopped as stopped:
        tune.report({"halt": str(stopped)})
    except Exception:
        text = traceback.format_exc()
        if any(sign in text for sign in OUT_OF_MEMORY):
            raise
        tune.report({"traceback": text})


def _run(job: TrialJob) -> None:
    preparation = Preparation(job.store, job.given_teacher, job.full_vocabulary, job.threads)
    preparation.build(job.config, job.splits)  # in most cases everything is there
    meter = Meter()
    for progress in run_trial(job):
        message = {"report": progress.to_json()}
        if progress.time_ms >= meter.began_ms:  # not a report that an earlier attempt has made
            message["seen"] = json.dumps({"machine": _machine(), "usage": meter.sample()})
        tune.report(message)


def _machine() -> dict[str, Any]:
    """This machine, and Ray's name for it."""
    node = {"node": ray.get_runtime_context().get_node_id()} if ray.is_initialized() else {}
    return machine_facts() | node
