"""Sequence classifiers at full depth: what a teacher starts from, and what a given teacher must be."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import nn
from transformers import PreTrainedConfig

from study.errors import RequestError
from study.streams import stream
from study.trial.models.description import check_description
from study.trial.models.loading import (
    classifier_class,
    labelled,
    load,
    own_memory,
    quiet,
    read_config,
    seeded,
    skeleton,
)
from study.trial.models.tokenizer import check_same_tokenizer, load_tokenizer

if TYPE_CHECKING:  # the modelling code takes seconds to import, and a driver never runs a model
    from transformers import PreTrainedModel

__all__ = ["check_teacher", "classifier_on", "import_teacher", "load_classifier", "new_classifier"]


def classifier_on(base: Path, labels: Sequence[str], seed: int) -> PreTrainedModel:
    """The base model in `base` with a new head for `labels`, float32, in evaluation mode.

    The head is drawn from the stream (seed, "head"), and so is a pooler if the base model has none. The
    copied tensors map the files in `base` and must not be written to.

    Raises:
        RequestError: if the files lack a part of the encoder, or have a head of their own (`import_encoder`
            drops a head).
    """
    config = labelled(read_config(base), labels)
    with seeded(stream(seed, "head")):
        model, info = load(classifier_class(config), base, config=config, dtype=torch.float32)
    missing, encoder = set(info["missing_keys"]), f"{model.base_model_prefix}."
    if lost := sorted(name for name in missing if name.startswith(encoder) and "pooler" not in name):
        raise RequestError(f"{base}: its weights lack {len(lost)} tensors of the encoder, as {lost[0]}")
    if old := sorted(n for n in model.state_dict() if not n.startswith(encoder) and n not in missing):
        raise RequestError(f"{base}: not a base model alone, it has a head: {', '.join(old)}")
    return model


def new_classifier(base: Path, labels: Sequence[str], seed: int) -> PreTrainedModel:
    """The classifier that a teacher starts from: `classifier_on`, in memory of its own."""
    return own_memory(classifier_on(base, labels, seed))


def load_classifier(folder: Path, labels: Sequence[str] | None = None) -> PreTrainedModel:
    """The sequence classifier in `folder`, float32, in evaluation mode; its tensors map the files.

    Raises:
        RequestError: if weights are missing (such as the head of a model that is no classifier), or the
            classes are not `labels` in this order.
    """
    config = read_config(folder)
    if labels is not None and list(_classes(config)) != list(labels):
        raise RequestError(f"{folder}: its classes are not the task's in their order")
    model, info = load(classifier_class(config), folder, config=config, dtype=torch.float32)
    if lost := sorted(info["missing_keys"]):
        raise RequestError(
            f"{folder}: not a fine-tuned sequence classifier: its weights lack {', '.join(lost)}"
        )
    return model


def check_teacher(folder: Path, labels: Sequence[str], base: Path) -> None:
    """Check that the model in `folder` can teach students of the base model in `base` the classes `labels`.

    The model must be a sequence classifier with exactly these classes, in any order. It must have the base
    model's shape, because students copy from either, and the base model's tokenizer, because both read the
    same token ids.

    Raises:
        RequestError: if a condition fails; the message names the first such condition.
    """
    config = read_config(folder)
    check_description(config)
    classes = _classes(config)
    if sorted(classes) != sorted(labels):
        theirs = ", ".join(sorted(set(classes) - set(labels))[:5]) or "no others"
        ours = ", ".join(sorted(set(labels) - set(classes))[:5]) or "none"
        raise RequestError(f"{folder}: its classes are not the task's: it has {theirs}, and lacks {ours}")
    base_config = labelled(read_config(base), labels)
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
    load_classifier(folder)


def import_teacher(source: Path, target: Path, labels: Sequence[str], base: Path) -> None:
    """Save the teacher in `source` into `target`, in float32, with its classes in the order of `labels`.

    Raises:
        RequestError: as `check_teacher`.
    """
    check_teacher(source, labels, base)
    model = own_memory(load_classifier(source))
    classes = _classes(model.config)
    rows = torch.tensor([classes.index(label) for label in labels])
    head = _output_layer(model)
    with torch.no_grad():
        for parameter in head.parameters():
            parameter.copy_(parameter[rows])
    model.config = labelled(model.config, labels)
    with quiet():
        model.save_pretrained(target)
    load_tokenizer(source).save_pretrained(target)


def _classes(config: PreTrainedConfig) -> list[str]:
    """Names of the classes, in the order of their ids."""
    assert config.id2label is not None
    return [name for _, name in sorted(config.id2label.items())]


def _output_layer(model: PreTrainedModel) -> nn.Linear:
    """The layer whose rows are the classes: the last linear layer with as many outputs, whatever its name."""
    width = model.config.num_labels
    linear = [m for m in model.modules() if isinstance(m, nn.Linear) and m.out_features == width]
    if not linear:
        raise RequestError(f"{model.config.model_type}: its classifier does not end in a linear layer")
    return linear[-1]
