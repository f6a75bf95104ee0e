"""The first step of a plan's models, taken while the plan is made: it finds what no check foresees.

A configuration decides what the library's code does with a text, and no list of checks knows every field. So
each shape of model that a plan needs takes one step on real texts of the task, forward and backward, before
anything is written. The weights are random: the step is about code and shapes.
"""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn
from transformers import PreTrainedConfig

from study.errors import RequestError
from study.streams import stream
from study.trial.classifier import TrainingData, classifier_step, predict_logits
from study.trial.data.task import Kind
from study.trial.data.tokens import EncodedSplit, encode_split
from study.trial.data.vocabulary import Vocabulary
from study.trial.losses.objective import cross_entropy
from study.trial.models.layer_maps import Groups
from study.trial.models.loading import assemble, automatic_class, because, labelled, quiet, seeded, skeleton
from study.trial.models.shapes import with_layers
from study.trial.models.stack import layer_stack
from study.trial.models.tokenizer import load_tokenizer
from study.trial.models.trimming import special_ids, trimmed_config
from study.trial.parameters import embeddings_of, gradient_norm
from study.trial.training import Numerics

if TYPE_CHECKING:
    from study.trial.data.task import Task

__all__ = ["check_first_step", "longest_and_shortest"]

MOST = 16_000_000  # parameters of all layers: of a larger model, only the first layers take the step
LONG = 200  # texts with the most characters, among which the one with the most tokens is looked for


def check_first_step(
    folder: Path,
    shapes: Sequence[tuple[PreTrainedConfig, Groups]],
    batch: EncodedSplit,
    labels: Sequence[str],
    kind: Kind = "text",
) -> None:
    """Take one step on `batch` with each distinct model of `shapes`. Writes nothing.

    folder: the base model, for its tokenizer and for the message.
    shapes: the configuration of a source, and the source's layers that each layer of the model is made of.
    A model with more than `MOST` parameters in its layers takes the step with its first layers alone: as many
    as have `MOST` parameters, and at least one. So the step needs little memory and time, whatever the size.
    kind: what the models label, texts or tokens.
    batch: texts as `longest_and_shortest` returns them.

    Raises:
        RequestError: if the library fails; the text has the library's reason.
    """
    sources = {id(config): config for config, _ in shapes}
    fit = {key: _layers_that_fit(config) for key, config in sources.items()}
    distinct: dict[str, PreTrainedConfig] = {}
    for config, groups in shapes:
        shape = with_layers(labelled(config, labels, kind), groups[: fit[id(config)]])
        distinct[shape.to_json_string()] = shape
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # two texts are too little work for threads that wait for each other
    try:
        for shape in distinct.values():
            _check(folder, shape, batch)
    finally:
        torch.set_num_threads(threads)


def longest_and_shortest(task: Task, folder: Path, max_length: int) -> EncodedSplit:
    """The training text with the most tokens (at most `max_length`) and the one with the fewest characters.

    Together they have the longest text and the most padding that a step can meet.
    """
    split = task.splits["train"]
    by_characters = sorted(range(len(split)), key=lambda row: len(split.texts[row]))
    rows = [by_characters[0], *by_characters[1:][-LONG:]]
    encoded = encode_split(split.take(np.array(rows)), load_tokenizer(folder), max_length)
    return encoded.take(np.array(list(dict.fromkeys([int(encoded.lengths.argmax()), 0]))))


def _layers_that_fit(config: PreTrainedConfig) -> int:
    """How many layers of a model of `config` have `MOST` parameters together; at least one."""
    model = skeleton(config)
    layers: Any = model.get_submodule(layer_stack(model))
    each = sum(parameter.numel() for parameter in layers.parameters()) / len(layers)
    return max(1, int(MOST // max(1, each)))


def _check(folder: Path, config: PreTrainedConfig, batch: EncodedSplit) -> None:
    """A step on the tokens of `batch` alone, which is cheap; if that fails, on the whole vocabulary."""
    pad = int(getattr(config, "pad_token_id", None) or 0)
    try:
        special = special_ids(config, load_tokenizer(folder))
        vocabulary = Vocabulary.of([batch.ids], special, pad, config.vocab_size)
        ids = vocabulary.trim_ids(batch.ids)
        trimmed = replace(batch, ids=ids)
        _take(trimmed_config(config, vocabulary), trimmed, vocabulary.trim_id(pad))
    except Exception:  # some architectures cannot be built on a part of the vocabulary, and are trained whole
        try:
            _take(config, batch, pad)
        except Exception as error:  # the code of an architecture may raise anything
            model, tokens = f"a {config.model_type} of {config.num_hidden_layers} layers", batch.lengths.max()
            raise RequestError(
                f"{folder}: the first step of {model} on a text of {tokens} tokens fails: "
                f"{because(error)}{_table(error)}"
            ) from error


def _take(config: PreTrainedConfig, batch: EncodedSplit, pad_id: int) -> None:
    """Build a classifier as a student is built, and take a step and an evaluation on `batch`, on the CPU."""
    seed, numerics = stream(0, "first step"), Numerics("cpu", "float32", 1, "", "", "")
    with quiet(), seeded(seed):
        drawn = automatic_class(config).from_config(config, dtype=torch.float32)
        model: Any = assemble(config, dict(drawn.state_dict()))
        for rows in (np.arange(len(batch)), np.array([len(batch) - 1])):  # with padding; the short text alone
            step_loss = classifier_step(
                model,
                TrainingData(batch, rows, pad_id),
                lambda logits, labels, targets: cross_entropy(logits, labels),
                len(rows),
                seed,
                "cpu",
            )
            model.train()
            loss, _ = step_loss(0)
            loss.backward()
            predict_logits(model, batch.take(rows), pad_id, numerics)
        gradient_norm(list(model.parameters()), embeddings_of(model))


def _table(error: Exception) -> str:
    """If an embedding failed, its number of rows: the usual reason is that it has too few."""
    for frame, _ in traceback.walk_tb(error.__traceback__):
        module = frame.f_locals.get("self")
        if isinstance(module, nn.Embedding):
            return f" (an embedding has {module.num_embeddings} rows)"
    return ""
