"""Texts that two splits of a task share: a student that was trained on a test text is scored too high.

Texts of all languages are compared, after NFKC, case folding and collapsing white space.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from itertools import combinations

from study.trial.data.rows import Rows, Splits

__all__ = ["comparable", "drop_from_training", "shared_texts"]


def comparable(text: str) -> str:
    """The form of `text` that is compared: two texts of the same form count as the same text."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def shared_texts(splits: Splits) -> dict[tuple[str, str], frozenset[str]]:
    """The comparable texts that each pair of splits has in common."""
    forms = {
        name: {comparable(text) for rows in parts for text in rows.texts} for name, parts in splits.items()
    }
    return {(a, b): frozenset(forms[a] & forms[b]) for a, b in combinations(splits, 2)}


def drop_from_training(
    splits: Splits, shared: Mapping[tuple[str, str], frozenset[str]]
) -> tuple[Splits, int]:
    """`splits` without the training rows whose text another split has, and the number of rows removed."""
    drop = frozenset().union(*(texts for pair, texts in shared.items() if "train" in pair))
    if not drop:
        return splits, 0
    kept: list[Rows] = []
    for rows in splits["train"]:
        kept.append(rows.take([i for i, text in enumerate(rows.texts) if comparable(text) not in drop]))
    dropped = sum(map(len, splits["train"])) - sum(map(len, kept))
    return {**splits, "train": kept}, dropped
