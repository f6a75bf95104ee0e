"""`kdstudy`, with a fault point: this process is killed right before or after the n-th call of one write.

Run as: killed_driver.py POINT before|after N ARGUMENTS...   (POINT is a name in POINTS)
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
from typing import Any

POINTS = {
    "ask: trial made": ("optuna.storages", "RDBStorage", "create_new_trial"),
    "ask: parameter": ("optuna.storages", "RDBStorage", "set_trial_param"),
    "ledger: attribute": ("optuna.storages", "RDBStorage", "set_trial_user_attr"),
    "pruner: mark": ("optuna.storages", "RDBStorage", "set_trial_system_attr"),
    "report: value": ("optuna.storages", "RDBStorage", "set_trial_intermediate_value"),
    "tell: state": ("optuna.storages", "RDBStorage", "set_trial_state_values"),
    "plan": ("optuna.storages", "RDBStorage", "set_study_user_attr"),
    "journal line": ("study.journal", "Journal", "add"),
    "MLflow: run made": ("mlflow", "MlflowClient", "create_run"),
    "MLflow: batch": ("mlflow", "MlflowClient", "log_batch"),
    "MLflow: status": ("mlflow", "MlflowClient", "update_run"),
    "MLflow: run closed": ("mlflow", "MlflowClient", "set_terminated"),
    "unsent mark": ("pathlib", "Path", "touch"),
    "unsent mark gone": ("pathlib", "Path", "unlink"),
    "tidy": ("study.lifecycle", None, "tidy_trial"),
    "lease taken": ("study.lease", "Lease", "_take"),
}


def plant(point: str, when: str, count: int) -> None:
    """Have this process killed at the `count`-th call of `point`."""
    module, owner, name = POINTS[point]
    there: Any = importlib.import_module(module)
    there = getattr(there, owner) if owner else there
    original, calls = getattr(there, name), [0]

    def call(*values: Any, **more: Any) -> Any:
        calls[0] += 1
        if calls[0] == count and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        answer = original(*values, **more)
        if calls[0] == count:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    setattr(there, name, call)


if __name__ == "__main__":
    plant(sys.argv[1], sys.argv[2], int(sys.argv[3]))
    sys.argv = ["kdstudy", *sys.argv[4:]]
    from study.cli import main

    main()
