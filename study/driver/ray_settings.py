"""What Ray and Ray Tune read from the environment when they are imported.

Every module of this room that imports Ray imports this module first. A user's own settings stay.
"""

from __future__ import annotations

import os

__all__ = ["SETTINGS"]

SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    # A raylet often looks for its own object store too early. It looks again after this, not after a second.
    "RAY_raylet_client_connect_timeout_milliseconds": "50",
    "RAY_raylet_client_num_connect_attempts": "200",
    # Tune's workers have an environment of their own, so no trial would use the workers that Ray prestarts.
    "RAY_prestart_worker_first_driver": "0",
    "RAY_task_oom_retries": "3",  # else Ray repeats for ever a task that it ends for lack of memory
    "RAY_AIR_NEW_OUTPUT": "0",  # the new output prints on stdout at any verbosity
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_DISABLE_SIGINT_HANDLER": "1",  # `interrupt.py` handles Ctrl-C
    "TUNE_PRINT_ALL_TRIAL_ERRORS": "0",  # errors that end a trial are on record
    "TUNE_GLOBAL_CHECKPOINT_S": "1000000",  # a study is resumed from the ledger, not from Tune's snapshots
    "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",
}

for _name, _value in SETTINGS.items():
    os.environ.setdefault(_name, _value)
