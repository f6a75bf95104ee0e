"""What the trainings of student and teacher share: the loss of a step, and logits on a whole split."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from study.trial.data.batches import TrainingBatches, evaluation_batches
from study.trial.data.tokens import EncodedSplit
from study.trial.models.afresh import read_afresh
from study.trial.models.unread import skip_unread
from study.trial.training import Numerics

__all__ = ["TrainingData", "classifier_step", "predict_logits"]

Objective = Callable[[Tensor, Tensor, Tensor | None], Tensor]
"""(student logits [B x K], labels [B], teacher logits [B x K] or None) -> scalar loss.

B: the items of the batch: its texts, or in a token task the words of its texts. So the loss of a batch is the
mean over all its words."""


@dataclass(frozen=True, eq=False)
class TrainingData:
    """What a classifier is trained on: the rows `rows` of `split`.

    rows: indices into `split`; pad_id: the padding token, as the split has it;
    teacher_logits: [items of the split x classes] float32, or None if the objective has labels alone.
    """

    split: EncodedSplit
    rows: np.ndarray
    pad_id: int
    teacher_logits: np.ndarray | None = None


def classifier_step(
    model: Any, data: TrainingData, objective: Objective, batch_size: int, seed: int, device: str
) -> Callable[[int], tuple[Tensor, Tensor]]:
    """`step_loss` of `Training` for a classifier on `data`; `seed` decides the batches."""
    split, rows, teacher_logits = data.split, data.rows, data.teacher_logits
    batches = TrainingBatches(split.lengths[rows], batch_size, seed)
    read_afresh(model)
    skip_unread(model)

    def step_loss(step: int) -> tuple[Tensor, Tensor]:
        chosen = rows[batches.rows(step)]
        items = split.items(chosen)
        labels = _on(device, torch.from_numpy(split.labels[items]))
        targets = None
        if teacher_logits is not None:
            targets = _on(device, torch.from_numpy(np.array(teacher_logits[items])))
        logits = _item_logits(model, split, chosen, data.pad_id, device)
        with torch.no_grad():
            uninformed = objective(torch.zeros_like(logits), labels, targets)
            # A teacher that has learnt little gives nearly zero logits, and a loss near zero is no scale.
            uninformed = uninformed.clamp(min=math.log(logits.shape[1]))
        return objective(logits, labels, targets), uninformed

    return step_loss


@torch.inference_mode()
def predict_logits(model: Any, split: EncodedSplit, pad_id: int, numerics: Numerics) -> np.ndarray:
    """Logits of `model` in evaluation mode on all of `split`: [items x classes], float32."""
    read_afresh(model)
    skip_unread(model)
    model.eval()
    found = []
    for rows in evaluation_batches(split.lengths, numerics.device):
        with numerics.autocast():
            logits = _item_logits(model, split, rows, pad_id, numerics.device)
        found.append((split.items(rows), logits.float()))
    out = np.empty((len(split.labels), model.config.num_labels), dtype=np.float32)
    for (
        items,
        logits,
    ) in found:  # in a second loop, since to fetch a result makes the host wait for the device
        out[items] = logits.cpu().numpy()
    return out


def _item_logits(model: Any, split: EncodedSplit, rows: np.ndarray, pad_id: int, device: str) -> Tensor:
    """Logits of `model` for the items of the texts `rows`, [items x classes].

    A token classifier gives [rows x tokens x classes], of which the words' first tokens are read.
    """
    inputs = {k: _on(device, v) for k, v in split.padded(rows, pad_id).items()}
    logits: Tensor = model(**inputs).logits
    places = split.places_in(rows)
    return logits if places is None else logits.flatten(0, 1)[_on(device, places)]


def _on(device: str, tensor: Tensor) -> Tensor:
    """`tensor` on `device`; to a GPU from pinned memory, so that the host need not wait for the copy."""
    if device == "cpu":
        return tensor
    return tensor.pin_memory().to(device, non_blocking=True)
