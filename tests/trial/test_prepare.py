"""Preparation: teachers and their outputs, built once, continued after a kill, the same every time."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from study.errors import StudyStopped
from study.planning.base_model import find_teacher, store_model
from study.storage import artifacts
from study.storage.artifacts import Store
from study.storage.mirror import Mirror
from study.trial.data.task import load_saved_task
from study.trial.prepare import Preparation

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


def test_a_node_without_task_or_model_stops_the_study_in_one_line_and_fails_no_trial(
    config: Any, workshop: Any, tmp_path: Path
) -> None:
    """A home that only the driver's machine has; and a copy in the storage that is spoilt."""
    home = tmp_path / "home"
    with pytest.raises(StudyStopped, match=rf"^{home}/artifacts/tasks/\S+ is missing .* give --storage-url$"):
        Preparation(Store(home / "artifacts")).build(config, SPLITS)
    there = Store(home / "artifacts", Mirror(home, (tmp_path / "storage").as_uri()))
    shutil.copytree(workshop.store.path("tasks", config.task), there.path("tasks", config.task))
    with pytest.raises(StudyStopped, match=r"/models/\S+ is missing .* and in the storage too: [^\n]+$"):
        Preparation(there).build(config, SPLITS)


# Teachers


def test_a_teacher_is_the_same_in_another_store(workshop: Any, config: Any, fresh_store: Store) -> None:
    one, other = workshop.inputs(config), Preparation(fresh_store).build(config, SPLITS)
    assert teacher_bytes(one.teacher_folder) == teacher_bytes(other.teacher_folder)
    for split in SPLITS:
        assert np.array_equal(one.teacher_logits(split), other.teacher_logits(split))


def teacher_bytes(folder: Path) -> bytes:
    return (folder / "model.safetensors").read_bytes()


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


# The vocabulary


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
