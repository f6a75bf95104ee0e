"""The latency of a student: how long one forward pass takes for one text, on this device.

The latency depends on the student's shape and on the device, not on its weights. So the first trial of a
shape measures it, and every other trial of this shape on such a device reads the number from the store: equal
shapes have equal latencies, and noise does not decide which student is on the Pareto front.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from study.config import digest
from study.trial.data.tokens import EncodedSplit
from study.trial.inputs import Inputs
from study.trial.machine import machine_facts
from study.trial.models.student import build_student
from study.trial.training import Numerics

__all__ = ["latency_here", "measure"]

TEXTS = 16
ROUNDS, SECONDS = (5, 50), 3.0
"""A round is one pass for each text. There are 5 rounds, and up to 50 within 3 seconds. Of each text the
shortest pass counts, because whatever else the machine does makes a pass longer.
"""


def latency_here(inputs: Inputs, numerics: Numerics) -> dict[str, Any]:
    """The latency of the student of `inputs.config` on this device: measured now, or read from the store.

    `ms`: milliseconds; `device`: the name of the GPU, or of the CPU with the number of threads.
    """
    config, device = inputs.config, _device(numerics)
    shape = {"model": config.model, "depth": config.depth}
    key = digest({**shape, "tokens": inputs.tokens_key, "device": device, "version": 1})

    def build(target: Path, work: Path) -> None:
        found = {"ms": measure(inputs, numerics), "device": device}
        (target / "latency.json").write_text(json.dumps(found), encoding="utf-8")

    folder = inputs.store.build("latencies", key, build)
    found: dict[str, Any] = json.loads((folder / "latency.json").read_text(encoding="utf-8"))
    return found


@torch.inference_mode()
def measure(inputs: Inputs, numerics: Numerics) -> float:
    """Milliseconds of a forward pass for one text: the mean over texts of the shortest pass.

    The texts are 16 of validation, from the shortest to the longest in even steps. The tokenizer takes no
    part. The student is one of this shape as the library builds it, as a user of the exported folder has it.
    """
    task = inputs.task
    student: Any = build_student(
        inputs.config, inputs.base_folder, inputs.teacher_folder, task.labels, inputs.vocabulary, task.kind
    )
    student.to(numerics.device).eval()
    split = inputs.split("validation")
    texts = [split.padded(np.array([row]), inputs.pad_id) for row in _spread(split)]
    batches = [{name: value.to(numerics.device) for name, value in text.items()} for text in texts]
    shortest = np.full(len(batches), np.inf)
    started, (fewest, most) = time.perf_counter(), ROUNDS
    for number in range(most):
        if number >= fewest and time.perf_counter() - started > SECONDS:
            break
        shortest = np.minimum(shortest, [_pass(student, batch, numerics) for batch in batches])
    return 1000 * float(shortest.mean())


def _pass(student: Any, batch: dict[str, torch.Tensor], numerics: Numerics) -> float:
    """Seconds of one pass, until the logits are on the host."""
    started = time.perf_counter()
    with numerics.autocast():
        student(**batch).logits.cpu()
    return time.perf_counter() - started


def _spread(split: EncodedSplit) -> list[int]:
    """Rows of `split`, from its shortest text to its longest."""
    by_length = np.argsort(split.lengths, kind="stable")
    places = np.linspace(0, len(by_length) - 1, min(TEXTS, len(by_length))).round().astype(int)
    return [int(row) for row in by_length[places]]


def _device(numerics: Numerics) -> str:
    facts = machine_facts()
    if numerics.device != "cpu":
        return str(facts.get("gpu", numerics.device))
    return f"{facts['cpu']}, {numerics.threads} thread{'s' * (numerics.threads != 1)}"
