"""A task: texts in train, validation and test splits, each with a language and a label, or a tag a word.

What has a label is called an item: in a text task each text is an item, in a token task each word of a text.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np

from study.config import canonical_json
from study.trial.data.tags import is_bio

__all__ = [
    *("SPLITS", "Kind", "Split", "Task", "count_saved_texts", "items_of", "load_saved_split"),
    *("load_saved_task", "metric_of_task", "save_task"),
]

SPLITS = ("train", "validation", "test")
Kind = Literal["text", "token"]
"""What has a label: each text, or each word (token) of a text."""


@dataclass(frozen=True, eq=False)
class Split:
    """Rows of one split, in order.

    texts: n strings; labels: a class id into `Task.labels` for each item; languages: n ids into
    `Task.languages`. words: in a token task the words of each text, of which the text is made with blanks
    between them; the items are the words of all texts, one text after the other.
    """

    texts: tuple[str, ...]
    labels: np.ndarray
    languages: np.ndarray
    words: tuple[tuple[str, ...], ...] | None = None

    @classmethod
    def of_words(cls, words: Iterable[Sequence[str]], tags: np.ndarray, languages: np.ndarray) -> Split:
        """A split of a token task; tags: the class ids of all words, one text after the other."""
        kept = tuple(tuple(of_text) for of_text in words)
        return cls(tuple(" ".join(of_text) for of_text in kept), tags, languages, kept)

    def __len__(self) -> int:
        return len(self.texts)

    @cached_property
    def starts(self) -> np.ndarray | None:
        """Where the items of each text begin, and the end: n + 1 places; None if each text is an item."""
        if self.words is None:
            return None
        starts = np.zeros(len(self.words) + 1, dtype=np.int64)
        np.cumsum([len(of_text) for of_text in self.words], out=starts[1:])
        return starts

    def take(self, rows: np.ndarray) -> Split:
        """A split of `rows` alone, in their order."""
        texts, words = tuple(self.texts[row] for row in rows), None
        if self.words is not None:
            words = tuple(self.words[row] for row in rows)
        return Split(texts, self.labels_of(rows), self.languages[rows], words)

    def labels_of(self, rows: np.ndarray) -> np.ndarray:
        """The labels of the items of `rows`."""
        labels: np.ndarray = self.labels[items_of(rows, self.starts)]
        return labels


def items_of(rows: np.ndarray, starts: np.ndarray | None) -> np.ndarray:
    """The items of the texts `rows`, in their order; `starts`: as `Split.starts`."""
    if starts is None:
        return rows
    counts = starts[rows + 1] - starts[rows]
    before = np.cumsum(counts) - counts
    items: np.ndarray = np.arange(counts.sum()) + np.repeat(starts[rows] - before, counts)
    return items


def metric_of_task(kind: Kind, labels: Sequence[str]) -> Literal["accuracy", "f1"]:
    """The metric that the students of a task are compared by.

    It is the F1 of entities if words have BIO tags, and otherwise accuracy: of texts, or of words.
    """
    return "f1" if kind == "token" and is_bio(labels) else "accuracy"


@dataclass(frozen=True, eq=False)
class Task:
    """A task in the form that all other modules use, whatever source its rows came from.

    labels, languages: sorted names; a language may have no rows in a split. kind: what has a label.
    notes: one-line findings about the data (unseen languages, shared texts). The notes are shown, and are no
    part of the task's identity: two tasks are the same task if their fingerprints are equal.
    """

    name: str
    labels: tuple[str, ...]
    languages: tuple[str, ...]
    splits: dict[str, Split]
    notes: tuple[str, ...] = ()
    kind: Kind = "text"

    @property
    def metric(self) -> Literal["accuracy", "f1"]:
        """The metric that students are compared by."""
        return metric_of_task(self.kind, self.labels)

    @cached_property
    def fingerprint(self) -> str:
        """sha256 of the content: labels, languages, and every row of every split in order."""
        about: list[object] = [list(self.labels), list(self.languages)]
        sha = hashlib.sha256(canonical_json(about if self.kind == "text" else [*about, self.kind]).encode())
        for name in SPLITS:
            split = self.splits[name]
            sha.update(f"\n{name} {len(split)}\n".encode())
            for row in _rows(split):
                sha.update(canonical_json(row).encode())
        return sha.hexdigest()

    def languages_in(self, split: str) -> tuple[str, ...]:
        """The languages that have rows in the split called `split`."""
        there = np.unique(self.splits[split].languages)
        return tuple(self.languages[number] for number in there)

    @cached_property
    def chance(self) -> float:
        """The score on test of the best answer that reads no text, as a mean over languages.

        With accuracy it is one label for all languages. The F1 of entities is 0 without an entity.
        """
        if self.metric == "f1":
            return 0.0
        test = self.splits["test"]
        languages = test.languages
        if test.starts is not None:
            languages = np.repeat(languages, np.diff(test.starts))
        by_language = np.zeros((len(self.languages), len(self.labels)))
        np.add.at(by_language, (languages, test.labels), 1)
        rows = by_language.sum(axis=1, keepdims=True)
        shares = by_language[rows[:, 0] > 0] / rows[rows[:, 0] > 0]
        return float(shares.mean(axis=0).max()) if len(shares) else 1 / len(self.labels)


def _rows(split: Split) -> Iterator[list[Any]]:
    """Each row as [text, label id, language id], or as [words, ids of their tags, language id]."""
    labels, languages = split.labels.tolist(), split.languages.tolist()
    if split.words is None:
        for text, label, language in zip(split.texts, labels, languages, strict=True):
            yield [text, label, language]
        return
    assert split.starts is not None
    for row, (words, language) in enumerate(zip(split.words, languages, strict=True)):
        yield [list(words), labels[split.starts[row] : split.starts[row + 1]], language]


def save_task(task: Task, folder: Path) -> None:
    """Write `task` into `folder` in the same format that users' folders have, plus `task.json`."""
    about = {
        "name": task.name,
        "labels": list(task.labels),
        "languages": list(task.languages),
        "notes": list(task.notes),
    }
    about |= {"kind": task.kind} if task.kind != "text" else {}  # files of text tasks stay as they were
    (folder / "task.json").write_text(json.dumps(about, ensure_ascii=False, indent=1), encoding="utf-8")
    encode = json.JSONEncoder(ensure_ascii=False).encode
    for name in SPLITS:
        split = task.splits[name]
        path = folder / f"{name}.jsonl.gz"
        with gzip.open(path, "wt", encoding="utf-8", newline="\n", compresslevel=3) as file:
            for content, labels, language in _rows(split):
                row: dict[str, object] = {"lang": task.languages[language]}
                if split.words is None:
                    row = {"text": content, "label": task.labels[labels]} | row
                else:
                    row = {"tokens": content, "tags": [task.labels[tag] for tag in labels]} | row
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
        kind=about.get("kind", "text"),
    )


def load_saved_split(folder: Path, name: str) -> Split:
    """Read the split `name` of the task that `save_task` wrote."""
    about = json.loads((folder / "task.json").read_text(encoding="utf-8"))
    label_ids = {name: i for i, name in enumerate(about["labels"])}
    language_ids = {name: i for i, name in enumerate(about["languages"])}
    with gzip.open(folder / f"{name}.jsonl.gz", "rt", encoding="utf-8", newline="\n") as file:
        rows = [json.loads(line) for line in file]
    languages = np.array([language_ids[row["lang"]] for row in rows], dtype=np.int64)
    if about.get("kind") == "token":
        tags = np.array([label_ids[tag] for row in rows for tag in row["tags"]], dtype=np.int64)
        return Split.of_words((row["tokens"] for row in rows), tags, languages)
    return Split(
        texts=tuple(row["text"] for row in rows),
        labels=np.array([label_ids[row["label"]] for row in rows], dtype=np.int64),
        languages=languages,
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
