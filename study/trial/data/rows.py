"""Rows as a source gives them, unchecked, each with its place for messages."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

from study.errors import RequestError
from study.trial.data.task import SPLITS, Kind, Task

__all__ = [
    *("COLUMNS", "SPLIT_NAMES", "TOKEN_COLUMNS", "Rows", "Splits", "comparable"),
    *("printable", "rows_of", "shown", "split_called"),
]

COLUMNS = ("text", "label", "lang")
TOKEN_COLUMNS = ("tokens", "tags", "lang")
"""The columns of a token task: each row has a list of words, and a list of tags of the same length."""

SPLIT_NAMES = {"train": ("train",), "validation": ("dev", "valid", "validation"), "test": ("test",)}
"""The names that each split may have in the source of the data."""


@dataclass(frozen=True)
class Rows:
    """Rows of one file, or of one configuration of a hub data set.

    texts, labels and languages: the values as the source has them, of any type.
    numbers: the line (or row) of each in the source; unit: "line" or "row".
    columns: the names that the columns of texts, labels and languages have in the source; "" without a name.
    kind: what has a label. In a token task a source gives a list of words as a text, and a list of tags as
    its label. Once they are checked (`spelled`), texts and labels are strings, and words and tags the lists.
    a_word_a_line: whether each word of a text has a line of its own, from the row's line on.
    """

    origin: str
    texts: list[Any]
    labels: list[Any]
    languages: list[Any]
    numbers: Sequence[int]
    unit: str = "line"
    columns: tuple[str, str, str] = COLUMNS
    kind: Kind = "text"
    words: list[list[str]] | None = None
    tags: list[list[str]] | None = None
    a_word_a_line: bool = False

    def __len__(self) -> int:
        return len(self.texts)

    def place(self, index: int) -> str:
        """Where row `index` is in its source, for a message."""
        return f"{self.origin}, {self.unit} {self.numbers[index]}"

    def place_of_word(self, index: int, word: int) -> str:
        """Where a word of row `index` is in its source, for a message; words are counted from 0."""
        if self.a_word_a_line:
            return f"{self.origin}, {self.unit} {self.numbers[index] + word}"
        return f"{self.place(index)}: word {word + 1}"

    def take(self, keep: Sequence[int]) -> Rows:
        """The rows at `keep`, in that order."""
        return replace(
            self,
            texts=[self.texts[i] for i in keep],
            labels=[self.labels[i] for i in keep],
            languages=[self.languages[i] for i in keep],
            numbers=[self.numbers[i] for i in keep],
            words=self.words and [self.words[i] for i in keep],
            tags=self.tags and [self.tags[i] for i in keep],
        )

    def spelled(self) -> Rows:
        """The rows of a token task with strings as texts and labels: words, or tags, with blanks between."""
        words, tags = self.texts, [[str(tag) for tag in of_text] for of_text in self.labels]
        texts, labels = ([" ".join(of_text) for of_text in each] for each in (words, tags))
        return replace(self, texts=texts, labels=labels, words=words, tags=tags)

    def by_word(self) -> Rows:
        """Spelled rows as rows of one word each, for what is counted by words."""
        words, tags = self.words or [], self.tags or []
        of_word = [i for i, each in enumerate(words) for _ in each]
        return replace(
            self,
            texts=[word for each in words for word in each],
            labels=[tag for each in tags for tag in each],
            languages=[self.languages[i] for i in of_word],
            numbers=[self.numbers[i] for i in of_word],
            words=None,
            tags=None,
        )

    @cached_property
    def forms(self) -> list[str]:
        """The comparable form of each text."""
        return [comparable(text) for text in self.texts]


Splits = Mapping[str, Sequence[Rows]]
"""Rows by split: train, validation, test."""


def comparable(text: str) -> str:
    """The form of `text` that is compared: two texts of the same form count as the same text."""
    if not text.isascii():  # the form of ASCII is ASCII
        text = unicodedata.normalize("NFKC", text)
    return " ".join(text.casefold().split())


def rows_of(task: Task) -> Splits:
    """The rows of a task that is already built, so that the task passes the same checks as any other."""
    splits: dict[str, list[Rows]] = {}
    for name in SPLITS:
        split = task.splits[name]
        labels: list[Any] = [task.labels[i] for i in split.labels.tolist()]
        languages = [task.languages[i] for i in split.languages.tolist()]
        numbers, columns = range(1, len(split) + 1), COLUMNS
        texts: list[Any] = list(split.texts)
        if split.words is not None and split.starts is not None:
            texts, columns = [list(words) for words in split.words], TOKEN_COLUMNS
            labels = [labels[a:b] for a, b in pairwise(split.starts.tolist())]
        origin = f"{task.name}, {name}"
        splits[name] = [Rows(origin, texts, labels, languages, numbers, "row", columns, task.kind)]
    return splits


def split_called(split: str, names: Sequence[str], origin: str) -> str | None:
    """The name among `names` that is the split `split`; None if there is no such name.

    Raises:
        RequestError: if there are two.
    """
    found = [name for name in SPLIT_NAMES[split] if name in names]
    if len(found) > 1:
        raise RequestError(f"{origin}: {' and '.join(found)} both serve the {split} split; keep one")
    return found[0] if found else None


def shown(value: Any) -> str:
    """`value` as messages show it: on one line, and short."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def printable(path: Path | str) -> str:
    """A path as messages show it: unchanged, unless the path would break the line."""
    text = str(path)
    return text if text.isprintable() else repr(text)
