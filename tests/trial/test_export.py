"""An exported student in plain transformers: the pipeline's answers are the trial's own logits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from study.storage.attempts import student_folder
from study.trial.classifier import predict_logits
from study.trial.export import write_student
from study.trial.models.loading import kind_of, read_config
from study.trial.models.teacher import load_classifier
from study.trial.prepare import Preparation
from study.trial.training import Numerics


@pytest.fixture(scope="module", params=["text", "token"])
def exported(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """(workshop, config, folder of the trial, exported folder) for each kind of task."""
    shop = request.getfixturevalue("workshop" if request.param == "text" else "tagged_workshop")
    config, root = shop.config(), tmp_path_factory.mktemp("export")
    list(shop.trial(config, root / "trial"))
    kept = student_folder(root / "trial")
    assert kept is not None
    write_student(kept, config, Preparation(shop.store), root / "out")
    return shop, config, kept, root / "out"


def test_the_folder_is_a_model_of_the_tasks_kind_with_its_labels(exported: Any) -> None:
    shop, _, _, folder = exported
    config = read_config(folder)
    assert kind_of(config) == shop.task.kind
    assert config.id2label == dict(enumerate(shop.task.labels))
    assert config.label2id == {label: i for i, label in enumerate(shop.task.labels)}


def test_the_pipeline_answers_with_the_trials_own_logits(exported: Any) -> None:
    from transformers import pipeline

    shop, config, kept, folder = exported
    inputs = shop.inputs(config)
    split = inputs.split("validation")
    ours = predict_logits(load_classifier(kept), split, inputs.pad_id, Numerics.here())
    texts = list(shop.task.splits["validation"].texts)
    answer: Any
    if shop.task.kind == "text":
        answer = pipeline("text-classification", model=str(folder), device="cpu")
        for logits, found in zip(ours, answer(texts, truncation=True, top_k=None), strict=True):
            expected = dict(zip(shop.task.labels, torch.tensor(logits).softmax(0).tolist(), strict=True))
            assert {one["label"]: one["score"] for one in found} == pytest.approx(expected, abs=1e-5)
        return
    answer = pipeline("token-classification", model=str(folder), device="cpu", ignore_labels=[])
    for row, text in enumerate(texts):
        items = split.items(np.array([row]))
        by_token = {one["index"]: one for one in answer(text)}  # every token but the special ones
        assert split.places is not None
        for item, place in zip(items, split.places[items], strict=True):
            probability = torch.tensor(ours[item]).softmax(0)
            assert by_token[place]["entity"] == shop.task.labels[int(probability.argmax())]
            assert by_token[place]["score"] == pytest.approx(float(probability.max()), abs=1e-5)
