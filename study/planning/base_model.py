"""The base model and a given teacher: found, looked at, and stored by their fingerprints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from transformers import PreTrainedConfig

from study.config import digest
from study.errors import RequestError
from study.planning.request import EMBEDDED
from study.storage.artifacts import Store
from study.storage.disk import stopped_by_a_full_disk
from study.trial.models.embedded import encoder_config
from study.trial.models.encoder import check_encoder, import_encoder, resolve_folder
from study.trial.models.fingerprint import encoder_fingerprint
from study.trial.models.loading import read_config
from study.trial.models.teacher import check_teacher
from study.trial.pretraining import PRETRAINING, pretrain
from study.trial.training import Numerics

__all__ = ["Model", "find_model", "find_teacher", "store_model"]

POSITIONS_FROM_PAD = {"roberta", "xlm-roberta", "xlm-roberta-xl", "camembert", "mpnet"}
"""Architectures whose first position is the pad id + 1."""


@dataclass(frozen=True)
class Model:
    """A base model that was found and looked at, and not yet stored.

    folder and fingerprint are missing for the embedded encoder until it has been built.
    """

    source: str
    config: PreTrainedConfig
    folder: Path | None = None
    fingerprint: str | None = None

    @property
    def learning_rate(self) -> float:
        """Peak learning rate where a request names none.

        The paper's 5e-5 at XLM-RoBERTa base's width, scaled by 1 / width (Yang et al. 2022, arXiv
        2203.03466); the embedded encoder is hardly pretrained and learns better at 1e-3.
        """
        if self.source == EMBEDDED:
            return 1e-3
        return 5e-5 * 768 / int(self.config.hidden_size)

    @property
    def longest(self) -> int:
        """Tokens of the longest text that its position embeddings reach."""
        positions = int(getattr(self.config, "max_position_embeddings", 512))
        counts_from_pad = self.config.model_type in POSITIONS_FROM_PAD
        return positions - (self.config.pad_token_id + 1 if counts_from_pad else 0)


def find_model(store: Store, source: str) -> Model:
    """Look at the base model `source`: `EMBEDDED`, a folder, or a hub id. Writes nothing.

    Raises:
        RequestError: where there is no such encoder, or it is not one that a student can be built from.
    """
    if source != EMBEDDED:
        folder = resolve_folder(source)
    elif store.has("embedded", digest(PRETRAINING)):
        folder = store.path("embedded", digest(PRETRAINING))
    else:
        return Model(source, encoder_config())
    check_encoder(folder)
    return Model(source, read_config(folder), folder, encoder_fingerprint(folder))


@stopped_by_a_full_disk()
def store_model(store: Store, source: str, threads: int) -> Model:
    """Put the base model into the store, the embedded one pretrained first.

    Raises:
        StudyStopped: where the disk is full or read-only.
    """
    if source == EMBEDDED:
        store.build(
            "embedded",
            digest(PRETRAINING),
            lambda target, work: pretrain(target, work, Numerics.here(threads)),
        )
    model = find_model(store, source)
    assert model.folder is not None
    assert model.fingerprint is not None
    store.build("models", model.fingerprint, lambda target, work: import_encoder(str(model.folder), target))
    return model


def find_teacher(source: str, labels: Sequence[str], base: Path | None) -> str:
    """Fingerprint of the given fine-tuned teacher `source`, a folder or a hub id. Writes nothing.

    Raises:
        RequestError: where its labels are not the task's, or its tokenizer not the base model's.
    """
    if base is None:
        raise RequestError("--teacher: needs --model as well, the base model that it was fine-tuned from")
    folder = resolve_folder(source)
    check_teacher(folder, labels, base)
    return encoder_fingerprint(folder)
