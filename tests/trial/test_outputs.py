"""A bit for each test text, in the order of the stored task, beside the result of a trial."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from study.config import digest
from study.storage.attempts import TEXTS, attempt_folder, file_of_ending
from study.trial.data.task import load_saved_task
from study.trial.outputs import Outputs, write_texts


def bits(content: bytes) -> dict[str, list[bool]]:
    """Language to whether each text was correct, and nothing of the code under test."""
    said = json.loads(content)
    return {
        language: [bool(base64.b64decode(of["correct"])[k // 8] >> (7 - k % 8) & 1) for k in range(of["n"])]
        for language, of in said["languages"].items()
    }


def test_bits_have_the_order_of_the_texts_in_the_stored_task(workshop: Any, tmp_path: Path) -> None:
    inputs = workshop.inputs(workshop.config())
    whole = inputs.split("test")
    split = whole.take(np.arange(len(whole) - 3))  # a last byte that is not full
    logits = np.random.default_rng(0).standard_normal((len(split), len(inputs.task.labels)))
    write_texts(Outputs("test", split, logits), inputs, tmp_path / TEXTS)
    content = (tmp_path / TEXTS).read_bytes()
    task = load_saved_task(inputs.task_folder)
    expected: dict[str, list[bool]] = {}
    stored = task.splits["test"]
    for label, language, of_text in zip(stored.labels, stored.languages, logits, strict=False):
        expected.setdefault(task.languages[language], []).append(bool(of_text.argmax() == label))
    assert bits(content) == expected
    assert {len(of_language) % 8 for of_language in expected.values()} > {0}
    said = json.loads(content)
    assert (said["task"], said["split"]) == (task.fingerprint, "test")
    assert said.pop("digest") == digest(said)


@pytest.mark.parametrize("full_vocabulary", [False, True])
def test_the_bits_of_a_trial_are_its_accuracies_on_test(
    full_vocabulary: bool, workshop: Any, tmp_path: Path
) -> None:
    *_, last = workshop.trial(workshop.config(), tmp_path, full_vocabulary=full_vocabulary)
    found = bits((attempt_folder(tmp_path, 1) / TEXTS).read_bytes())
    test = last.result["test"]
    assert {language: len(of) for language, of in found.items()} == test["n"]
    accuracy = {language: float(np.mean(of)) for language, of in found.items()}
    assert accuracy == pytest.approx(test["accuracy"]["by_language"])


def test_an_attempt_that_goes_on_writes_the_same_bits(workshop: Any, tmp_path: Path) -> None:
    list(workshop.trial(workshop.config(), tmp_path / "undisturbed"))
    killed = workshop.trial(workshop.config(), tmp_path / "killed")
    next(killed), next(killed)
    killed.close()
    list(workshop.trial(workshop.config(), tmp_path / "killed"))
    ended = [file_of_ending(tmp_path / name, TEXTS) for name in ("undisturbed", "killed")]
    assert ended[0] == ended[1] is not None


def test_without_test_there_are_no_bits(workshop: Any, tmp_path: Path) -> None:
    list(workshop.trial(workshop.config(), tmp_path, test=False))
    assert file_of_ending(tmp_path, TEXTS) is None
    assert not list(tmp_path.rglob(TEXTS))
