"""A student as a plain Hugging Face folder, with its full vocabulary: loadable without this project."""

from __future__ import annotations

import shutil
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

from study.config import TrialConfig
from study.trial.data.vocabulary import load_vocabulary
from study.trial.inputs import Inputs
from study.trial.models.loading import quiet
from study.trial.models.student import build_student
from study.trial.models.teacher import load_classifier
from study.trial.models.tokenizer import load_tokenizer
from study.trial.models.trimming import put_back
from study.trial.prepare import Preparation

__all__ = ["write_student"]


def write_student(kept: Path, config: TrialConfig, preparation: Preparation, folder: Path) -> None:
    """Write the student of the trial `config` into the new `folder`: the model and its tokenizer.

    A token that does not occur in the task has the embedding that the student began with: training has not
    moved it.

    Args:
        kept: the student's weights, as the trial stored them (`student_folder`).
        preparation: the study's; builds what the student began with, if that is not in its store.

    Raises:
        StudyStopped: if the storage is away, or the disk is full.
    """
    preparation.store.has("models", config.model)  # for its tokenizer
    if load_vocabulary(kept) is None:
        shutil.copytree(kept, folder)
    else:
        inputs = replace(preparation, full_vocabulary=True).build(config, ())
        _write_with_full_vocabulary(inputs, kept, folder)
    tokenizer = deepcopy(load_tokenizer(preparation.inputs(config).base_folder))
    tokenizer.model_max_length = config.max_length  # `truncation=True` then cuts as the trial did
    tokenizer.save_pretrained(folder)


def _write_with_full_vocabulary(inputs: Inputs, kept: Path, folder: Path) -> None:
    """Write the student in `kept` into `folder`, with the tokens that the trial trained without."""
    labels = inputs.task.labels
    start = build_student(
        inputs.config, inputs.base_folder, inputs.teacher_folder, labels, kind=inputs.task.kind
    )
    with quiet():
        put_back(load_classifier(kept, labels), load_vocabulary(kept), start).save_pretrained(folder)
