"""Stored teacher outputs are never those of something else: whatever is changed, there is no stale hit.

From real files to keys, the way a study goes: task, base model and teacher are found in folders of which
one thing has been changed.
"""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from study.config import TrialConfig
from study.planning.base_model import find_model, find_teacher
from study.storage.artifacts import Store
from study.trial.data.sources import load_task
from study.trial.inputs import Inputs
from study.trial.models.teacher import new_classifier
from study.trial.models.tokenizer import load_tokenizer

Rows = list[dict[str, str]]
Mutate = Callable[[Path, random.Random], None]

RECIPE: dict[str, Any] = {
    "depth": 2,
    "max_length": 32,
    "learning_rate": 1e-3,
    "teacher_learning_rate": 1e-3,
    "teacher_steps": 10,
    "teacher_data": "same",
    "data_fraction": 0.5,
}
FILES = ("train", "dev", "test")


@pytest.fixture(scope="module")
def originals(task_folder: Path, base_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a task, a base model, and a teacher fine-tuned from it elsewhere."""
    root = tmp_path_factory.mktemp("originals")
    shutil.copytree(task_folder, root / "task")
    shutil.copytree(base_folder, root / "base")
    labels = load_task(str(task_folder), None, False).labels
    new_classifier(base_folder, labels, seed=3).save_pretrained(root / "teacher")
    load_tokenizer(base_folder).save_pretrained(root / "teacher")
    return root


def outputs_keys(root: Path, given: bool, **changed: Any) -> set[str]:
    """Of all splits; the teacher trained here, or the `given` one."""
    store, base = Store(root / "store"), str(root / "base")
    task, model = load_task(str(root / "task"), None, False), find_model(store, base)
    teacher = find_teacher(str(root / "teacher"), task.labels, model.folder) if given else ""
    facts = {"task": task.fingerprint, "model": model.fingerprint, "model_layers": 4, "teacher": teacher}
    if given:
        facts["teacher_data"] = "full"
    inputs = Inputs(store, TrialConfig(**RECIPE | facts | changed))
    return {inputs.outputs_key(split) for split in ("train", "validation", "test")}


def of_rows(change: Callable[[Rows, random.Random], None]) -> Mutate:
    """Changes one of the task's files by its rows."""

    def mutate(root: Path, draw: random.Random) -> None:
        file = root / "task" / f"{draw.choice(FILES)}.jsonl"
        rows = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
        before = json.dumps(rows)
        change(rows, draw)
        assert json.dumps(rows) != before
        file.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")

    return mutate


def of_weights(model: str) -> Mutate:
    """Changes one number of one tensor by the least that float32 can tell."""

    def mutate(root: Path, draw: random.Random) -> None:
        file = root / model / "model.safetensors"
        tensors = load_file(file)
        name = draw.choice(sorted(tensors))
        flat = tensors[name].reshape(-1)
        place = draw.randrange(len(flat))
        flat[place] = np.nextafter(flat[place], np.float32(9), dtype=np.float32)
        save_file(tensors, file, {"format": "pt"})

    return mutate


def of_json(file: str, change: Callable[[Any, random.Random], None]) -> Mutate:
    def mutate(root: Path, draw: random.Random) -> None:
        path = root / "base" / file
        content = json.loads(path.read_text("utf-8"))
        change(content, draw)
        path.write_text(json.dumps(content, ensure_ascii=False), "utf-8")

    return mutate


def another(values: list[str], now: str, draw: random.Random) -> str:
    return draw.choice([value for value in values if value != now])


def letter(rows: Rows, draw: random.Random) -> None:
    row = draw.choice(rows)
    at = draw.randrange(len(row["text"]))
    row["text"] = row["text"][:at] + "q" + row["text"][at + 1 :]


def field(name: str) -> Callable[[Rows, random.Random], None]:
    def change(rows: Rows, draw: random.Random) -> None:
        row = draw.choice(rows)
        row[name] = another(sorted({each[name] for each in rows}), row[name], draw)

    return change


def order(rows: Rows, draw: random.Random) -> None:
    at = draw.randrange(len(rows) - 1)
    rows[at], rows[at + 1] = rows[at + 1], rows[at]


def drop(rows: Rows, draw: random.Random) -> None:
    del rows[draw.randrange(len(rows))]


def add(rows: Rows, draw: random.Random) -> None:
    rows.insert(draw.randrange(len(rows)), draw.choice(rows) | {"text": f"new {draw.random()}"})


def two_tokens(tokenizer: Any, draw: random.Random) -> None:
    """Two of the vocabulary change places."""
    vocabulary = tokenizer["model"]["vocab"]
    if isinstance(vocabulary, dict):
        one, other = draw.sample(sorted(t for t, i in vocabulary.items() if i > 10), 2)
        vocabulary[one], vocabulary[other] = vocabulary[other], vocabulary[one]
    else:
        one, other = draw.sample(range(10, len(vocabulary)), 2)
        vocabulary[one], vocabulary[other] = vocabulary[other], vocabulary[one]


def lower_case(tokenizer: Any, draw: random.Random) -> None:
    before = tokenizer["normalizer"]
    both = [{"type": "Lowercase"}, *([before] if before else [])]
    tokenizer["normalizer"] = {"type": "Sequence", "normalizers": both}


def from_the_left(settings: Any, draw: random.Random) -> None:
    settings["truncation_side"] = "left"


def split_special(settings: Any, draw: random.Random) -> None:
    settings["split_special_tokens"] = True


def value(name: str, new: Any) -> Callable[[Any, random.Random], None]:
    def change(config: Any, draw: random.Random) -> None:
        assert config.get(name) != new
        config[name] = new

    return change


MUTATIONS: dict[str, tuple[int, bool, Mutate]] = {
    "a letter": (8, False, of_rows(letter)),
    "a label": (6, False, of_rows(field("label"))),
    "a language": (6, False, of_rows(field("lang"))),
    "the order of two rows": (6, False, of_rows(order)),
    "a row less": (4, False, of_rows(drop)),
    "a row more": (4, False, of_rows(add)),
    "a number of the base model": (8, False, of_weights("base")),
    "a number of the given teacher": (8, True, of_weights("teacher")),
    "two tokens": (3, False, of_json("tokenizer.json", two_tokens)),
    "lower case": (1, False, of_json("tokenizer.json", lower_case)),
    "the side that is cut": (1, False, of_json("tokenizer_config.json", from_the_left)),
    "special tokens in texts": (1, False, of_json("tokenizer_config.json", split_special)),
    "the norm's epsilon": (1, False, of_json("config.json", value("layer_norm_eps", 1e-6))),
    "the activation": (1, False, of_json("config.json", value("hidden_act", "relu"))),
    "the padding token": (1, False, of_json("config.json", value("pad_token_id", 5))),
}


def mutations() -> Iterator[Any]:
    for what, (times, given, mutate) in MUTATIONS.items():
        for number in range(times):
            yield pytest.param(given, mutate, random.Random(f"{what} {number}"), id=f"{what} {number}")


@pytest.mark.parametrize(("given", "mutate", "draw"), list(mutations()))
def test_no_change_of_a_file_gets_the_outputs_of_before(
    originals: Path, tmp_path: Path, given: bool, mutate: Mutate, draw: random.Random
) -> None:
    root = tmp_path / "changed"
    shutil.copytree(originals, root)
    assert outputs_keys(root, given) == outputs_keys(originals, given)
    mutate(root, draw)
    assert outputs_keys(root, given).isdisjoint(outputs_keys(originals, given))


@pytest.mark.parametrize(
    "changed",
    [
        {"max_length": 31},
        {"data_fraction": 0.25},
        {"data_seed": 1},
        {"teacher_data": "full"},
        {"teacher_steps": 11},
        {"teacher_seed": 1},
        {"teacher_batch_size": 8},
        {"teacher_learning_rate": 1.0000001e-3},
    ],
    ids=str,
)
def test_no_change_of_the_recipe_does(originals: Path, changed: dict[str, Any]) -> None:
    assert outputs_keys(originals, False, **changed).isdisjoint(outputs_keys(originals, False))


def test_at_least_fifty_changes_are_tried() -> None:
    assert sum(times for times, _, _ in MUTATIONS.values()) >= 50
