"""A bit and a prediction for each test text, in the order of the stored task, beside a trial's result."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.special import softmax

from study.config import digest
from study.storage.attempts import PREDICTIONS, TEXTS, attempt_folder, file_of_ending
from study.trial.data.task import load_saved_split, load_saved_task
from study.trial.outputs import Outputs, write_predictions, write_texts


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


@pytest.mark.parametrize(("classes", "bytes_of_label"), [(4, 1), (300, 2)])
def test_predictions_are_labels_and_their_probabilities_in_few_bytes(
    classes: int, bytes_of_label: int, workshop: Any, tmp_path: Path
) -> None:
    inputs = workshop.inputs(workshop.config())
    split = inputs.split("test")
    logits = np.random.default_rng(0).standard_normal((len(split), classes)).astype(np.float32)
    logits[0, 2] = 1e4  # exp would overflow
    paths = [tmp_path / PREDICTIONS, tmp_path / "again.npz"]
    for path in paths:
        write_predictions(Outputs("test", split, logits), inputs, path)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    with np.load(paths[0], allow_pickle=False) as found:
        assert found["label"].tolist() == logits.argmax(axis=1).tolist()
        assert found["label"].itemsize == bytes_of_label
        expected = softmax(logits.astype(float), axis=1).max(axis=1)
        assert found["probability"] == pytest.approx(expected, abs=5e-4)
        assert found["probability"].itemsize == 2
        assert (str(found["task"]), str(found["split"])) == (inputs.config.task, "test")


def test_the_predictions_of_a_trial_are_its_accuracies_on_test(workshop: Any, tmp_path: Path) -> None:
    *_, last = workshop.trial(workshop.config(), tmp_path)
    inputs = workshop.inputs(workshop.config())
    stored = load_saved_split(inputs.task_folder, "test")
    with np.load(attempt_folder(tmp_path, 1) / PREDICTIONS, allow_pickle=False) as found:
        correct = found["label"] == stored.labels
    for number, language in enumerate(inputs.task.languages):
        accuracy = last.result["test"]["accuracy"]["by_language"][language]
        assert correct[stored.languages == number].mean() == pytest.approx(accuracy)
