"""What a confirm run predicted, as a table: from its folder or the mirror, with the names of the task."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from study.storage.artifacts import Store
from study.storage.attempts import PREDICTIONS, attempt_folder, send_attempt
from study.storage.mirror import Mirror
from study.tracking.predictions import TestTexts
from study.trial.data.task import load_saved_split


@pytest.fixture
def ended(workshop: Any, tmp_path: Path) -> Path:
    """The folder of a trial that was scored on test."""
    list(workshop.trial(workshop.config(), tmp_path / "trials" / "key"))
    return tmp_path / "trials" / "key"


@pytest.mark.parametrize("where", ["here", "in the mirror"])
def test_a_row_is_a_test_text_with_the_names_of_the_task(
    where: str, workshop: Any, ended: Path, tmp_path: Path
) -> None:
    config, mirror = workshop.config(), Mirror(tmp_path, f"file://{tmp_path / 'there'}")
    if where == "in the mirror":
        send_attempt(attempt_folder(ended, 1), mirror, ended=True)
        shutil.rmtree(ended)
    store = Store(tmp_path / "artifacts", mirror)
    shutil.copytree(workshop.store.path("tasks", config.task), store.path("tasks", config.task))
    table = TestTexts(store, config).predictions(ended)
    assert table is not None
    task = workshop.inputs(config).task
    stored = load_saved_split(workshop.inputs(config).task_folder, "test")
    assert table["text"].tolist() == list(range(len(stored)))
    assert table["language"].tolist() == [task.languages[code] for code in stored.languages]
    assert table["label"].tolist() == [task.labels[code] for code in stored.labels]
    with np.load(attempt_folder(ended, 1) / PREDICTIONS) as found:
        assert table["prediction"].tolist() == [task.labels[code] for code in found["label"]]
        assert table["probability"].tolist() == found["probability"].tolist()
    assert table["prediction"].cat.categories.tolist() == list(task.labels)


@pytest.mark.parametrize("content", [None, b"", b"PK\x03\x04 cut short"])
def test_without_predictions_or_with_damaged_ones_there_is_no_table(
    content: bytes | None, workshop: Any, ended: Path
) -> None:
    path = attempt_folder(ended, 1) / PREDICTIONS
    path.unlink() if content is None else path.write_bytes(content)
    assert TestTexts(workshop.store, workshop.config()).predictions(ended) is None


def test_without_the_task_there_is_no_table(workshop: Any, ended: Path, tmp_path: Path) -> None:
    assert TestTexts(Store(tmp_path / "lost"), workshop.config()).predictions(ended) is None
