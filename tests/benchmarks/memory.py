"""Predicted and measured peak memory of trials of different sizes.

Run as: python -m tests.benchmarks.memory      (make bench)
Each configuration is trained, reported and saved in a process of its own, whose largest resident size is
compared with the prediction; where there is a GPU, what torch has allocated there too. Models are random.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import RobertaConfig

from study.config import TrialConfig
from study.trial.classifier import TrainingData, classifier_step, predict_logits
from study.trial.data.tokens import EncodedSplit
from study.trial.losses.objective import cross_entropy
from study.trial.memory import MIB, Extent, predict_peak
from study.trial.models.teacher import new_classifier
from study.trial.training import Numerics, Recipe, Training

GRID: dict[str, dict[str, int]] = {
    name: dict(zip(("width", "vocabulary", "depth", "batch", "length"), sizes, strict=True))
    for name, sizes in {
        "embedded": (128, 8000, 2, 32, 16),
        "embedded, long": (128, 8000, 4, 32, 128),
        "embedded, large batch": (128, 8000, 2, 256, 64),
        "MiniLM, 2 layers": (384, 30000, 2, 16, 32),
        "MiniLM, 3 layers, trimmed": (384, 6000, 3, 32, 64),
        "MiniLM, 6 layers": (384, 30000, 6, 16, 128),
        "base, 1 layer": (768, 20000, 1, 8, 32),
        "base, 3 layers": (768, 20000, 3, 16, 64),
        "base, 2 layers, 60000 tokens": (768, 60000, 2, 8, 32),
    }.items()
}
CLASSES = 10


def predicted(sizes: dict[str, int], numerics: Numerics) -> Any:
    extent = Extent(sizes["vocabulary"], sizes["length"], CLASSES, sizes["batch"])
    return predict_peak(_config(sizes), _model(sizes), extent, numerics.device, numerics.dtype)


def measure(sizes: dict[str, int]) -> dict[str, float]:
    """Train such a student for three steps, as a trial does, in this process; MiB predicted and measured."""
    numerics, config = Numerics.here(1), _config(sizes)
    random = np.random.default_rng(0)
    rows = max(2 * config.batch_size, 2 * 8192 // sizes["length"])
    split = EncodedSplit(
        random.integers(5, sizes["vocabulary"], rows * sizes["length"]),
        np.arange(rows + 1) * sizes["length"],
        random.integers(0, CLASSES, rows),
        np.zeros(rows, dtype=np.int64),
    )
    labels = [str(i) for i in range(CLASSES)]
    with tempfile.TemporaryDirectory() as folder:
        model: Any = _new(sizes, labels, Path(folder))
        model.to(numerics.device)
        step_loss = classifier_step(
            model, TrainingData(split, np.arange(rows), 1),
            lambda logits, labels, targets: cross_entropy(logits, labels),
            config.batch_size, 0, numerics.device,
        )  # fmt: skip
        training = Training(model, step_loss, Recipe(3, 1e-4, 0), numerics)
        for step in (2, 3):
            training.advance(step)
            predict_logits(model, split, 1, numerics)
            training.save(Path(folder) / "trial", [])
    peak, found = predicted(sizes, numerics), largest_resident()
    figures = {"host_predicted": peak.host, "host_measured": found}
    if numerics.device == "cuda":
        figures |= {"device_predicted": peak.device, "device_measured": torch.cuda.max_memory_allocated()}
    return {name: round(value / MIB, 1) for name, value in figures.items()}


def largest_resident() -> int:
    """Bytes of this process at its largest (getrusage would count what its parent had when it began)."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) * 1024


def _config(sizes: dict[str, int]) -> TrialConfig:
    return TrialConfig(
        task="task", model="model", model_layers=sizes["depth"], depth=sizes["depth"],
        learning_rate=1e-4, teacher_learning_rate=1e-4,
        batch_size=sizes["batch"], max_length=sizes["length"],
    )  # fmt: skip


def _model(sizes: dict[str, int]) -> RobertaConfig:
    return RobertaConfig(
        vocab_size=sizes["vocabulary"], hidden_size=sizes["width"], num_hidden_layers=sizes["depth"],
        num_attention_heads=sizes["width"] // 32, intermediate_size=4 * sizes["width"],
        max_position_embeddings=514, type_vocab_size=1,
    )  # fmt: skip


def _new(sizes: dict[str, int], labels: list[str], folder: Path) -> Any:
    """A student that was read from files."""
    from transformers import RobertaModel

    RobertaModel(_model(sizes)).save_pretrained(folder / "base")
    return new_classifier(folder / "base", labels, 0)


def in_a_process_of_its_own(sizes: dict[str, int]) -> dict[str, float]:
    command = [sys.executable, "-m", "tests.benchmarks.memory", json.dumps(sizes)]
    answer = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(answer.stdout.splitlines()[-1])
    return found


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(measure(json.loads(sys.argv[1]))))
        sys.exit()
    results = {}
    for name, sizes in GRID.items():
        results[name] = figures = in_a_process_of_its_own(sizes)
        found = (f"{what} {value:8.1f}" for what, value in figures.items())
        print(f"{name:32}", *found, "MiB", flush=True)
    if not torch.cuda.is_available():
        print("no GPU here: device memory was not measured")
    folder = Path("bench-results")
    folder.mkdir(exist_ok=True)
    about = {"cpus": os.cpu_count(), "gpu": torch.cuda.is_available(), "unit": "MiB"}
    (folder / "memory.json").write_text(json.dumps(about | {"trials": results}, indent=1))
