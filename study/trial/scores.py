"""Scores per language: accuracy, macro-F1, retention, and their mean and minimum over languages.

If the student is not trained on all languages, mean and minimum are also over the seen languages, and over
the unseen ones.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

__all__ = ["Scores", "add_groups", "add_retention", "score"]

Scores = dict[str, Any]
"""{"accuracy"|"macro_f1"|"retention": {"macro", "worst", "by_language": {code: value}}, "n": {code: rows}}

Of a student with unseen languages, each metric has the values of `study.config.SEEN_OR_UNSEEN` too."""


def score(predictions: np.ndarray, labels: np.ndarray, languages: np.ndarray, names: Sequence[str]) -> Scores:
    """Scores of `predictions` (n class ids) against `labels`, for each language that has rows.

    For a class, ``F1 = 2 hits / (rows with this label + rows with this prediction)``. Macro-F1 is the mean
    over the classes that occur in the language's labels or predictions. `macro` is the mean over languages,
    each with the same weight; `worst` is the lowest language. scikit-learn gives the same numbers; in 52
    languages scikit-learn takes 150 ms of every report, 200 times as long.
    """
    accuracy, f1, n = {}, {}, {}
    for index, name in enumerate(names):
        rows = languages == index
        if not rows.any():
            continue  # a language without rows in this split stays missing
        predicted, right = predictions[rows], labels[rows]
        n[name] = len(right)
        accuracy[name] = float(np.mean(predicted == right))
        classes = int(max(predicted.max(), right.max())) + 1
        hits = np.bincount(right[predicted == right], minlength=classes)
        rows_of = np.bincount(right, minlength=classes) + np.bincount(predicted, minlength=classes)
        occurs = rows_of > 0
        f1[name] = float(np.mean(2 * hits[occurs] / rows_of[occurs]))
    return {"accuracy": _over_languages(accuracy), "macro_f1": _over_languages(f1), "n": n}


def add_retention(student: Scores, teacher: Scores) -> Scores:
    """`student` with retention = student accuracy / teacher accuracy.

    A language is missing if the teacher's accuracy is zero, because the ratio then means nothing.
    """
    ours, theirs = student["accuracy"]["by_language"], teacher["accuracy"]["by_language"]
    ratio = {name: ours[name] / theirs[name] for name in ours if theirs.get(name, 0) > 0}
    return student | {"retention": _over_languages(ratio)}


def add_groups(scores: Scores, seen: Collection[str]) -> Scores:
    """`scores` with `study.config.SEEN_OR_UNSEEN` in each metric; None over no language.

    seen: the languages that the student is trained on. All other languages are unseen.
    """
    found = dict(scores)
    for metric in ("accuracy", "macro_f1", "retention"):
        if metric in scores:
            values = scores[metric]["by_language"]
            groups = {
                "seen": {name: value for name, value in values.items() if name in seen},
                "unseen": {name: value for name, value in values.items() if name not in seen},
            }
            found[metric] = scores[metric] | {
                f"{group}_{summary}": _over_languages(of_group)[summary]
                for group, of_group in groups.items()
                for summary in ("macro", "worst")
            }
    return found


def _over_languages(values: dict[str, float]) -> dict[str, Any]:
    numbers = list(values.values())
    return {
        "macro": float(np.mean(numbers)) if numbers else None,
        "worst": min(numbers, default=None),
        "by_language": values,
    }
