"""Texts that two splits of a task share: a student that was trained on a test text is scored too high.

Texts of all languages are compared, after NFKC, case folding and collapsing white space.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

from study.trial.data.rows import Rows, Splits

__all__ = ["drop_from_training", "shared_texts"]


def shared_texts(splits: Splits) -> dict[tuple[str, str], frozenset[str]]:
    """The comparable texts that each pair of splits has in common."""
    forms = {name: {form for rows in parts for form in rows.forms} for name, parts in splits.items()}
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
        kept.append(rows.take([i for i, form in enumerate(rows.forms) if form not in drop]))
    dropped = sum(map(len, splits["train"])) - sum(map(len, kept))
    return {**splits, "train": kept}, dropped
