"""Rows counted by split and language, and how much of their texts a tokenizer reads."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from study.errors import RequestError
from study.trial.data.rows import shown
from study.trial.data.task import Split, Task
from study.trial.data.tokens import encode_split

__all__ = ["Count", "Reading", "read_texts"]

SAMPLE = 50
"""Texts of each split and language that are tokenised, if the task has more than `ALL` texts."""
ALL = 10_000
LONGEST = 2000  # characters of a text that are tokenised
LITTLE = 0.1
"""The share of a language that is noted if the tokenizer does not read it."""
PROBE = "\U00010380"  # a letter of Ugaritic: hardly any vocabulary has this letter


@dataclass(frozen=True)
class Count:
    """What one split has of one language.

    rows, labels: how many. empty: texts of which the tokenizer keeps nothing. unknown: the share of the
    characters that become the unknown token or none at all, apart from white space. The last two are None if
    there is no tokenizer yet, or no row; in a large task they are those of the first `read` rows and no more.
    """

    rows: int
    labels: int
    empty: int | None = None
    unknown: float | None = None
    read: int = 0


@dataclass(frozen=True)
class Reading:
    """counts: by split and then by language. notes: what weakens a result, each in one line.

    tokens: of each split, of all its texts, cut at the length that trials read at least; in a large task
    judged from the texts that were tokenised. Empty if there is no tokenizer yet.
    """

    counts: Mapping[str, Mapping[str, Count]]
    notes: tuple[str, ...] = ()
    tokens: Mapping[str, int] = field(default_factory=dict)


@dataclass
class _Seen:
    """What the tokenizer made of the texts of one split and language."""

    texts: int = 0
    tokens: int = 0
    empty: int = 0
    lost: int = 0
    characters: int = 0
    first_empty: str | None = None
    words: int = 0  # of a token task
    unlabelled: int = 0  # words that were cut off, or have no token


def read_texts(task: Task, tokenizer: Any = None, max_length: int | None = None) -> Reading:
    """Count the rows of `task`, and read their texts with `tokenizer`, the base model's if there is one.

    max_length: tokens of a text that trials read at least, to count the words of a token task that are cut
    off.

    Raises:
        RequestError: if the tokenizer cannot read a text, or makes no token at all of a text.
    """
    facts = None if tokenizer is None else _Facts(tokenizer, max_length)
    texts = sum(map(len, task.splits.values()))
    most = None if texts <= ALL or (facts is not None and facts.may_fail) else SAMPLE
    counts: dict[str, dict[str, Count]] = {}
    seen: dict[tuple[str, str], _Seen] = {}
    for name, split in task.splits.items():
        counts[name] = {}
        for number, language in enumerate(task.languages):
            rows = np.flatnonzero(split.languages == number)
            labels = len(np.unique(split.labels_of(rows)))
            counts[name][language] = Count(len(rows), labels)
            if facts is not None and len(rows):
                found = seen[name, language] = facts.read(split, _every(rows, most), f"{name}, {language}")
                share = found.lost / found.characters if found.characters else 1.0
                counts[name][language] = Count(len(rows), labels, found.empty, share, found.texts)
    if facts is None:
        return Reading(counts)
    tokens = dict.fromkeys(task.splits, 0.0)
    for (name, language), found in seen.items():
        tokens[name] += found.tokens * counts[name][language].rows / found.texts
    notes = (*facts.notes(), *_language_notes(task, seen))
    return Reading(counts, notes, {name: round(number) for name, number in tokens.items()})


def _every(rows: np.ndarray, most: int | None) -> np.ndarray:
    """At most `most` of `rows`, evenly spaced."""
    if most is None or len(rows) <= most:
        return rows
    evenly: np.ndarray = rows[np.linspace(0, len(rows) - 1, most).astype(int)]
    return evenly


class _Facts:
    """What a tokenizer does to every text."""

    def __init__(self, tokenizer: Any, max_length: int | None) -> None:
        from study.trial.models.tokenizer import loses_bytes  # transformers take seconds to import

        self.tokenizer, self.max_length = tokenizer, max_length
        self.backend = tokenizer.backend_tokenizer
        self.unknown = tokenizer.unk_token_id
        self.name = "the base model's tokenizer"
        probe = self._encoded([PROBE])
        self.loses = probe is None or not any(_own(probe[0]))
        plain = self._encoded(["a b"])
        mask = plain[0].special_tokens_mask if plain else []
        self.begins = bool(mask) and mask[0] == 1
        self.may_fail = probe is None or 1 not in mask
        self.loses_bytes = loses_bytes(tokenizer)

    def notes(self) -> Iterator[str]:
        if not self.begins:
            yield (
                f"{self.name} adds no token before a text (as [CLS] or <s>), so a classifier reads the first "
                "word alone; a post-processor in tokenizer.json adds the token"
            )
        if self.loses:
            yield f"{self.name} has no unknown token: characters that its vocabulary lacks are lost"
        if self.loses_bytes:
            yield (
                f"{self.name} has tokens for bytes and never uses them: an unknown word becomes one unknown "
                'token; the model may want "byte_fallback": true in tokenizer.json'
            )

    def read(self, split: Split, rows: np.ndarray, where: str) -> _Seen:
        """What becomes of the texts of `rows`.

        Raises:
            RequestError: if a text cannot be read, or has no token; `where` names the split and language.
        """
        texts = [split.texts[row][:LONGEST] for row in rows]
        encoded = self._encoded(texts)
        if encoded is None:
            text = next((text for text in texts if self._encoded([text]) is None), texts[0])
            raise RequestError(
                f"{where}: {self.name} has no unknown token and cannot read the text {shown(text)}; add an "
                "unknown token to its vocabulary, or remove the text"
            )
        seen = _Seen(len(texts))
        for text, encoding in zip(texts, encoded, strict=True):
            if not encoding.ids:
                raise RequestError(
                    f"{where}: {self.name} makes no token of the text {shown(text)}, and adds none; give it "
                    "a vocabulary with these characters, or remove the text"
                )
            length = len(encoding.ids)
            seen.tokens += length if self.max_length is None else min(length, self.max_length)
            lost, characters = _lost(text, encoding, self.unknown)
            seen.lost, seen.characters = seen.lost + lost, seen.characters + characters
            if not any(_own(encoding)):
                seen.empty += 1
                seen.first_empty = seen.first_empty or text
        if split.words is not None and self.max_length is not None:
            some = split.take(rows)
            items = len(encode_split(some, self.tokenizer, self.max_length).labels)
            self.backend.no_truncation()
            seen.words, seen.unlabelled = len(some.labels), len(some.labels) - items
        return seen

    def _encoded(self, texts: Sequence[str]) -> list[Any] | None:
        """The encodings of `texts`; None if the tokenizer cannot read one of them."""
        try:
            encodings: list[Any] = self.backend.encode_batch(list(texts))
        except Exception:  # the library raises plain exceptions
            return None
        return encodings


def _own(encoding: Any) -> list[bool]:
    """For each token, whether the token comes from the text."""
    return [not special for special in encoding.special_tokens_mask]


def _lost(text: str, encoding: Any, unknown: int | None) -> tuple[int, int]:
    """The number of characters of `text` that no known token stands for, and the number of all."""
    known = bytearray(len(text))
    gone = []
    for token, (start, end), own in zip(encoding.ids, encoding.offsets, _own(encoding), strict=True):
        if own and token == unknown:
            gone.append((start, end))
        elif own:
            known[start:end] = b"\1" * (end - start)
    for start, end in gone:  # a mark of a word's beginning has the place of the word's first letter
        known[start:end] = bytes(end - start)
    lost = sum(not known[i] and _is_seen(c) for i, c in enumerate(text)) if 0 in known else 0
    return lost, sum(map(len, text.split()))


def _is_seen(character: str) -> bool:
    return not character.isspace() and unicodedata.category(character)[0] != "C"


def _language_notes(task: Task, seen: Mapping[tuple[str, str], _Seen]) -> Iterator[str]:
    for language in task.languages:
        parts = {name: seen[name, language] for name in task.splits if (name, language) in seen}
        characters = sum(part.characters for part in parts.values())
        share = sum(part.lost for part in parts.values()) / characters if characters else 1.0
        if parts and share >= LITTLE:
            yield (
                f"{language}: {share:.0%} of its characters are unknown to the base model's tokenizer, in "
                f"{sum(part.texts for part in parts.values())} texts"
            )
        words = sum(part.words for part in parts.values())
        if unlabelled := sum(part.unlabelled for part in parts.values()):
            yield (
                f"{language}: {unlabelled} of {words} words have no label for a student: they are cut off at "
                "max_length, or the base model's tokenizer makes no token of them"
            )
        for name, part in parts.items():
            if part.empty:
                yield (
                    f"{name}, {language}: the base model's tokenizer keeps nothing of {part.empty} of "
                    f"{part.texts} texts; the first is {shown(part.first_empty)}"
                )
