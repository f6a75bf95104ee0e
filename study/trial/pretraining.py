"""Pretraining of the embedded encoder, the default base model, on a corpus of phrasebook's languages."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from study.streams import stream
from study.trial.data.batches import TrainingBatches
from study.trial.data.phrasebook.corpus import corpus
from study.trial.data.phrasebook.task import phrasebook
from study.trial.data.task import Split
from study.trial.data.tokens import encode_split
from study.trial.models.embedded import bag_of_words_loss, build_tokenizer, mask_tokens, new_encoder
from study.trial.models.loading import quiet
from study.trial.training import Numerics, Recipe, Training, train_to_the_end

__all__ = ["PRETRAINING", "pretrain"]

PRETRAINING = {
    "version": 4,
    "steps": 700,
    "batch_size": 32,
    "learning_rate": 1e-3,
    "masked": 0.15,
    "seed": 0,
    "length": 64,
}
"""All that decides the encoder's bits besides the code; raise `version` if new code changes them."""


def pretrain(target: Path, work: Path, numerics: Numerics) -> None:
    """Pretrain the embedded encoder and save it with its tokenizer in `target`; checkpoints are in `work`.

    The first token's state of a corrupted text predicts which tokens the whole text has
    (`bag_of_words_loss`). No label is read.
    """
    seed, length, size = (int(PRETRAINING[k]) for k in ("seed", "length", "batch_size"))
    share = float(PRETRAINING["masked"])
    texts = corpus(phrasebook())
    tokenizer = build_tokenizer(texts)
    no_ids = np.zeros(len(texts), dtype=np.int64)
    train = encode_split(Split(tuple(texts), no_ids, no_ids), tokenizer, length)
    special = torch.tensor(sorted(tokenizer.all_special_ids))
    model: Any = new_encoder(tokenizer, seed)
    model.to(numerics.device)
    batches = TrainingBatches(train.lengths, size, seed)
    uninformed = torch.tensor(math.log(model.config.vocab_size), device=numerics.device)

    def step_loss(step: int) -> tuple[Tensor, Tensor]:
        inputs = train.padded(batches.rows(step), tokenizer.pad_token_id)
        whole, mask = inputs["input_ids"], inputs["attention_mask"]
        counted = ~torch.isin(whole, special)
        ids, _ = mask_tokens(whole, mask, tokenizer, stream(seed, "mask", step), share)
        ids, mask, whole, counted = (t.to(numerics.device) for t in (ids, mask, whole, counted))
        first = model.base_model(ids, mask).last_hidden_state[:, 0]
        return bag_of_words_loss(model.lm_head(first), whole, counted), uninformed

    recipe = Recipe(int(PRETRAINING["steps"]), float(PRETRAINING["learning_rate"]), seed)
    if train_to_the_end(Training(model, step_loss, recipe, numerics), work).diverged:
        raise RuntimeError(f"the embedded encoder's pretraining diverged: {PRETRAINING}")
    with quiet():
        model.save_pretrained(target)
        tokenizer.save_pretrained(target)
