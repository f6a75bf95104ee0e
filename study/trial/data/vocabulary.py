"""The part of a tokenizer's vocabulary that a task uses; tokens get new ids, once for all trials.

If no text of a task has a token, the token is never looked up: its row of the embedding gets no gradient, and
without weight decay a row without a gradient never changes (`study/trial/training.py`). So the rows of such
tokens can be left out of training and put back afterwards, and every computed number stays the same.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

__all__ = ["Vocabulary", "load_trimmed_ids", "load_vocabulary", "save_trimmed_ids"]

FILE = "vocabulary.json"


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """The `kept` tokens of a vocabulary of `size` tokens: the token kept[i] gets the new id i.

    kept: int32, every id once, in rising order. One exception: if more tokens are kept than the padding
    token's id, the padding token keeps its id, because architectures such as RoBERTa count positions from it.
    """

    size: int
    kept: np.ndarray

    @classmethod
    def of(cls, texts: Iterable[np.ndarray], special: Iterable[int], pad: int, size: int) -> Vocabulary:
        """The tokens of `texts` (arrays of ids), the `special` tokens and `pad`, of a vocabulary of `size`.

        Raises:
            ValueError: if an id is not in such a vocabulary.
        """
        used = np.zeros(size, dtype=bool)
        for ids in (*texts, np.fromiter(special, dtype=np.int64), np.array([pad])):
            if len(ids) and not 0 <= int(ids.min()) <= int(ids.max()) < size:
                raise ValueError(f"token ids from {ids.min()} to {ids.max()} in a vocabulary of {size}")
            used[ids] = True
        kept = np.flatnonzero(used).astype(np.int32)
        if pad < len(kept):
            kept = np.insert(kept[kept != pad], pad, np.int32(pad))
        return cls(size, kept)

    def __len__(self) -> int:
        return len(self.kept)

    @cached_property
    def _new_ids(self) -> np.ndarray:
        """The new id of every old id; -1 if the token is not kept."""
        new = np.full(self.size, -1, dtype=np.int32)
        new[self.kept] = np.arange(len(self.kept), dtype=np.int32)
        return new

    def trim_ids(self, ids: np.ndarray) -> np.ndarray:
        """The new ids of `ids`, int32.

        Raises:
            ValueError: if a token is not kept.
        """
        new: np.ndarray = self._new_ids[ids]
        if new.size and int(new.min()) < 0:
            lost = np.unique(np.asarray(ids)[new < 0])
            raise ValueError(f"{len(lost)} tokens are not kept, as {lost[0]}")
        return new

    def trim_id(self, token: int) -> int:
        """One token's new id."""
        return int(self.trim_ids(np.array([token]))[0])

    def save(self, folder: Path) -> None:
        content = json.dumps({"size": self.size, "kept": self.kept.tolist()}, separators=(",", ":"))
        (folder / FILE).write_text(content, encoding="utf-8")


def load_vocabulary(folder: Path) -> Vocabulary | None:
    """The vocabulary that `Vocabulary.save` wrote into `folder`; None if the folder has none."""
    if not (folder / FILE).is_file():
        return None
    content = json.loads((folder / FILE).read_text(encoding="utf-8"))
    return Vocabulary(content["size"], np.array(content["kept"], dtype=np.int32))


def save_trimmed_ids(folder: Path, vocabulary: Vocabulary, splits: dict[str, np.ndarray]) -> None:
    """Write the new ids of each split's ids (`EncodedSplit.ids`) into `folder`."""
    for name, ids in splits.items():
        np.save(folder / f"{name}-ids.npy", vocabulary.trim_ids(ids))


def load_trimmed_ids(folder: Path, name: str) -> np.ndarray:
    """Memory-map, read-only, the ids that `save_trimmed_ids` wrote for the split `name`."""
    ids: np.ndarray = np.load(folder / f"{name}-ids.npy", mmap_mode="r", allow_pickle=False)
    return ids
