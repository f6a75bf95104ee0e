"""Preparation: teachers and their outputs, built once, continued after a kill, the same every time."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from study.errors import RequestError
from study.planning.base_model import find_teacher, store_model
from study.storage import artifacts
from study.storage.artifacts import Store
from study.trial import teaching
from study.trial.classifier import TrainingData, classifier_step
from study.trial.data.task import load_saved_task
from study.trial.models.teacher import load_classifier
from study.trial.models.tokenizer import load_tokenizer
from study.trial.prepare import Preparation
from study.trial.training import Interval, Training
from tests.kills import killed_in

SPLITS = ("train", "validation", "test")


def files(root: Path) -> dict[str, tuple[int, int]]:
    """Every file with its size and when it was written."""
    found = {str(p.relative_to(root)): p.stat() for p in root.rglob("*") if p.is_file()}
    return {name: (stat.st_size, stat.st_mtime_ns) for name, stat in found.items()}


# The task


def test_the_task_is_stored_under_its_fingerprint(workshop: Any) -> None:
    saved = load_saved_task(workshop.store.path("tasks", workshop.task.fingerprint))
    assert saved.fingerprint == workshop.task.fingerprint
    assert saved.languages == ("deu", "hau", "yor")


# Teachers


@pytest.fixture
def fresh_store(workshop: Any, tmp_path: Path) -> Store:
    """A store with the tiny task and base model, and nothing else."""
    store = Store(tmp_path / "store")
    for kind in ("tasks", "models"):
        shutil.copytree(workshop.store.root / kind, store.root / kind)
    return store


@pytest.fixture
def config(workshop: Any) -> Any:
    """Of a teacher whose training takes a moment."""
    return workshop.config(teacher_steps=20)


def test_the_teacher_learns_the_task(workshop: Any) -> None:
    scores = workshop.inputs(workshop.config()).teacher_scores("test")
    assert scores["accuracy"]["worst"] > 0.7
    assert scores["n"] == {"deu": 32, "hau": 32, "yor": 32}


def test_a_teacher_is_the_same_in_another_store(workshop: Any, config: Any, fresh_store: Store) -> None:
    one, other = workshop.inputs(config), Preparation(fresh_store).build(config, SPLITS)
    assert teacher_bytes(one.teacher_folder) == teacher_bytes(other.teacher_folder)
    for split in SPLITS:
        assert np.array_equal(one.teacher_logits(split), other.teacher_logits(split))


def teacher_bytes(folder: Path) -> bytes:
    return (folder / "model.safetensors").read_bytes()


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


def test_what_is_there_is_not_built_again(workshop: Any, config: Any) -> None:
    workshop.inputs(config)
    before = files(workshop.store.root)
    workshop.inputs(config)
    workshop.inputs(workshop.config(teacher_steps=20, init="random", learning_rate=1e-2, alpha=0.1))
    Preparation(workshop.store).store_task(workshop.task)
    assert files(workshop.store.root) == before


def test_test_outputs_are_made_only_when_asked_for(workshop: Any, config: Any, fresh_store: Store) -> None:
    inputs = Preparation(fresh_store).build(config, ("train", "validation"))
    assert fresh_store.has("outputs", inputs.outputs_key("validation"))
    assert not fresh_store.has("outputs", inputs.outputs_key("test"))


def test_outputs_on_training_data_are_made_only_to_distil(
    workshop: Any, config: Any, fresh_store: Store
) -> None:
    labels_alone = config.model_copy(update={"alpha": 1.0})
    key = Preparation(fresh_store).build(labels_alone, SPLITS).outputs_key("train")
    assert not fresh_store.has("outputs", key)
    assert Preparation(fresh_store).build(config, SPLITS).outputs_key("train") == key
    assert fresh_store.has("outputs", key)


@pytest.mark.parametrize("alpha", [0.5, 1.0])
def test_inputs_are_there_once_they_were_built(config: Any, fresh_store: Store, alpha: float) -> None:
    config = config.model_copy(update={"alpha": alpha})
    assert not Preparation(fresh_store).has(config, ("validation",))
    Preparation(fresh_store).build(config, ("train", "validation"))
    assert Preparation(fresh_store).has(config, ("train", "validation"))
    assert not Preparation(fresh_store).has(config, SPLITS)
    Preparation(fresh_store).build(config, SPLITS)
    assert Preparation(fresh_store).has(config, SPLITS)
    distilled = config.model_copy(update={"alpha": 0.0})
    assert Preparation(fresh_store).has(distilled, ("train",)) is (alpha < 1)


@pytest.mark.parametrize("kind", ["tasks", "models", "tokens", "teachers", "outputs"])
def test_inputs_that_a_disk_has_spoilt_are_not_there_and_are_built_again_the_same(
    workshop: Any,
    config: Any,
    fresh_store: Store,
    model_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
) -> None:
    inputs = Preparation(fresh_store).build(config, SPLITS)
    sound = teacher_bytes(inputs.teacher_folder), inputs.teacher_logits("train").copy()
    for path in (fresh_store.root / kind).rglob("*"):
        if path.is_file() and path.name != "manifest.json" and path.stat().st_size > 100:
            content = bytearray(path.read_bytes())
            content[-50] ^= 1
            path.write_bytes(content)
    monkeypatch.setattr(artifacts, "_whole", set())  # as a new process, that has checked nothing yet
    assert not Preparation(fresh_store).has(config, SPLITS)
    if kind in ("tasks", "models"):  # of the user's own: only the request knows where they come from
        Preparation(fresh_store).store_task(workshop.task)
        assert store_model(fresh_store, str(model_folder), 1).fingerprint == workshop.model
    again = Preparation(fresh_store).build(config, SPLITS)
    assert Preparation(fresh_store).has(config, SPLITS)
    assert teacher_bytes(again.teacher_folder) == sound[0]
    assert np.array_equal(again.teacher_logits("train"), sound[1])


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
        with pytest.raises(RequestError, match="teacher_learning_rate lower") as caught:
            Preparation(fresh_store).build(config, SPLITS)
        assert len(str(caught.value).splitlines()) == 1
    assert not any((fresh_store.root / "outputs").glob("*/*"))


# The vocabulary


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


def test_the_switch_builds_nothing_again(workshop: Any, config: Any, fresh_store: Store) -> None:
    Preparation(fresh_store, full_vocabulary=True).build(config, SPLITS)
    assert Preparation(fresh_store, full_vocabulary=True).has(config, SPLITS)
    assert not Preparation(fresh_store).has(config, SPLITS)
    before = files(fresh_store.root)
    Preparation(fresh_store).build(config, SPLITS)
    added = files(fresh_store.root)
    assert Preparation(fresh_store).has(config, SPLITS)
    assert before.items() <= added.items()
    assert {Path(name).parts[0] for name in added.keys() - before.keys()} == {"vocabularies", "building"}


def test_the_splits_are_the_same_texts_in_new_ids(workshop: Any, config: Any) -> None:
    trimmed, whole = workshop.inputs(config), workshop.inputs(config, full_vocabulary=True)
    tokenizer, kept = load_tokenizer(trimmed.base_folder), trimmed.vocabulary.kept
    occur: set[int] = set(tokenizer.all_special_ids)
    for name in SPLITS:
        ours, theirs = trimmed.split(name), whole.split(name)
        assert np.array_equal(kept[ours.ids], theirs.ids)
        assert np.array_equal(ours.offsets, theirs.offsets)
        assert np.array_equal(ours.labels, theirs.labels)
        assert np.array_equal(ours.languages, theirs.languages)
        occur |= set(theirs.ids.tolist())
    assert set(kept.tolist()) == occur
    assert len(kept) < len(tokenizer)
    assert trimmed.pad_id == whole.pad_id == tokenizer.pad_token_id


# A teacher that is given


def test_a_given_teacher_is_used_as_it_is(workshop: Any, config: Any, tmp_path: Path) -> None:
    given = shutil.copytree(workshop.inputs(config).teacher_folder, tmp_path / "given")
    base = workshop.store.path("models", workshop.model)
    fingerprint = find_teacher(str(given), workshop.task.labels, base)
    ours = workshop.config(teacher=fingerprint)
    inputs = Preparation(workshop.store, str(given)).build(ours, SPLITS)
    assert inputs.teacher_key != workshop.inputs(config).teacher_key
    assert np.array_equal(inputs.teacher_logits("test"), workshop.inputs(config).teacher_logits("test"))
    shutil.rmtree(given)
    assert (
        Preparation(workshop.store, str(given))
        .build(ours, SPLITS)
        .teacher_scores("test")["accuracy"]["macro"]
        > 0
    )
