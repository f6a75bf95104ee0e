"""The part of the baseline that every user has to write: distillation in a `transformers.Trainer`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn
from transformers import AutoModelForSequenceClassification, Trainer

__all__ = ["DistillationTrainer", "student_of"]


class DistillationTrainer(Trainer):
    """alpha * CE + (1 - alpha) * T^2 * KL(teacher || student)."""

    def __init__(self, *args: Any, teacher: nn.Module, alpha: float, temperature: float, **options: Any):
        super().__init__(*args, **options)
        self.teacher = teacher.to(self.args.device).eval()
        self.alpha, self.temperature = alpha, temperature

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        outputs = model(**inputs)
        loss = outputs.loss
        if model.training:
            with torch.no_grad():
                target = self.teacher(**inputs).logits
            soft = F.kl_div(
                F.log_softmax(outputs.logits / self.temperature, dim=-1),
                F.log_softmax(target / self.temperature, dim=-1),
                reduction="batchmean",
                log_target=True,
            )
            loss = self.alpha * loss + (1 - self.alpha) * self.temperature**2 * soft
        return (loss, outputs) if return_outputs else loss


def student_of(teacher: str | Path) -> Any:
    """Every second layer of the teacher, its embeddings and its head."""
    student: Any = AutoModelForSequenceClassification.from_pretrained(teacher)
    student.base_model.encoder.layer = student.base_model.encoder.layer[::2]
    student.config.num_hidden_layers = len(student.base_model.encoder.layer)
    return student
