"""The trial core on its own, without Ray, Optuna or MLflow: one student, ready for its first step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from study.config import TrialConfig
from study.planning.base_model import find_teacher, store_model
from study.planning.plan import ModelFacts, Plan
from study.space import SearchSpace
from study.storage.artifacts import Store
from study.trial.data.batches import TrainingBatches
from study.trial.data.task import load_saved_task
from study.trial.inputs import Inputs
from study.trial.models.student import build_student
from study.trial.prepare import Preparation
from study.trial.training import Numerics, Training
from study.trial.trial import student_training
from tests.benchmarks.shapes import Prepared, Shape

__all__ = ["Core", "core_of", "prepared_trial"]


@dataclass(frozen=True)
class Core:
    """A student, its training and what it reads. tokens(step): of that step's batch, padding included."""

    student: Any
    training: Training
    inputs: Inputs
    tokens: Callable[[int], int]


def prepared_trial(
    shape: Shape, prepared: Prepared, store: Store, threads: int, seed: int = 0
) -> tuple[Preparation, TrialConfig]:
    """The first trial of `trainer_baseline` at `shape`, whose task and base model are put into `store`."""
    task = load_saved_task(prepared.task)
    preparation = Preparation(store, str(prepared.teacher), threads=threads)
    preparation.store_task(task)
    model = store_model(store, str(prepared.base), threads)
    teacher = find_teacher(str(prepared.teacher), task.labels, prepared.base)
    facts = ModelFacts(model.fingerprint or "", model.config.num_hidden_layers, shape.learning_rates[0])
    space = SearchSpace(question="the core", fixed={"steps": shape.steps}, trials=1)
    plan = Plan.make("core", space, task.fingerprint, facts, teacher, {})
    return preparation, plan.drafts(plan.arms()[0])[0].model_copy(update={"seed": seed})


def core_of(
    shape: Shape, prepared: Prepared, home: Path, threads: int, dtype: str | None = None, seed: int = 0
) -> Core:
    """The student that `trainer_baseline` trains at `shape`; `dtype` as in `Numerics`, else the usual one."""
    preparation, config = prepared_trial(shape, prepared, Store(home), threads, seed)
    inputs = preparation.build(config, ("train", "validation"))
    student: Any = build_student(
        config, inputs.base_folder, inputs.teacher_folder, inputs.task.labels, inputs.vocabulary
    )
    numerics = Numerics.here(threads)
    if dtype is not None:
        numerics = replace(numerics, dtype=dtype)
    student.to(numerics.device)
    train = inputs.split("train")
    rows = inputs.training_rows(train)
    batches = TrainingBatches(train.lengths[rows], config.batch_size, config.seed)

    def tokens(step: int) -> int:
        lengths = train.lengths[rows[batches.rows(step)]]
        return int(lengths.max()) * len(lengths)

    return Core(student, student_training(student, inputs, numerics), inputs, tokens)
