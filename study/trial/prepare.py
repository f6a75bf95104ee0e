"""Preparation: task, teacher and its outputs, built once before trials hold any resource.

Each step is a call of `Store.build`: done at once where the artifact exists, safe when several want it,
never half-written, and continued from its checkpoints after a kill.
"""

from __future__ import annotations

import errno
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from study.config import TrialConfig
from study.errors import RequestError
from study.storage.artifacts import Store
from study.storage.disk import stopped_by_a_full_disk
from study.streams import stream
from study.trial.classifier import classifier_step, predict_logits
from study.trial.data.task import SPLITS, Task, load_saved_task, save_task
from study.trial.data.tokens import EncodedSplit, encode_task
from study.trial.data.vocabulary import Vocabulary, save_trimmed_ids
from study.trial.inputs import Inputs
from study.trial.losses.objective import cross_entropy
from study.trial.models.encoder import resolve_folder
from study.trial.models.loading import quiet, read_config
from study.trial.models.teacher import classifier_on, import_teacher, load_classifier, new_classifier
from study.trial.models.tokenizer import load_tokenizer
from study.trial.models.trimming import put_back, special_ids, trim, why_not_trimmable
from study.trial.scores import score
from study.trial.training import Numerics, Recipe, Training, train_to_the_end

__all__ = [
    "build_inputs",
    "has_inputs",
    "store_task",
]


def store_task(store: Store, task: Task) -> None:
    """Put the task into the store."""
    store.build("tasks", task.fingerprint, lambda target, work: save_task(task, target))


@stopped_by_a_full_disk()
def build_inputs(
    store: Store,
    config: TrialConfig,
    given_teacher: str,
    splits: Sequence[str],
    threads: int,
    full_vocabulary: bool = False,
) -> Inputs:
    """Everything that the trial `config` reads: tokens, teacher, and the teacher's outputs on `splits`.

    `given_teacher` is the folder or hub id of a fine-tuned teacher; empty: one is trained here.
    `full_vocabulary`: all models keep all tokens while they are trained, with the same result.

    Raises:
        RequestError: where the teacher diverged.
        StudyStopped: where the disk is full or read-only, or the storage away.
    """
    for kind, key in (("tasks", config.task), ("models", config.model)):
        if not store.has(kind, key):
            raise FileNotFoundError(f"{store.path(kind, key)}: is not there, or spoilt")
    inputs = Inputs(store, config, full_vocabulary)

    def import_given(target: Path, work: Path) -> None:
        import_teacher(resolve_folder(given_teacher), target, inputs.task.labels, inputs.base_folder)

    def train(target: Path, work: Path) -> None:
        _train_teacher(inputs, target, work, Numerics.here(threads))

    store.build("tokens", inputs.tokens_key, lambda target, work: _encode(inputs, target))
    if not full_vocabulary:
        store.build("vocabularies", inputs.vocabulary_key, lambda target, work: _trim(inputs, target))
    store.build("teachers", inputs.teacher_key, import_given if config.teacher else train)
    teacher = cache(lambda: load_classifier(inputs.teacher_folder))  # once for all splits, if for any
    for name in _read_by(config, splits):
        store.build("outputs", inputs.outputs_key(name), partial(_predict, inputs, name, threads, teacher))
    return inputs


def has_inputs(
    store: Store, config: TrialConfig, splits: Sequence[str], full_vocabulary: bool = False
) -> bool:
    """Whether `build_inputs` would find everything there."""
    if not (store.has("tasks", config.task) and store.has("models", config.model)):
        return False
    inputs = Inputs(store, config)
    wanted = [("tokens", inputs.tokens_key), ("teachers", inputs.teacher_key)]
    wanted += [] if full_vocabulary else [("vocabularies", inputs.vocabulary_key)]
    wanted += [("outputs", inputs.outputs_key(name)) for name in _read_by(config, splits)]
    return all(store.has(kind, key) for kind, key in wanted)


def _read_by(config: TrialConfig, splits: Sequence[str]) -> list[str]:
    """Splits whose teacher outputs a trial reads: on labels alone not training data's, the costly ones."""
    return [name for name in splits if name != "train" or config.alpha < 1]


def _encode(inputs: Inputs, target: Path) -> None:
    tokenizer = load_tokenizer(inputs.base_folder)
    encode_task(load_saved_task(inputs.task_folder), tokenizer, inputs.config.max_length, target)
    _check_arrays(target)


def _trim(inputs: Inputs, target: Path) -> None:
    """The task's tokens and its splits in new ids; or why not, where the model needs all tokens."""
    whole = Inputs(inputs.store, inputs.config, full_vocabulary=True)
    splits = {name: whole.split(name) for name in SPLITS}
    config = read_config(inputs.base_folder)
    special = special_ids(config, load_tokenizer(inputs.base_folder))
    texts = [split.ids for split in splits.values()]
    vocabulary = Vocabulary.of(texts, special, whole.pad_id, config.vocab_size)
    by_length = np.argsort(splits["train"].lengths, kind="stable")
    probe = by_length[np.linspace(0, len(by_length) - 1, 8).astype(int)]
    model = classifier_on(inputs.base_folder, inputs.task.labels, seed=0)
    why_not = why_not_trimmable(model, vocabulary, splits["train"].padded(probe, whole.pad_id))
    if why_not is None:
        vocabulary.save(target)
        save_trimmed_ids(target, vocabulary, {name: split.ids for name, split in splits.items()})
        _check_arrays(target)
    (target / "about.json").write_text(json.dumps({"why not trimmed": why_not}), encoding="utf-8")


def _teacher_rows(inputs: Inputs, train: EncodedSplit) -> np.ndarray:
    return inputs.training_rows(train) if inputs.teacher_saw_same else np.arange(len(train))


def _train_teacher(inputs: Inputs, target: Path, work: Path, numerics: Numerics) -> None:
    """Fine-tune the base model on the training data with labels only; weights of the last step."""
    config, train = inputs.config, inputs.split("train")
    seed = stream(config.teacher_seed, "teacher")
    begin = new_classifier if inputs.vocabulary is None else classifier_on  # what is trimmed is copied anyway
    start = begin(inputs.base_folder, inputs.task.labels, seed)
    teacher: Any = trim(start, inputs.vocabulary)
    teacher.to(numerics.device)
    step_loss = classifier_step(
        teacher,
        train,
        _teacher_rows(inputs, train),
        inputs.pad_id,
        config.teacher_batch_size,
        seed,
        numerics.device,
        lambda logits, labels, targets: cross_entropy(logits, labels),
    )
    recipe = Recipe(config.teacher_steps, config.teacher_learning_rate, seed)
    if train_to_the_end(Training(teacher, step_loss, recipe, numerics), work).diverged:
        rate = f"{config.teacher_learning_rate:g}"
        raise RequestError(f"the teacher diverged at learning rate {rate}: --set teacher_learning_rate lower")
    with quiet():
        put_back(teacher, inputs.vocabulary, start).save_pretrained(target)
        load_tokenizer(inputs.base_folder).save_pretrained(target)
    about = {"recipe": inputs.teacher_recipe, "numerics": asdict(numerics)}
    (target / "kdstudy.json").write_text(json.dumps(about, indent=1), encoding="utf-8")


def _predict(
    inputs: Inputs, name: str, threads: int, load: Callable[[], Any], target: Path, work: Path
) -> None:
    """Teacher logits and scores on one split; exact once, since an evaluation-mode teacher is a function."""
    numerics = Numerics.here(threads)
    split = inputs.split(name)
    whole = load()
    teacher: Any = trim(whole, inputs.vocabulary)
    teacher.to(numerics.device)
    if name == "train" and inputs.teacher_saw_same:
        rows = _teacher_rows(inputs, split)
        logits = np.full((len(split), len(inputs.task.labels)), np.nan, dtype=np.float32)
        logits[rows] = predict_logits(teacher, split.take(rows), inputs.pad_id, numerics)
    else:
        rows = np.arange(len(split))
        logits = predict_logits(teacher, split, inputs.pad_id, numerics)
    if not np.isfinite(logits[rows]).all():
        raise RequestError(
            "the teacher gives outputs that are not numbers: --set teacher_learning_rate lower"
        )
    np.save(target / "logits.npy", logits)
    _check_arrays(target)
    scores = score(
        logits[rows].argmax(axis=1), split.labels[rows], split.languages[rows], inputs.task.languages
    )
    scores["time_ms"] = int(time.time() * 1000)  # when it was measured, for MLflow
    scores["numerics"] = {"outputs": asdict(numerics)}
    if (about := inputs.teacher_folder / "kdstudy.json").exists():  # it was trained here
        scores["numerics"]["training"] = json.loads(about.read_text(encoding="utf-8"))["numerics"]
    scores["parameters"] = sum(p.numel() for p in whole.parameters())
    (target / "scores.json").write_text(json.dumps(scores, indent=1), encoding="utf-8")


def _check_arrays(target: Path) -> None:
    """Read back what NumPy wrote: of a disk that fills up in an array's last bytes it says nothing.

    It hands the array to C's buffered files, and takes no notice of what closing one answers. A manifest of
    hashes would then vouch for an array cut short.
    """
    for path in target.glob("*.npy"):
        try:
            np.load(path, allow_pickle=False)
        except (EOFError, ValueError):
            raise OSError(errno.ENOSPC, "the disk did not take all of it", str(path)) from None
