"""The teacher: its training on labels, and its outputs on a split."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from transformers import PreTrainedModel

from study.errors import TeacherDiverged
from study.streams import stream
from study.trial.classifier import TrainingData, classifier_step, predict_logits
from study.trial.data.arrays import check_arrays
from study.trial.inputs import Inputs
from study.trial.losses.objective import cross_entropy
from study.trial.models.loading import quiet
from study.trial.models.teacher import classifier_on, new_classifier
from study.trial.models.tokenizer import load_tokenizer
from study.trial.models.trimming import put_back, trim
from study.trial.scores import score_split
from study.trial.training import Numerics, Recipe, Training, train_to_the_end

__all__ = ["train_teacher", "write_outputs"]


def train_teacher(inputs: Inputs, target: Path, work: Path, numerics: Numerics) -> None:
    """Fine-tune the base model on the training data with labels only, and save it into the folder `target`.

    The saved weights are the last step's. Checkpoints are in the folder `work`: an interrupted training goes
    on from there.

    Raises:
        TeacherDiverged: if the loss is no number, or far worse than the loss of a model without a prediction.
    """
    config, train = inputs.config, inputs.split("train")
    seed = stream(config.teacher_seed, "teacher")
    begin = new_classifier if inputs.vocabulary is None else classifier_on  # what is trimmed is copied anyway
    start = begin(inputs.base_folder, inputs.task.labels, seed, inputs.task.kind)
    teacher: Any = trim(start, inputs.vocabulary)
    teacher.to(numerics.device)
    step_loss = classifier_step(
        teacher,
        TrainingData(train, inputs.teacher_rows(train), inputs.pad_id),
        lambda logits, labels, targets: cross_entropy(logits, labels),
        config.teacher_batch_size,
        seed,
        numerics.device,
    )
    recipe = Recipe(config.teacher_steps, config.teacher_learning_rate, seed)
    if train_to_the_end(Training(teacher, step_loss, recipe, numerics), work).diverged:
        rate = f"{config.teacher_learning_rate:g}"
        raise TeacherDiverged(
            f"the teacher diverged at learning rate {rate}: --set teacher_learning_rate lower"
        )
    with quiet():
        put_back(teacher, inputs.vocabulary, start).save_pretrained(target)
        load_tokenizer(inputs.base_folder).save_pretrained(target)
    about = {"recipe": inputs.teacher_recipe, "numerics": asdict(numerics)}
    (target / "kdstudy.json").write_text(json.dumps(about, indent=1), encoding="utf-8")


def write_outputs(
    inputs: Inputs, name: str, numerics: Numerics, teacher: PreTrainedModel, target: Path
) -> None:
    """Write the logits and scores of `teacher` on the split `name` into the folder `target`.

    Computed once is enough: in evaluation mode a teacher is a function of its inputs.

    Raises:
        TeacherDiverged: if an output is not a finite number.
    """
    split = inputs.split(name)
    trimmed: Any = trim(teacher, inputs.vocabulary)
    trimmed.to(numerics.device)
    if name == "train" and inputs.teacher_saw_same:
        rows = inputs.sampled_rows(split)  # in all languages: a student may see others than its teacher
        seen, items = split.take(rows), split.items(rows)
        logits = np.full((len(split.labels), len(inputs.task.labels)), np.nan, dtype=np.float32)
        logits[items] = predict_logits(trimmed, seen, inputs.pad_id, numerics)
    else:
        seen, items = split, np.arange(len(split.labels))
        logits = predict_logits(trimmed, split, inputs.pad_id, numerics)
    if not np.isfinite(logits[items]).all():
        remedy = "give another --teacher" if inputs.config.teacher else "--set teacher_learning_rate lower"
        raise TeacherDiverged(f"the teacher's outputs are not finite numbers: {remedy}")
    np.save(target / "logits.npy", logits)
    check_arrays(target)
    scores = score_split(logits[items].argmax(axis=1), seen, inputs.task)
    scores["time_ms"] = int(time.time() * 1000)  # when the scores were measured, for MLflow
    scores["numerics"] = {"outputs": asdict(numerics)}
    if (about := inputs.teacher_folder / "kdstudy.json").exists():  # only a teacher that was trained here
        scores["numerics"]["training"] = json.loads(about.read_text(encoding="utf-8"))["numerics"]
    scores["parameters"] = sum(p.numel() for p in teacher.parameters())
    (target / "scores.json").write_text(json.dumps(scores, indent=1), encoding="utf-8")
