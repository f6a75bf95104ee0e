"""A step's loss and a split's logits, against the model called by hand."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from study.trial.classifier import TrainingData, classifier_step, predict_logits
from study.trial.data.batches import TrainingBatches
from study.trial.data.sources import load_task
from study.trial.data.tokens import EncodedSplit, encode_task, load_encoded_split
from study.trial.losses.objective import cross_entropy
from study.trial.models.teacher import new_classifier
from study.trial.models.tokenizer import load_tokenizer
from study.trial.training import Numerics

LABELS = ("alarm", "music", "news", "weather")
PAD = 1
ROWS = np.arange(5, 45)


@pytest.fixture(scope="module")
def split(task_folder: Path, model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> EncodedSplit:
    folder = tmp_path_factory.mktemp("tokens")
    encode_task(load_task(str(task_folder)), load_tokenizer(model_folder), 32, folder)
    return load_encoded_split(folder, "train")


@pytest.fixture
def model(base_folder: Path) -> Any:
    return new_classifier(base_folder, LABELS, 0)


def step_of(
    model: Any, split: EncodedSplit, objective: Callable[..., Any], targets: np.ndarray | None = None
) -> Callable[[int], tuple[torch.Tensor, torch.Tensor]]:
    return classifier_step(model, TrainingData(split, ROWS, PAD, targets), objective, 8, 0, "cpu")


def with_labels(logits: torch.Tensor, labels: torch.Tensor, targets: Any) -> torch.Tensor:
    return cross_entropy(logits, labels)


def test_a_steps_loss_is_the_models_on_the_rows_of_its_batch(model: Any, split: EncodedSplit) -> None:
    rows = ROWS[TrainingBatches(split.lengths[ROWS], 8, 0).rows(3)]
    logits = model(**split.padded(rows, PAD)).logits
    expected = F.cross_entropy(logits, torch.from_numpy(split.labels[rows]))
    loss, uninformed = step_of(model, split, with_labels)(3)
    assert torch.equal(loss, expected)
    assert loss.requires_grad
    assert uninformed.item() == pytest.approx(math.log(4))
    assert not uninformed.requires_grad


def test_teacher_logits_come_with_their_rows(model: Any, split: EncodedSplit) -> None:
    targets = np.random.default_rng(0).normal(size=(len(split), 4)).astype(np.float32)
    targets.flags.writeable = False
    rows = ROWS[TrainingBatches(split.lengths[ROWS], 8, 0).rows(2)]
    given: list[torch.Tensor] = []

    def objective(logits: torch.Tensor, labels: torch.Tensor, theirs: torch.Tensor) -> torch.Tensor:
        given.append(theirs.clone())
        theirs.zero_()  # what a trial does to its batch reaches no other trial
        return logits.sum()

    step_of(model, split, objective, targets)(2)
    assert np.array_equal(given[0].numpy(), targets[rows])


def test_the_scale_of_divergence_is_never_below_that_of_labels(model: Any, split: EncodedSplit) -> None:
    def distance(logits: torch.Tensor, labels: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return F.mse_loss(logits, targets)

    silent = np.full((len(split), 4), 1e-6, dtype=np.float32)
    loud = np.full((len(split), 4), 3.0, dtype=np.float32)
    assert step_of(model, split, distance, silent)(0)[1].item() == pytest.approx(math.log(4))
    assert step_of(model, split, distance, loud)(0)[1].item() == pytest.approx(9.0)


def test_logits_stand_in_the_order_of_the_rows(model: Any, split: EncodedSplit) -> None:
    numerics = Numerics.here(1)
    logits = predict_logits(model.train(), split, PAD, numerics)
    assert not model.training
    assert logits.shape == (len(split), 4)
    assert logits.dtype == np.float32
    with torch.no_grad():
        alone = [model(**split.padded(np.array([row]), PAD)).logits[0].numpy() for row in range(0, 240, 17)]
    assert np.allclose(logits[::17], alone, atol=1e-5)
    assert len({tuple(row) for row in logits.tolist()}) > 200


def test_logits_are_the_same_to_the_bit_each_time(model: Any, split: EncodedSplit) -> None:
    numerics = Numerics.here(1)
    first = predict_logits(model, split, PAD, numerics)
    torch.manual_seed(1)
    assert np.array_equal(predict_logits(model.train(), split, PAD, numerics), first)


def test_evaluation_keeps_nothing_for_a_backward_pass(model: Any, split: EncodedSplit) -> None:
    modes: list[bool] = []
    model.register_forward_pre_hook(lambda *_: modes.append(torch.is_inference_mode_enabled()))
    predict_logits(model, split, PAD, Numerics.here(1))
    step_of(model, split, with_labels)(0)
    assert modes[-1] is False
    assert set(modes[:-1]) == {True}
