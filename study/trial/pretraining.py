"""Pretraining of the embedded encoder, the default base model, on phrasebook's training texts."""

from __future__ import annotations

import math
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from study.streams import stream
from study.trial.data.batches import TrainingBatches
from study.trial.data.phrasebook.task import phrasebook
from study.trial.data.tokens import encode_task, load_encoded_split
from study.trial.losses.objective import cross_entropy
from study.trial.models.embedded import build_tokenizer, contrast, mask_tokens, new_encoder
from study.trial.models.loading import quiet
from study.trial.training import Numerics, Recipe, Training, train_to_the_end

__all__ = ["PRETRAINING", "pretrain"]

PRETRAINING = {
    "version": 3,
    "steps": 300,
    "batch_size": 32,
    "learning_rate": 1e-3,
    "masked": 0.3,
    "seed": 0,
    "length": 64,
}
"""All that decides the encoder's bits besides the code; raise `version` if new code changes them."""


def pretrain(target: Path, work: Path, numerics: Numerics) -> None:
    """Pretrain the embedded encoder and save it with its tokenizer in `target`; checkpoints are in `work`.

    loss = masked-LM cross entropy on two corruptions of each text + `contrast` between the two corruptions.
    """
    task = phrasebook()
    seed, length, size = (int(PRETRAINING[k]) for k in ("seed", "length", "batch_size"))
    share = float(PRETRAINING["masked"])
    tokenizer = build_tokenizer(task.splits["train"].texts)
    with tempfile.TemporaryDirectory() as folder:
        encode_task(task, tokenizer, length, Path(folder))
        train = load_encoded_split(Path(folder), "train")
        model: Any = new_encoder(tokenizer, seed)
        model.to(numerics.device)
        batches = TrainingBatches(train.lengths, size, seed)
        uninformed = torch.tensor(math.log(model.config.vocab_size * size), device=numerics.device)

        def step_loss(step: int) -> tuple[Tensor, Tensor]:
            inputs = train.padded(np.tile(batches.rows(step), 2), tokenizer.pad_token_id)
            ids, labels = mask_tokens(
                inputs["input_ids"], inputs["attention_mask"], tokenizer, stream(seed, "mask", step), share
            )
            ids, labels, mask = (t.to(numerics.device) for t in (ids, labels, inputs["attention_mask"]))
            hidden = model.base_model(ids, mask).last_hidden_state
            first, second = hidden[:, 0].chunk(2)
            chosen = (
                labels >= 0
            )  # even at these tokens alone, the vocabulary's softmax is a third of the cost
            masked_lm = cross_entropy(model.lm_head(hidden[chosen]), labels[chosen])
            return masked_lm + contrast(first, second), uninformed

        recipe = Recipe(int(PRETRAINING["steps"]), float(PRETRAINING["learning_rate"]), seed)
        if train_to_the_end(Training(model, step_loss, recipe, numerics), work).diverged:
            raise RuntimeError(f"the embedded encoder's pretraining diverged: {PRETRAINING}")
    with quiet():
        model.save_pretrained(target)
        tokenizer.save_pretrained(target)
