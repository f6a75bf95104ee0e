"""Tokenised splits: every text tokenised once, stored flat and memory-mapped by all trials of a node."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from study.trial.data.task import SPLITS, Split, Task

if TYPE_CHECKING:  # torch takes seconds to import, and whoever computes keys alone needs none
    import torch

__all__ = ["EncodedSplit", "encode_split", "encode_task", "load_encoded_split"]

PARTS = ("ids", "offsets", "labels", "languages")


@dataclass(frozen=True)
class EncodedSplit:
    """Token ids of one split's n texts.

    ids: all texts' tokens, one after the other; offsets: n + 1 positions in `ids`;
    labels, languages: n ids each, as in `Split`.
    """

    ids: np.ndarray
    offsets: np.ndarray
    labels: np.ndarray
    languages: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def lengths(self) -> np.ndarray:
        """Tokens of each text, special tokens included."""
        return np.diff(self.offsets)

    def take(self, rows: np.ndarray) -> EncodedSplit:
        """A split of `rows` alone, in their order."""
        lengths = self.lengths[rows]
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        ids = np.concatenate([self.ids[self.offsets[r] : self.offsets[r + 1]] for r in rows])
        return EncodedSplit(ids, offsets, self.labels[rows], self.languages[rows])

    def padded(self, rows: np.ndarray, pad_id: int) -> dict[str, torch.Tensor]:
        """`input_ids` and `attention_mask` of `rows`, [rows x longest of them], int64."""
        import torch

        starts, lengths = self.offsets[rows], self.lengths[rows]
        columns = np.arange(lengths.max())
        mask = columns[None, :] < lengths[:, None]
        ids = np.full(mask.shape, pad_id, dtype=np.int64)
        ids[mask] = self.ids[(starts[:, None] + columns[None, :])[mask]]
        return {"input_ids": torch.from_numpy(ids), "attention_mask": torch.from_numpy(mask.astype(np.int64))}


def encode_task(task: Task, tokenizer: Any, max_length: int, folder: Path) -> None:
    """Tokenise every split of `task` into `folder`; texts are cut after `max_length` tokens."""
    for name in SPLITS:
        encoded = encode_split(task.splits[name], tokenizer, max_length)
        for part in PARTS:
            np.save(folder / f"{name}-{part}.npy", getattr(encoded, part))


def encode_split(split: Split, tokenizer: Any, max_length: int) -> EncodedSplit:
    """Tokenise one split; texts are cut after `max_length` tokens."""
    ids = tokenizer(list(split.texts), truncation=True, max_length=max_length)["input_ids"] if split else []
    offsets = np.zeros(len(ids) + 1, dtype=np.int64)
    np.cumsum([len(text) for text in ids], out=offsets[1:])
    flat = np.fromiter((token for text in ids for token in text), dtype=np.int32, count=int(offsets[-1]))
    return EncodedSplit(flat, offsets, split.labels, split.languages)


def load_encoded_split(folder: Path, name: str) -> EncodedSplit:
    """Memory-map, read-only, one split that `encode_task` wrote: no trial can change another's data."""
    parts = {
        part: np.load(folder / f"{name}-{part}.npy", mmap_mode="r", allow_pickle=False) for part in PARTS
    }
    return EncodedSplit(**parts)
