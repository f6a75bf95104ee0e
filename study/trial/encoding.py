"""The task in token ids: every text tokenised once, then in the new ids of a trimmed vocabulary."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from study.trial.data.arrays import check_arrays
from study.trial.data.task import SPLITS, load_saved_task
from study.trial.data.tokens import encode_task
from study.trial.data.vocabulary import Vocabulary, save_trimmed_ids
from study.trial.inputs import Inputs
from study.trial.models.loading import read_config
from study.trial.models.teacher import classifier_on
from study.trial.models.tokenizer import load_tokenizer
from study.trial.models.trimming import special_ids, why_not_trimmable

__all__ = ["write_tokens", "write_vocabulary"]


def write_tokens(inputs: Inputs, target: Path) -> None:
    """Tokenise the task of `inputs` into the folder `target`."""
    tokenizer = load_tokenizer(inputs.base_folder)
    encode_task(load_saved_task(inputs.task_folder), tokenizer, inputs.config.max_length, target)
    check_arrays(target)


def write_vocabulary(inputs: Inputs, target: Path) -> None:
    """Write the task's tokens, and its splits in new ids, into the folder `target`.

    If the base model needs all its tokens, the folder gets the reason alone.
    """
    whole = Inputs(inputs.store, inputs.config, full_vocabulary=True)
    splits = {name: whole.split(name) for name in SPLITS}
    config = read_config(inputs.base_folder)
    special = special_ids(config, load_tokenizer(inputs.base_folder))
    texts = [split.ids for split in splits.values()]
    vocabulary = Vocabulary.of(texts, special, whole.pad_id, config.vocab_size)
    by_length = np.argsort(splits["train"].lengths, kind="stable")
    probe = by_length[np.linspace(0, len(by_length) - 1, 8).astype(int)]
    model = classifier_on(inputs.base_folder, inputs.task.labels, seed=0, kind=inputs.task.kind)
    why_not = why_not_trimmable(model, vocabulary, splits["train"].padded(probe, whole.pad_id))
    if why_not is None:
        vocabulary.save(target)
        save_trimmed_ids(target, vocabulary, {name: split.ids for name, split in splits.items()})
        check_arrays(target)
    (target / "about.json").write_text(json.dumps({"why not trimmed": why_not}), encoding="utf-8")
