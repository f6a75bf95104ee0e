"""The arithmetic of a plan: what a reader can work out with a pencil."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from study.cli.gpu_hours import flops_of, gpu_line
from study.planning.request import Request
from study.planning.resolve import Resolved, resolve
from study.space import SearchSpace
from study.storage.artifacts import Store
from study.trial.data.tokens import encode_split
from study.trial.models.loading import labelled, read_config, skeleton
from study.trial.models.shapes import with_layers
from study.trial.models.tokenizer import load_tokenizer

Ask = Callable[..., Resolved]


@pytest.fixture
def ask(task_folder: Path, model_folder: Path, tmp_path: Path) -> Ask:
    def resolved(**roles: Any) -> Resolved:
        budgets = {"question": "why?", "trials": 3, "confirm_seeds": 2, "reports": 2}
        request = Request("demo", task=str(task_folder), model=str(model_folder))
        return resolve(request, "demo", SearchSpace(**budgets | roles), Store(tmp_path / "store"))

    return resolved


def weights(folder: Path, depth: int, labels: int) -> int:
    """The parameters of a classifier of so many layers, without its embeddings."""
    import torch

    config = labelled(
        with_layers(read_config(folder), [[n] for n in range(depth)]), list(map(str, range(labels)))
    )
    model: Any = skeleton(config)
    tables = [m.weight.numel() for m in model.modules() if isinstance(m, torch.nn.Embedding)]
    return int(sum(p.numel() for p in model.parameters()) - sum(tables))


def test_steps_scores_and_teachers_add_up(ask: Ask, model_folder: Path) -> None:
    fixed = {"depth": 2, "steps": 50, "batch_size": 8, "teacher_steps": 70, "teacher_batch_size": 4}
    asked = ask(nuisance={"learning_rate": (1e-4, 1e-3, 1e-2)}, fixed=fixed)
    tokenizer = load_tokenizer(model_folder)
    lengths = {n: encode_split(s, tokenizer, 128).lengths for n, s in asked.task.splits.items()}
    student, teacher = (weights(model_folder, d, len(asked.task.labels)) for d in (2, 4))
    text, (_, validation, test) = float(np.mean(lengths["train"])), map(np.sum, lengths.values())
    trials = 5 * (6 * student * 50 * 8 * text + 2 * 2 * student * validation) + 2 * 2 * student * test
    every = sum(map(np.sum, lengths.values()))
    expected = trials + 6 * teacher * 70 * 4 * text + 2 * teacher * every
    assert flops_of(asked) == pytest.approx(float(expected), rel=1e-9)


def test_each_teacher_counts_once(ask: Ask) -> None:
    """Two seeds of the teacher: arms and teachers are there twice. Two inits: the arms alone are."""
    rate = {"learning_rate": (1e-4, 1e-3)}
    one = flops_of(ask(nuisance=rate, fixed={"init": "teacher"}))
    seeds = flops_of(ask(nuisance=rate, scientific={"teacher_seed": (0, 1)}, fixed={"init": "teacher"}))
    inits = flops_of(ask(nuisance=rate, scientific={"init": ("base", "teacher")}))
    assert one is not None
    assert seeds == pytest.approx(2 * one)
    assert inits is not None
    assert one < inits < 2 * one


def test_a_longer_study_takes_more(ask: Ask) -> None:
    found = [flops_of(ask(fixed={"steps": steps})) for steps in (100, 200)]
    assert found[0] is not None
    assert found[1] is not None
    assert found[0] < found[1]


def test_the_line_names_the_gpu_and_its_peak() -> None:
    line = gpu_line(312e12 * 3600 * 2.5)
    assert line.startswith("arithmetic: 2.81e+03 PFLOP; 2.5 GPU-hours on one A100 at its peak of 312 TFLOP/s")
