"""What a user would write: `transformers.Trainer` with an online teacher, tuned by Ray Tune and Optuna.

As the documentation of each shows it, with default settings throughout: fused AdamW, dynamic padding
(`DataCollatorWithPadding`: to the longest text of the batch), batches of 8 in evaluation, a checkpoint at
the end, OptunaSearch, MLflowLoggerCallback. It gets some care too, so that nobody is compared with a straw
man: texts are tokenised once and not by each trial, evaluation does not run the teacher, concurrent trials
fill the machine.

Run as: trainer_driver.py SETTINGS     (SETTINGS: a JSON file, see `Settings`)
Writes `trials.json` beside it: each trial's seed, learning rate, loss, accuracy, seconds and steps.
"""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy as np
import ray
from datasets import DatasetDict, load_dataset
from ray import tune
from ray.air.integrations.mlflow import MLflowLoggerCallback
from ray.tune.search.optuna import OptunaSearch
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    DataCollatorWithPadding,
    TrainerCallback,
    TrainingArguments,
)

from tests.benchmarks.distillation_trainer import DistillationTrainer, student_of


@dataclass(frozen=True)
class Settings:
    """What both sides have in common; folders as text. `learning_rate`: [value], or [low, high] to search.

    seeds: the trials' own; one seed alone with `trials` learning rates, or one trial a seed.
    """

    task: str
    teacher: str
    home: str
    learning_rate: tuple[float, ...]
    seeds: tuple[int, ...]
    trials: int
    steps: int
    reports: int
    alpha: float
    temperature: float
    batch_size: int
    max_length: int
    cpus: int
    concurrency: int


class Report(TrainerCallback):
    """Sends every evaluation to Tune, with the training loss since the one before.

    `seconds` are of training and scoring, as kdstudy counts them: not those in which Tune takes a report.
    """

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.began = time.perf_counter()

    def on_evaluate(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        metrics = kwargs["metrics"]
        losses = [line["loss"] for line in state.log_history if "loss" in line]
        found = {k.removeprefix("eval_"): v for k, v in metrics.items() if k.startswith("eval_accuracy")}
        reached = time.perf_counter()
        seconds = reached - self.began
        tune.report(found | {"loss": losses[-1], "seconds": seconds, "step": state.global_step})
        self.began += time.perf_counter() - reached


def train(config: dict[str, Any], settings: Settings, data: DatasetDict, names: list[str]) -> None:
    """One trial."""
    tokenizer = AutoTokenizer.from_pretrained(settings.teacher)
    teacher = AutoModelForSequenceClassification.from_pretrained(settings.teacher)
    student = student_of(settings.teacher)
    languages = np.array(data["validation"]["lang"])

    def accuracy(prediction: Any) -> dict[str, float]:
        right = prediction.predictions.argmax(axis=1) == prediction.label_ids
        of = {name: float(right[languages == name].mean()) for name in names}
        return {"accuracy": float(np.mean(list(of.values())))} | {f"accuracy_{k}": v for k, v in of.items()}

    interval = settings.steps // settings.reports
    arguments = TrainingArguments(
        output_dir="output",
        per_device_train_batch_size=settings.batch_size,
        max_steps=settings.steps,
        learning_rate=config["learning_rate"],
        warmup_steps=0.1,
        weight_decay=0.01,
        eval_strategy="steps",
        eval_steps=interval,
        logging_steps=interval,
        seed=config["seed"],
    )
    DistillationTrainer(
        model=student,
        args=arguments,
        train_dataset=data["train"],
        eval_dataset=data["validation"],
        data_collator=DataCollatorWithPadding(tokenizer),
        compute_metrics=accuracy,
        callbacks=[Report()],
        teacher=teacher,
        alpha=settings.alpha,
        temperature=settings.temperature,
    ).train()


def tokenised(settings: Settings) -> tuple[DatasetDict, list[str]]:
    """Both splits with their token ids and labels, and the languages of the validation split."""
    task = Path(settings.task)
    files = {name: str(task / f"{name}.jsonl.gz") for name in ("train", "validation")}
    data = load_dataset("json", data_files=files, cache_dir=str(Path(settings.home) / "datasets"))
    tokenizer = AutoTokenizer.from_pretrained(settings.teacher)
    labels = {name: i for i, name in enumerate(sorted(set(data["train"]["label"])))}

    def encode(rows: Any) -> Any:
        ids = tokenizer(rows["text"], truncation=True, max_length=settings.max_length)
        return ids | {"labels": [labels[label] for label in rows["label"]]}

    data = data.map(encode, batched=True, remove_columns=["text", "label"])
    return data, sorted(set(data["validation"]["lang"]))


def main(settings: Settings) -> list[dict[str, Any]]:
    ray.init(address="local", include_dashboard=False, log_to_driver=False)
    data, languages = tokenised(settings)
    rates = settings.learning_rate
    searched = len(rates) == 2
    space = {
        "learning_rate": tune.loguniform(*rates) if searched else rates[0],
        "seed": settings.seeds[0] if searched else tune.grid_search(list(settings.seeds)),
    }
    home = Path(settings.home)
    callback = MLflowLoggerCallback(tracking_uri=f"sqlite:///{home / 'mlflow.db'}", experiment_name="trainer")
    trainable = tune.with_parameters(train, settings=settings, data=data, names=languages)
    tuner = tune.Tuner(
        tune.with_resources(trainable, {"cpu": settings.cpus}),
        param_space=space,
        tune_config=tune.TuneConfig(
            search_alg=OptunaSearch(metric="accuracy", mode="max", seed=0) if searched else None,
            num_samples=settings.trials if searched else 1,
            max_concurrent_trials=settings.concurrency,
        ),
        run_config=tune.RunConfig(name="trainer", storage_path=str(home / "ray"), callbacks=[callback]),
    )
    results = tuner.fit()
    if results.errors:
        raise results.errors[0]
    wanted = ("loss", "accuracy", "seconds", "step")
    ended = [results[number] for number in range(len(results))]
    return [dict(one.config or {}) | {k: (one.metrics or {})[k] for k in wanted} for one in ended]


if __name__ == "__main__":
    file = Path(sys.argv[1])
    found = main(Settings(**json.loads(file.read_text(encoding="utf-8"))))
    file.with_name("trials.json").write_text(json.dumps(found, indent=1), encoding="utf-8")
