"""Scores per language: accuracy, macro-F1, retention, and their mean and minimum over languages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

__all__ = ["Scores", "add_retention", "score"]

Scores = dict[str, Any]
"""{"accuracy"|"macro_f1"|"retention": {"macro", "worst", "by_language": {code: value}}, "n": {code: rows}}"""


def score(predictions: np.ndarray, labels: np.ndarray, languages: np.ndarray, names: Sequence[str]) -> Scores:
    """Scores of `predictions` (n class ids) against `labels`, for each language that has rows.

    `macro` is the mean over languages, each counting the same; `worst` is the lowest.
    """
    accuracy, f1, n = {}, {}, {}
    for index, name in enumerate(names):
        rows = languages == index
        if not rows.any():
            continue  # a language without rows in this split stays missing
        n[name] = int(rows.sum())
        accuracy[name] = float(np.mean(labels[rows] == predictions[rows]))
        f1[name] = _macro_f1(predictions[rows], labels[rows])
    return {"accuracy": _over_languages(accuracy), "macro_f1": _over_languages(f1), "n": n}


def add_retention(student: Scores, teacher: Scores) -> Scores:
    """`student` with retention = student accuracy / teacher accuracy.

    Missing where the teacher's accuracy is zero, because no ratio says anything there.
    """
    ours, theirs = student["accuracy"]["by_language"], teacher["accuracy"]["by_language"]
    ratio = {name: ours[name] / theirs[name] for name in ours if theirs.get(name, 0) > 0}
    return student | {"retention": _over_languages(ratio)}


def _macro_f1(predictions: np.ndarray, labels: np.ndarray) -> float:
    """Mean of 2 hits / (times predicted + times labelled) over the classes that occur in either.

    To the bit what scikit-learn's f1_score gives, whose import takes every worker a second.
    """
    size = int(max(predictions.max(), labels.max())) + 1
    hits = np.bincount(labels[labels == predictions], minlength=size)
    times = np.bincount(predictions, minlength=size) + np.bincount(labels, minlength=size)
    occurs = times > 0
    return float(np.mean(2 * hits[occurs] / times[occurs]))


def _over_languages(values: dict[str, float]) -> dict[str, Any]:
    numbers = list(values.values())
    return {
        "macro": float(np.mean(numbers)) if numbers else None,
        "worst": min(numbers, default=None),
        "by_language": values,
    }
