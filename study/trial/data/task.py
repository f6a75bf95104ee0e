"""A task: texts with a label and a language in train, validation and test splits."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from study.config import canonical_json

__all__ = ["SPLITS", "Split", "Task", "count_saved_texts", "load_saved_split", "load_saved_task", "save_task"]

SPLITS = ("train", "validation", "test")


@dataclass(frozen=True, eq=False)
class Split:
    """Rows of one split, in order.

    texts: n strings; labels: n class ids into `Task.labels`; languages: n ids into `Task.languages`.
    """

    texts: tuple[str, ...]
    labels: np.ndarray
    languages: np.ndarray

    def __len__(self) -> int:
        return len(self.texts)


@dataclass(frozen=True, eq=False)
class Task:
    """A task in the form that all other modules use, whatever source its rows came from.

    labels, languages: sorted names; a language may have no rows in a split.
    notes: one-line findings about the data (unseen languages, shared texts). The notes are shown, and are no
    part of the task's identity: two tasks are the same task if their fingerprints are equal.
    """

    name: str
    labels: tuple[str, ...]
    languages: tuple[str, ...]
    splits: dict[str, Split]
    notes: tuple[str, ...] = ()

    @cached_property
    def fingerprint(self) -> str:
        """sha256 of the content: labels, languages, and every row of every split in order."""
        sha = hashlib.sha256(canonical_json([list(self.labels), list(self.languages)]).encode())
        for name in SPLITS:
            split = self.splits[name]
            sha.update(f"\n{name} {len(split)}\n".encode())
            for text, label, language in zip(
                split.texts, split.labels.tolist(), split.languages.tolist(), strict=True
            ):
                sha.update(canonical_json([text, label, language]).encode())
        return sha.hexdigest()

    def languages_in(self, split: str) -> tuple[str, ...]:
        """The languages that have rows in the split called `split`."""
        there = np.unique(self.splits[split].languages)
        return tuple(self.languages[number] for number in there)

    @cached_property
    def chance(self) -> float:
        """Macro accuracy on test of the best answer that reads no text: one label for all languages."""
        test = self.splits["test"]
        by_language = np.zeros((len(self.languages), len(self.labels)))
        np.add.at(by_language, (test.languages, test.labels), 1)
        rows = by_language.sum(axis=1, keepdims=True)
        shares = by_language[rows[:, 0] > 0] / rows[rows[:, 0] > 0]
        return float(shares.mean(axis=0).max()) if len(shares) else 1 / len(self.labels)


def save_task(task: Task, folder: Path) -> None:
    """Write `task` into `folder` in the same format that users' folders have, plus `task.json`."""
    about = {
        "name": task.name,
        "labels": list(task.labels),
        "languages": list(task.languages),
        "notes": list(task.notes),
    }
    (folder / "task.json").write_text(json.dumps(about, ensure_ascii=False, indent=1), encoding="utf-8")
    encode = json.JSONEncoder(ensure_ascii=False).encode
    for name in SPLITS:
        split = task.splits[name]
        path = folder / f"{name}.jsonl.gz"
        with gzip.open(path, "wt", encoding="utf-8", newline="\n", compresslevel=3) as file:
            for text, label, language in zip(
                split.texts, split.labels.tolist(), split.languages.tolist(), strict=True
            ):
                row = {"text": text, "label": task.labels[label], "lang": task.languages[language]}
                file.write(encode(row) + "\n")


def load_saved_task(folder: Path) -> Task:
    """Read the task that `save_task` wrote; it has the same content and the same fingerprint."""
    about = json.loads((folder / "task.json").read_text(encoding="utf-8"))
    return Task(
        name=about["name"],
        labels=tuple(about["labels"]),
        languages=tuple(about["languages"]),
        splits={name: load_saved_split(folder, name) for name in SPLITS},
        notes=tuple(about["notes"]),
    )


def load_saved_split(folder: Path, name: str) -> Split:
    """Read the split `name` of the task that `save_task` wrote."""
    about = json.loads((folder / "task.json").read_text(encoding="utf-8"))
    label_ids = {name: i for i, name in enumerate(about["labels"])}
    language_ids = {name: i for i, name in enumerate(about["languages"])}
    with gzip.open(folder / f"{name}.jsonl.gz", "rt", encoding="utf-8", newline="\n") as file:
        rows = [json.loads(line) for line in file]
    return Split(
        texts=tuple(row["text"] for row in rows),
        labels=np.array([label_ids[row["label"]] for row in rows], dtype=np.int64),
        languages=np.array([language_ids[row["lang"]] for row in rows], dtype=np.int64),
    )


def count_saved_texts(folder: Path) -> dict[str, dict[str, int]]:
    """Count the texts of the task that `save_task` wrote, by split and then by language.

    The texts are not kept in memory. A language without a text in a split has the count 0.
    """
    languages = json.loads((folder / "task.json").read_text(encoding="utf-8"))["languages"]
    found = {}
    for name in SPLITS:
        with gzip.open(folder / f"{name}.jsonl.gz", "rt", encoding="utf-8", newline="\n") as file:
            counts = Counter(json.loads(line)["lang"] for line in file)
        found[name] = {language: counts[language] for language in languages}
    return found
