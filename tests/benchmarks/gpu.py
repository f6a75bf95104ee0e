"""The trial core against a plain `Trainer` loop, in this process: no Ray, Optuna or MLflow.

Run as: python -m tests.benchmarks.gpu [--data FOLDER] [--only SHAPE] [--steps N] [--seeds N]
Uses the GPU where there is one; on a CPU it compares the bare loops. Writes bench-results/gpu.json.

Both sides train the same student from the same teacher for as many steps. Theirs runs the teacher online and
pads to the batch; ours reads cached teacher outputs. Where bf16 is to be had, both are run in fp32 and bf16,
and ours is trained on `seeds` seeds in each, to show whether bf16 costs accuracy.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    DataCollatorWithPadding,
    TrainerCallback,
    TrainingArguments,
)

from study.trial.classifier import predict_logits
from study.trial.data.task import load_saved_task
from study.trial.scores import score
from tests.benchmarks.core import Core, core_of
from tests.benchmarks.distillation_trainer import DistillationTrainer, student_of
from tests.benchmarks.shapes import SHAPES, Prepared, Shape, prepare, read_task

WARM_UP = 3  # steps that are not timed

Figures = dict[str, float]


def ours(shape: Shape, core: Core) -> Figures:
    """Train `core` to its end."""
    _reset_peak()
    core.training.advance(WARM_UP)
    _wait()
    began = time.perf_counter()
    interval = core.training.advance(shape.steps)
    _wait()
    seconds = time.perf_counter() - began
    found = {
        "seconds_per_step": seconds / (shape.steps - WARM_UP),
        "peak_mib": _peak(),
        "loss": interval.loss,
    }
    split = core.inputs.split("validation")
    logits = predict_logits(core.student, split, core.inputs.pad_id, core.training.numerics)
    names = core.inputs.task.languages
    return found | {
        "accuracy": score(logits.argmax(axis=1), split.labels, split.languages, names)["accuracy"]["macro"]
    }


class Clock(TrainerCallback):
    """The time of the steps after `WARM_UP`."""

    seconds = 0.0

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.global_step == WARM_UP:
            _wait()
            self.seconds = -time.perf_counter()

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        _wait()
        self.seconds += time.perf_counter()


def theirs(shape: Shape, prepared: Prepared, dtype: str, folder: Path) -> Figures:
    """Train with the `Trainer`."""
    tokenizer = AutoTokenizer.from_pretrained(prepared.teacher)
    task = load_saved_task(prepared.task)
    train = task.splits["train"]
    ids = tokenizer(list(train.texts), truncation=True, max_length=128)["input_ids"]
    rows = [{"input_ids": i, "labels": int(label)} for i, label in zip(ids, train.labels, strict=True)]
    arguments = TrainingArguments(
        output_dir=str(folder),
        per_device_train_batch_size=32,
        max_steps=shape.steps,
        learning_rate=shape.learning_rates[0],
        warmup_steps=0.1,
        weight_decay=0.01,
        save_strategy="no",
        bf16=dtype == "bfloat16",
        disable_tqdm=True,
    )
    trainer = DistillationTrainer(
        model=student_of(prepared.teacher),
        args=arguments,
        train_dataset=rows,
        data_collator=DataCollatorWithPadding(tokenizer),
        teacher=AutoModelForSequenceClassification.from_pretrained(prepared.teacher),
        alpha=0.5,
        temperature=2.0,
        callbacks=[clock := Clock()],
    )
    _reset_peak()
    metrics = trainer.train().metrics
    return {
        "seconds_per_step": clock.seconds / (shape.steps - WARM_UP),
        "peak_mib": _peak(),
        "loss": metrics["train_loss"],
    }


def _wait() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def _reset_peak() -> None:
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()


def _peak() -> float:
    """MiB of the GPU's memory; not a number on a CPU, where one process cannot tell its parts."""
    return torch.cuda.max_memory_allocated() / 2**20 if torch.cuda.is_available() else float("nan")


def run_shape(shape: Shape, data: Path | None, seeds: int, folder: Path) -> dict[str, Any]:
    """Both sides in every dtype, then ours over seeds."""
    prepared = prepare(shape, read_task(data), folder / "prepared")
    threads = os.cpu_count() or 1
    bf16 = torch.cuda.is_available() and torch.cuda.is_bf16_supported()
    found: dict[str, Any] = {}
    for dtype in ("float32", "bfloat16") if bf16 else ("float32",):
        cores = (core_of(shape, prepared, folder / "home", threads, dtype, seed) for seed in range(seeds))
        runs = [ours(shape, core) for core in cores]
        side = {"theirs": theirs(shape, prepared, dtype, folder / "trainer"), "ours": runs[0]}
        accuracy = [run["accuracy"] for run in runs]
        found[dtype] = side | {
            "ratio": side["theirs"]["seconds_per_step"] / side["ours"]["seconds_per_step"],
            "accuracy": {"mean": float(np.mean(accuracy)), "sd": float(np.std(accuracy)), "seeds": seeds},
        }
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder of the task")
    parser.add_argument("--only", choices=sorted(SHAPES), help="one shape")
    parser.add_argument("--steps", type=int, default=100, help="steps of a run")
    parser.add_argument("--seeds", type=int, default=3, help="seeds that accuracies are compared over")
    options = parser.parse_args()
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"
    found: dict[str, Any] = {"device": device, "torch": torch.__version__}
    print(f"device {device}")
    for name in [options.only] if options.only else list(SHAPES):
        shape = replace(SHAPES[name], steps=options.steps)
        with tempfile.TemporaryDirectory(prefix="kdstudy-bench-") as folder:
            found[name] = run_shape(shape, options.data, options.seeds, Path(folder))
        found[name]["shape"] = {k: v for k, v in asdict(shape).items() if k in ("rows", "steps")}
        for dtype in ("float32", "bfloat16"):
            if dtype in found[name]:
                of = found[name][dtype]
                print(f"{name} {dtype}: {of['ratio']:.2f} times as many steps a second as the Trainer")
                print("  theirs", of["theirs"], "\n  ours  ", of["ours"], "\n  accuracy", of["accuracy"])
    results = Path("bench-results")
    results.mkdir(exist_ok=True)
    (results / "gpu.json").write_text(json.dumps(found, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
