"""The stock combination: OptunaSearch on RDB storage, MLflowLoggerCallback, ASHA, Tuner.restore.

Written as its documentation shows it, around the same trial that kdstudy runs. Run as:
stock_driver.py HOME CONFIG     (CONFIG: JSON of a trial's configuration, whose learning rate is searched)
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import optuna
import ray
from ray import tune
from ray.air.integrations.mlflow import MLflowLoggerCallback
from ray.tune.schedulers import ASHAScheduler
from ray.tune.search.optuna import OptunaSearch

from study.config import TrialConfig
from study.storage.artifacts import Store
from study.trial.job import TrialJob
from study.trial.trial import run_trial

TRIALS = 40


def trainable(config: dict[str, Any]) -> None:
    fixed = json.loads(config["fixed"]) | {"learning_rate": config["learning_rate"], "alpha": config["alpha"]}
    trial = TrialConfig(**fixed)
    folder = Path(config["home"]) / "trials" / trial.key
    store = Store(Path(config["home"]) / "artifacts")
    for progress in run_trial(TrialJob(trial, store, folder, reports=4)):
        if progress.validation is not None:
            tune.report({"macro": progress.validation["accuracy"]["macro"], "step": progress.step})


def main(home: Path, fixed: str) -> None:
    ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False)
    space = {
        "alpha": tune.choice([1.0, 0.5]),
        "learning_rate": tune.loguniform(1e-3, 3e-2),
        "home": str(home),
        "fixed": fixed,
    }
    storage = optuna.storages.RDBStorage(f"sqlite:///{home / 'optuna.db'}")
    search = OptunaSearch(metric="macro", mode="max", storage=storage, study_name="stock", seed=0)
    logger = MLflowLoggerCallback(tracking_uri=f"sqlite:///{home / 'mlflow.db'}", experiment_name="stock")
    path = str(home / "ray" / "stock")
    if tune.Tuner.can_restore(path):
        tuner = tune.Tuner.restore(path, trainable=trainable, resume_unfinished=True, param_space=space)
    else:
        tuner = tune.Tuner(
            trainable,
            param_space=space,
            tune_config=tune.TuneConfig(
                search_alg=search,
                scheduler=ASHAScheduler(metric="macro", mode="max", max_t=4, grace_period=1),
                num_samples=TRIALS,
                max_concurrent_trials=2,
            ),
            run_config=tune.RunConfig(
                name="stock",
                storage_path=str(home / "ray"),
                callbacks=[logger],
                failure_config=tune.FailureConfig(max_failures=3),
            ),
        )
    tuner.fit()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
