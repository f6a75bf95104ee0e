"""The base model and a given teacher: found, checked, and stored by their fingerprints.

Torch and transformers are imported when a model is read, so that a command that reads none starts fast.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from study.config import digest
from study.errors import RequestError
from study.planning.request import EMBEDDED
from study.storage.artifacts import Store
from study.storage.disk import stopped_by_a_full_disk

if TYPE_CHECKING:
    from transformers import PreTrainedConfig

    from study.trial.data.task import Kind

__all__ = ["Model", "find_model", "find_teacher", "longest_text", "store_model"]


@dataclass(frozen=True)
class Model:
    """A base model that was found and checked, and need not be in the store yet.

    source: what the request names. folder: the model's files. fingerprint: sha256 of their content. The
    embedded encoder has neither folder nor fingerprint until it is built.
    """

    source: str
    folder: Path | None = None
    fingerprint: str | None = None

    @cached_property
    def config(self) -> PreTrainedConfig:
        """The model's configuration, read from its folder."""
        if self.folder is None:
            from study.trial.models.embedded import encoder_config

            return encoder_config()
        from study.trial.models.loading import read_config

        return read_config(self.folder)

    @property
    def learning_rate(self) -> float:
        """Peak learning rate if a request names none.

        The paper's 5e-5 at XLM-RoBERTa base's width of 768, scaled by 1 / width (Yang et al. 2022, arXiv
        2203.03466). The embedded encoder is hardly pretrained and learns better at 1e-3.
        """
        if self.source == EMBEDDED:
            return 1e-3
        return 5e-5 * 768 / int(self.config.hidden_size)

    @cached_property
    def longest(self) -> int:
        """Tokens of the longest text that the model's position embeddings reach."""
        return longest_text(self.config)


def longest_text(config: PreTrainedConfig) -> int:
    """Tokens of the longest text that the position embeddings of a model with `config` reach.

    RoBERTa, and whatever descends from RoBERTa, counts positions from the padding token's id + 1. Their table
    of positions has a row for padding, and no other table of positions has such a row.

    Raises:
        RequestError: if the library cannot build the model.
    """
    from study.trial.models.loading import skeleton

    positions = getattr(config, "max_position_embeddings", None)
    if not isinstance(positions, int):
        return 512
    padding = [
        module.padding_idx
        for name, module in skeleton(config).named_modules()
        if name.endswith("position_embeddings") and getattr(module, "padding_idx", None) is not None
    ]
    return positions - (int(padding[0]) + 1 if padding else 0)


def find_model(store: Store, source: str) -> Model:
    """Find and check the base model `source`: `EMBEDDED`, a folder, or a hub id. Writes nothing.

    Raises:
        RequestError: if there is no such encoder, or no student can be built from it.
    """
    from study.trial.models.encoder import check_encoder, check_weights, resolve_folder
    from study.trial.models.fingerprint import encoder_fingerprint
    from study.trial.pretraining import PRETRAINING

    if source != EMBEDDED:
        folder = resolve_folder(source)
    elif store.has("embedded", digest(PRETRAINING)):
        folder = store.path("embedded", digest(PRETRAINING))
    else:
        return Model(source)
    check_encoder(folder)
    check_weights(folder)
    return Model(source, folder, encoder_fingerprint(folder))


@stopped_by_a_full_disk()
def store_model(store: Store, source: str, threads: int) -> Model:
    """Copy the base model into the store; the embedded one is pretrained first.

    Raises:
        StudyStopped: if the disk is full or read-only.
    """
    from study.trial import pretraining
    from study.trial.models.encoder import import_encoder
    from study.trial.training import Numerics

    if source == EMBEDDED:
        store.build(
            "embedded",
            digest(pretraining.PRETRAINING),
            lambda target, work: pretraining.pretrain(target, work, Numerics.here(threads)),
        )
    model = find_model(store, source)
    assert model.folder is not None
    assert model.fingerprint is not None
    store.build("models", model.fingerprint, lambda target, work: import_encoder(str(model.folder), target))
    return model


def find_teacher(source: str, labels: Sequence[str], base: Path | None, kind: Kind = "text") -> str:
    """Fingerprint of the given fine-tuned teacher `source`, a folder or a hub id. Writes nothing.

    Raises:
        RequestError: if its labels are not the task's labels, or its tokenizer is not the base model's.
    """
    from study.trial.models.encoder import resolve_folder
    from study.trial.models.fingerprint import encoder_fingerprint
    from study.trial.models.teacher import check_teacher

    if base is None:
        raise RequestError("--teacher: needs --model as well, the base model that it was fine-tuned from")
    folder = resolve_folder(source)
    check_teacher(folder, labels, base, kind)
    return encoder_fingerprint(folder)
