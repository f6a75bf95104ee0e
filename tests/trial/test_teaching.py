"""The teacher: the same however often its training is stopped, and its outputs its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from study.errors import TeacherDiverged
from study.storage.artifacts import Store
from study.trial import teaching
from study.trial.classifier import TrainingData, classifier_step
from study.trial.models.teacher import load_classifier
from study.trial.models.tokenizer import load_tokenizer
from study.trial.prepare import Preparation
from study.trial.training import Interval, Training
from tests.kills import killed_in

SPLITS = ("train", "validation", "test")


def teacher_bytes(folder: Path) -> bytes:
    return (folder / "model.safetensors").read_bytes()


def test_the_teacher_learns_the_task(workshop: Any) -> None:
    scores = workshop.inputs(workshop.config()).teacher_scores("test")
    assert scores["accuracy"]["worst"] > 0.7
    assert scores["n"] == {"deu": 32, "hau": 32, "yor": 32}


@pytest.mark.parametrize("saves", [1, 4, 10])
def test_a_teacher_continued_from_its_checkpoint_is_the_undisturbed_one(
    workshop: Any, config: Any, fresh_store: Store, saves: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = teacher_bytes(workshop.inputs(config).teacher_folder)
    with monkeypatch.context() as patch:
        if saves < 10:
            killed_in(patch, Training, "save", saves + 1)
        else:
            killed_in(patch, teaching, "load_tokenizer", 1)  # its training is over, its folder half written
        with pytest.raises(KeyboardInterrupt):
            Preparation(fresh_store).build(config, SPLITS)
    assert not any((fresh_store.root / "teachers").glob("*"))
    steps: list[int] = []
    advance = Training.advance

    def noted(self: Training, to: int) -> Interval:
        steps.append(to)
        return advance(self, to)

    monkeypatch.setattr(Training, "advance", noted)
    inputs = Preparation(fresh_store).build(config, SPLITS)
    assert steps == list(range(2 * saves + 2, 21, 2))
    assert teacher_bytes(inputs.teacher_folder) == expected
    assert not any((fresh_store.root / "building").rglob("*.pt"))


def test_its_outputs_are_the_teachers_own_logits(workshop: Any, config: Any) -> None:
    inputs = workshop.inputs(config)
    teacher, tokenizer = load_classifier(inputs.teacher_folder), load_tokenizer(inputs.teacher_folder)
    for name in SPLITS:
        texts = list(workshop.task.splits[name].texts)
        with torch.no_grad():
            direct = [
                teacher(**tokenizer(text, return_tensors="pt")).logits[0].numpy() for text in texts[::7]
            ]
        logits = inputs.teacher_logits(name)
        assert logits.shape == (len(texts), 4)
        assert logits.dtype == np.float32
        assert np.allclose(logits[::7], direct, atol=1e-5)
        right = logits.argmax(axis=1) == workshop.task.splits[name].labels
        languages = workshop.task.splits[name].languages
        by_language = {code: right[languages == i].mean() for i, code in enumerate(workshop.task.languages)}
        assert inputs.teacher_scores(name)["accuracy"]["by_language"] == pytest.approx(by_language)


def test_outputs_cannot_be_written_to(workshop: Any, config: Any) -> None:
    with pytest.raises(ValueError, match="read-only"):
        workshop.inputs(config).teacher_logits("train")[0] = 0.0


def test_a_teacher_of_the_same_data_sees_the_students_sample_alone(
    workshop: Any, config: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    same = config.model_copy(update={"teacher_data": "same", "data_fraction": 0.25})
    rows: list[np.ndarray] = []

    def noted(model: Any, data: TrainingData, *rest: Any) -> Any:
        rows.append(data.rows)
        return classifier_step(model, data, *rest)

    monkeypatch.setattr(teaching, "classifier_step", noted)
    inputs = workshop.inputs(same)
    train = inputs.split("train")
    assert rows[0].tolist() == inputs.training_rows(train).tolist()
    assert len(rows[0]) == 60
    saw = dict.fromkeys(workshop.task.languages, 20)
    assert inputs.teacher_scores("train")["n"] == saw


@pytest.mark.parametrize("rate", [1e6, 1e30])
def test_a_teacher_that_diverges_is_one_line_and_no_artifact(
    workshop: Any, fresh_store: Store, rate: float
) -> None:
    steps = 20 if rate < 1e30 else 1  # of a single step the loss is finite, and what comes of it is not
    config = workshop.config(teacher_learning_rate=rate, teacher_steps=steps)
    for _ in range(2):
        with pytest.raises(TeacherDiverged, match="teacher_learning_rate lower") as caught:
            Preparation(fresh_store).build(config, SPLITS)
        assert len(str(caught.value).splitlines()) == 1
    assert not any((fresh_store.root / "outputs").glob("*/*"))


def test_a_teacher_trained_on_the_full_vocabulary_is_the_same(
    workshop: Any, config: Any, fresh_store: Store
) -> None:
    """To the bit: its folder has all tokens either way, and its outputs are equal."""
    ours, whole = (
        workshop.inputs(config),
        Preparation(fresh_store, full_vocabulary=True).build(config, SPLITS),
    )
    assert whole.vocabulary is None
    assert ours.vocabulary is not None
    names = {path.name for path in ours.teacher_folder.iterdir()}
    assert names == {path.name for path in whole.teacher_folder.iterdir()}
    for name in names - {"manifest.json"}:
        assert (ours.teacher_folder / name).read_bytes() == (whole.teacher_folder / name).read_bytes(), name
    for split in SPLITS:
        assert np.array_equal(ours.teacher_logits(split), whole.teacher_logits(split))
        scores = [one.teacher_scores(split) for one in (ours, whole)]
        assert scores[0]["parameters"] == scores[1]["parameters"]
