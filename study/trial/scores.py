"""Scores per language, and their mean and minimum over languages.

Texts, and words whose tags are not BIO, have accuracy, macro-F1 and retention. Words with BIO tags have
precision, recall and F1 of entities, and retention. If the student is not trained on all languages, mean and
minimum are also over the seen languages, and over the unseen ones.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from study.config import headline
from study.trial.data.tags import entities

if TYPE_CHECKING:
    from study.trial.data.tokens import EncodedSplit
    from study.trial.inputs import TaskFacts

__all__ = [
    "HEADLINES",
    "METRICS",
    "Scores",
    "add_groups",
    "add_retention",
    "name_of",
    "score",
    "score_entities",
    "score_split",
]

Scores = dict[str, Any]
"""{METRIC: {"macro", "worst", "by_language": {code: value}}, "n": {code: texts}}

Of a student with unseen languages, each metric has the values of `study.config.SEEN_OR_UNSEEN` too."""

METRICS = ("accuracy", "macro_f1", "f1", "precision", "recall", "retention")
"""All metrics, in the order of tables; a task has some of them."""

HEADLINES = ("accuracy", "f1")
"""The metrics that trials are compared by, each in some tasks."""


def name_of(metric: str) -> str:
    """`metric` as tables and sentences write it."""
    return {"macro_f1": "macro-F1", "f1": "F1"}.get(metric, metric)


def score_split(predictions: np.ndarray, split: EncodedSplit, task: TaskFacts) -> Scores:
    """Scores of `predictions`, a class id for each item of `split`."""
    if task.metric == "accuracy":
        scores = score(predictions, split.labels, split.item_languages, task.languages)
        texts = np.bincount(split.languages, minlength=len(task.languages))
        return scores | {"n": {name: int(n) for name, n in zip(task.languages, texts, strict=True) if n}}
    assert split.starts is not None
    return score_entities(predictions, split.labels, split.starts, split.languages, task)


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


def score_entities(
    predictions: np.ndarray, tags: np.ndarray, starts: np.ndarray, languages: np.ndarray, task: TaskFacts
) -> Scores:
    """Precision, recall and F1 of the entities that `predictions` mark, for each language with entities.

    predictions, tags: a class id for each word; starts: where each of the n texts begins, and the end, n + 1;
    languages: n ids. An entity is right if its type and both its ends are right. Over all texts of a language
    ``precision = right / predicted``, ``recall = right / there`` and ``F1 = 2 right / (predicted + there)``
    with the numbers of predicted entities and of entities in the tags: seqeval's micro average in its default
    mode. A language without an entity in its tags has no score.
    """
    predicted, there = (entities(ids, starts, task.labels) for ids in (predictions, tags))
    right = np.array(sorted(set(map(tuple, predicted.tolist())) & set(map(tuple, there.tolist()))), dtype=int)
    counts = [
        np.bincount(
            languages[np.searchsorted(starts, found.reshape(-1, 3)[:, 0], side="right") - 1],
            minlength=len(task.languages),
        ).tolist()
        for found in (right, predicted, there)
    ]
    found: dict[str, dict[str, float]] = {"f1": {}, "precision": {}, "recall": {}}
    for name, hits, said, true in zip(task.languages, *counts, strict=True):
        if true:
            found["f1"][name] = 2 * hits / (said + true)
            found["precision"][name] = hits / said if said else 0.0
            found["recall"][name] = hits / true
    texts = np.bincount(languages, minlength=len(task.languages))
    n = {name: int(count) for name, count in zip(task.languages, texts, strict=True) if count}
    return {metric: _over_languages(values) for metric, values in found.items()} | {"n": n}


def add_retention(student: Scores, teacher: Scores) -> Scores:
    """`student` with retention = the student's score / the teacher's score, by the headline metric.

    A language is missing if the teacher's score is zero, because the ratio then means nothing.
    """
    ours, theirs = (scores[headline(student)]["by_language"] for scores in (student, teacher))
    ratio = {name: ours[name] / theirs[name] for name in ours if theirs.get(name, 0) > 0}
    return student | {"retention": _over_languages(ratio)}


def add_groups(scores: Scores, seen: Collection[str]) -> Scores:
    """`scores` with `study.config.SEEN_OR_UNSEEN` in each metric; None over no language.

    seen: the languages that the student is trained on. All other languages are unseen.
    """
    found = dict(scores)
    for metric in METRICS:
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
