"""Classifiers at full depth: what a teacher starts from, and what a given teacher must be."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import nn
from transformers import PreTrainedConfig

from study.errors import RequestError
from study.streams import stream
from study.trial.data.task import Kind
from study.trial.models.loading import (
    classifier_class,
    kind_of,
    labelled,
    load,
    own_memory,
    quiet,
    read_config,
    seeded,
    skeleton,
)
from study.trial.models.native import check_described, check_positions
from study.trial.models.placed import check_placed, in_short
from study.trial.models.tokenizer import check_same_tokenizer, load_tokenizer
from study.trial.models.values import check_values
from study.trial.models.weights import exact_dtype

if TYPE_CHECKING:  # the modelling code takes seconds to import, and a driver never runs a model
    from transformers import PreTrainedModel

__all__ = ["check_teacher", "classifier_on", "import_teacher", "load_classifier", "new_classifier"]


def classifier_on(base: Path, labels: Sequence[str], seed: int, kind: Kind = "text") -> PreTrainedModel:
    """The base model in `base` with a new head for `labels`, float32, in evaluation mode.

    The head is drawn from the stream (seed, "head"), and so is a pooler if the base model has none. The
    copied tensors map the files in `base` and must not be written to.

    Raises:
        RequestError: if the files lack a part of the encoder, have tensors without a place, or have a head of
            their own (`import_encoder` drops a head).
    """
    config = labelled(read_config(base), labels, kind)
    with seeded(stream(seed, "head")):
        model, info = load(classifier_class(config), base, config=config, dtype=torch.float32)
    missing, encoder = set(info["missing_keys"]), f"{model.base_model_prefix}."
    if lost := [name for name in missing if name.startswith(encoder) and "pooler" not in name]:
        raise RequestError(f"{base}: its weights lack {in_short(lost, ' of the encoder')}")
    check_placed(base, model, info["unexpected_keys"])
    if old := sorted(n for n in model.state_dict() if not n.startswith(encoder) and n not in missing):
        raise RequestError(f"{base}: not a base model alone, it has a head: {', '.join(old)}")
    return model


def new_classifier(base: Path, labels: Sequence[str], seed: int, kind: Kind = "text") -> PreTrainedModel:
    """The classifier that a teacher starts from: `classifier_on`, in memory of its own."""
    return own_memory(classifier_on(base, labels, seed, kind))


def load_classifier(folder: Path, labels: Sequence[str] | None = None) -> PreTrainedModel:
    """The classifier in `folder`, float32, in evaluation mode; its tensors map the files.

    Raises:
        RequestError: if weights are missing (such as the head of a model that is no classifier) or have no
            place, or the classes are not `labels` in this order.
    """
    config = read_config(folder)
    if labels is not None and _classes(folder, config) != list(labels):
        raise RequestError(f"{folder}: its classes are not the task's in their order")
    model, info = load(classifier_class(config), folder, config=config, dtype=torch.float32)
    if lost := info["missing_keys"]:
        what = "sequence" if kind_of(config) == "text" else "token"
        raise RequestError(f"{folder}: not a fine-tuned {what} classifier: its weights lack {in_short(lost)}")
    check_placed(folder, model, info["unexpected_keys"])
    return model


def check_teacher(folder: Path, labels: Sequence[str], base: Path, kind: Kind = "text") -> None:
    """Check that the model in `folder` can teach students of the base model in `base` the classes `labels`.

    The model must be a classifier of texts or of tokens, as `kind` says, with exactly these classes, in any
    order. It must have the base
    model's shape, because students copy from either, and the base model's tokenizer, because both read the
    same token ids.

    Raises:
        RequestError: if a condition fails; the message names the first such condition.
    """
    config = read_config(folder)
    check_described(folder, config)
    check_values(config)
    if kind_of(config) != kind:
        right = "ForTokenClassification" if kind == "token" else "ForSequenceClassification"
        raise RequestError(
            f"{folder / 'config.json'}: architectures: {config.architectures} labels a {kind_of(config)}, "
            f"and the task has a label for each {kind}; a model ...{right} is right"
        )
    if config.problem_type not in (None, "single_label_classification"):
        raise RequestError(
            f"{folder / 'config.json'}: problem_type: {config.problem_type!r} is no choice of one class; "
            "a teacher of single_label_classification is right"
        )
    classes = _classes(folder, config)
    if sorted(classes) != sorted(labels):
        theirs = ", ".join(sorted(set(classes) - set(labels))[:5]) or "no others"
        ours = ", ".join(sorted(set(labels) - set(classes))[:5]) or "none"
        unnamed = all(re.fullmatch(r"LABEL_\d+", name) for name in classes)
        remedy = "; id2label in its config.json must name the task's labels" if unnamed else ""
        raise RequestError(
            f"{folder}: its classes are not the task's: it has {theirs}, and lacks {ours}{remedy}"
        )
    base_config = labelled(read_config(base), labels, kind)
    shapes, base_shapes = (
        {name: tuple(p.shape) for name, p in skeleton(c).named_parameters()} for c in (config, base_config)
    )
    if config.model_type != base_config.model_type or shapes != base_shapes:
        theirs, ours = (
            f"{c.model_type} of {c.num_hidden_layers} layers x {c.hidden_size} with {c.vocab_size} tokens"
            for c in (config, base_config)
        )
        raise RequestError(f"{folder}: it is a {theirs}, the base model a {ours}: no student is between them")
    check_same_tokenizer(folder, base)
    exact_dtype(folder)
    _rows_of_classes(load_classifier(folder))
    check_positions(folder, config)


def import_teacher(
    source: Path, target: Path, labels: Sequence[str], base: Path, kind: Kind = "text"
) -> None:
    """Save the teacher in `source` into `target`, in float32, with its classes in the order of `labels`.

    Raises:
        RequestError: as `check_teacher`.
    """
    check_teacher(source, labels, base, kind)
    model = own_memory(load_classifier(source))
    classes = _classes(source, model.config)
    rows = torch.tensor([classes.index(label) for label in labels])
    with torch.no_grad():
        for parameter in _rows_of_classes(model):
            parameter.copy_(parameter[rows])
    model.config = labelled(model.config, labels, kind)
    with quiet():
        model.save_pretrained(target)
    load_tokenizer(source).save_pretrained(target)


def _classes(folder: Path, config: PreTrainedConfig) -> list[str]:
    """Names of the classes, in the order of their ids; a number is its own name.

    Raises:
        RequestError: if a class has no name, or label2id contradicts id2label.
    """
    assert config.id2label is not None
    names = [name for _, name in sorted(config.id2label.items())]
    file = folder / "config.json"
    for place, name in enumerate(names):
        if isinstance(name, bool) or not isinstance(name, str | int):
            raise RequestError(f"{file}: id2label: class {place} has the name {name!r}; a text is right")
    classes = [str(name) for name in names]
    stated = {str(name): place for name, place in (config.label2id or {}).items()}
    for place, name in enumerate(classes):
        if stated.get(name, place) != place:
            raise RequestError(
                f"{file}: label2id: {name} is class {stated[name]}, and class {place} in id2label; "
                "the same order in both is right"
            )
    return classes


def _rows_of_classes(model: PreTrainedModel) -> list[nn.Parameter]:
    """The tensors of `model` that have one row for each class: weights and bias of the head's last layer.

    They are found by what becomes larger in a model with one more class, so neither their names, nor their
    place in the model, nor other layers of the same width have a part in this.

    Raises:
        RequestError: if there are none.
    """
    classes = int(model.config.num_labels or 0)
    names = [str(place) for place in range(classes + 1)]
    larger = dict(skeleton(labelled(model.config, names, kind_of(model.config))).named_parameters())
    found = [p for name, p in model.named_parameters() if p.shape != larger[name].shape]
    if not found or any(len(p) != classes for p in found):
        raise RequestError(f"{model.config.model_type}: its classifier does not end in a linear layer")
    return found
