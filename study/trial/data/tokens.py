"""Tokenised splits: every text tokenised once, stored flat and memory-mapped by all trials of a node."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from study.trial.data.first_tokens import first_tokens
from study.trial.data.strata import strata_of
from study.trial.data.task import SPLITS, Split, Task, items_of

if TYPE_CHECKING:  # torch takes seconds to import, and whoever computes keys alone needs none
    import torch

__all__ = ["EncodedSplit", "encode_split", "encode_task", "load_encoded_split"]

PARTS = ("ids", "offsets", "labels", "languages")
ITEM_PARTS = ("starts", "places", "words", "strata")
"""What a token task has besides."""


@dataclass(frozen=True)
class EncodedSplit:
    """Token ids of one split's n texts.

    ids: all texts' tokens, one after the other; offsets: n + 1 positions in `ids`;
    languages: n ids; labels: a class id for each item (a text, or in a token task a word).

    In a token task a word's label is read at the word's first token. A word without a token is no item: it
    was cut off with the end of its text, or the tokenizer makes nothing of it. starts: where the items of
    each text begin, and the end, n + 1; places: for each item its first token's place in its text; words: for
    each item the number of the word in its text, from 0; strata: n ids, of all words (`strata_of`).
    """

    ids: np.ndarray
    offsets: np.ndarray
    labels: np.ndarray
    languages: np.ndarray
    starts: np.ndarray | None = None
    places: np.ndarray | None = None
    words: np.ndarray | None = None
    strata: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.languages)

    @property
    def lengths(self) -> np.ndarray:
        """Tokens of each text, special tokens included."""
        return np.diff(self.offsets)

    @property
    def sampled_by(self) -> np.ndarray:
        """The stratum of each text: its label in a text task."""
        return self.labels if self.strata is None else self.strata

    @property
    def item_languages(self) -> np.ndarray:
        """The language of each item."""
        return self.languages if self.starts is None else np.repeat(self.languages, np.diff(self.starts))

    def items(self, rows: np.ndarray) -> np.ndarray:
        """The items of the texts `rows`, in their order."""
        return items_of(rows, self.starts)

    def take(self, rows: np.ndarray) -> EncodedSplit:
        """A split of `rows` alone, in their order."""
        lengths = self.lengths[rows]
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        ids = np.concatenate([self.ids[self.offsets[r] : self.offsets[r + 1]] for r in rows])
        languages = self.languages[rows]
        if self.starts is None:
            return EncodedSplit(ids, offsets, self.labels[rows], languages)
        assert self.places is not None
        assert self.words is not None
        items = self.items(rows)
        starts = np.concatenate([[0], np.cumsum(np.diff(self.starts)[rows])])
        strata = None if self.strata is None else self.strata[rows]
        own = (starts, self.places[items], self.words[items], strata)
        return EncodedSplit(ids, offsets, self.labels[items], languages, *own)

    def padded(self, rows: np.ndarray, pad_id: int) -> dict[str, torch.Tensor]:
        """`input_ids` and `attention_mask` of `rows`, [rows x longest of them], int64."""
        import torch

        starts, lengths = self.offsets[rows], self.lengths[rows]
        columns = np.arange(lengths.max())
        mask = columns[None, :] < lengths[:, None]
        ids = np.full(mask.shape, pad_id, dtype=np.int64)
        ids[mask] = self.ids[(starts[:, None] + columns[None, :])[mask]]
        return {"input_ids": torch.from_numpy(ids), "attention_mask": torch.from_numpy(mask.astype(np.int64))}

    def places_in(self, rows: np.ndarray) -> torch.Tensor | None:
        """Where `padded` has the items' first tokens: places in [rows x longest], row by row; int64.

        None in a text task.
        """
        if self.starts is None:
            return None
        import torch

        assert self.places is not None
        before = np.arange(len(rows)) * int(self.lengths[rows].max())
        counts = self.starts[rows + 1] - self.starts[rows]
        return torch.from_numpy(self.places[self.items(rows)] + np.repeat(before, counts))


def encode_task(task: Task, tokenizer: Any, max_length: int, folder: Path) -> None:
    """Tokenise every split of `task` into `folder`; texts are cut after `max_length` tokens."""
    for name in SPLITS:
        split = task.splits[name]
        encoded = encode_split(split, tokenizer, max_length)
        if split.words is not None:
            encoded = replace(encoded, strata=strata_of(split, task.labels))
        for part in PARTS if split.words is None else PARTS + ITEM_PARTS:
            np.save(folder / f"{name}-{part}.npy", getattr(encoded, part))


def encode_split(split: Split, tokenizer: Any, max_length: int) -> EncodedSplit:
    """Tokenise one split; texts are cut after `max_length` tokens.

    A token task's texts are tokenised as they stand, not word by word: so a pipeline that is given such a
    text reads the same ids.
    """
    found = _encoded(split, tokenizer, max_length)
    ids = found["input_ids"]
    offsets = np.zeros(len(ids) + 1, dtype=np.int64)
    np.cumsum([len(text) for text in ids], out=offsets[1:])
    flat = np.fromiter((token for text in ids for token in text), dtype=np.int32, count=int(offsets[-1]))
    if split.words is None:
        return EncodedSplit(flat, offsets, split.labels, split.languages)
    assert split.starts is not None
    firsts = [first_tokens(*each) for each in zip(split.words, found["offset_mapping"], strict=True)]
    starts = np.concatenate([[0], np.cumsum([len(of_text) for of_text in firsts])]).astype(np.int64)
    each = np.array([pair for of_text in firsts for pair in of_text], dtype=np.int32).reshape(-1, 2)
    labels = split.labels[np.repeat(split.starts[:-1], np.diff(starts)) + each[:, 0]]
    return EncodedSplit(flat, offsets, labels, split.languages, starts, each[:, 1], each[:, 0])


def _encoded(split: Split, tokenizer: Any, max_length: int) -> Mapping[str, Any]:
    if not split:
        return {"input_ids": [], "offset_mapping": []}
    spans = {} if split.words is None else {"return_offsets_mapping": True}
    found: Mapping[str, Any] = tokenizer(list(split.texts), truncation=True, max_length=max_length, **spans)
    return found


def load_encoded_split(folder: Path, name: str) -> EncodedSplit:
    """Memory-map, read-only, one split that `encode_task` wrote: no trial can change another's data."""
    has_items = (folder / f"{name}-{ITEM_PARTS[0]}.npy").exists()
    parts = {
        part: np.load(folder / f"{name}-{part}.npy", mmap_mode="r", allow_pickle=False)
        for part in (PARTS + ITEM_PARTS if has_items else PARTS)
    }
    return EncodedSplit(**parts)
