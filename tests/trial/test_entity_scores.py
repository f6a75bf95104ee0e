"""Scores of a token task: seqeval's documented numbers, per language, and retention by F1."""

from __future__ import annotations

import numpy as np
import pytest

from study.trial.data.tokens import EncodedSplit
from study.trial.inputs import TaskFacts
from study.trial.progress import Progress
from study.trial.scores import add_retention, headline, score_entities, score_split

MISC = ("B-MISC", "B-PER", "I-MISC", "I-PER", "O")


def scored(predicted: list[list[str]], there: list[list[str]], languages: list[int], names: tuple[str, ...]):  # type: ignore[no-untyped-def]
    ids = [np.array([MISC.index(tag) for text in texts for tag in text]) for texts in (predicted, there)]
    starts = np.cumsum([0, *map(len, there)])
    return score_entities(*ids, starts, np.array(languages), TaskFacts("t", MISC, names, "token"))


THERE = [["O", "O", "O", "B-MISC", "I-MISC", "I-MISC", "O"], ["B-PER", "I-PER", "O"]]
PREDICTED = [["O", "O", "B-MISC", "I-MISC", "I-MISC", "I-MISC", "O"], ["B-PER", "I-PER", "O"]]


def test_the_documented_example_of_seqeval_has_an_f1_of_one_half() -> None:
    scores = scored(PREDICTED, THERE, [0, 0], ("eng",))
    for metric in ("f1", "precision", "recall"):
        assert scores[metric]["by_language"] == {"eng": 0.5}
        assert scores[metric]["macro"] == scores[metric]["worst"] == 0.5
    assert scores["n"] == {"eng": 2}


def test_languages_are_scored_apart_and_weigh_the_same() -> None:
    scores = scored(PREDICTED, THERE, [0, 1], ("eng", "yor"))
    assert scores["f1"] == {"by_language": {"eng": 0.0, "yor": 1.0}, "macro": 0.5, "worst": 0.0}


def test_precision_and_recall_are_over_what_was_said_and_what_is_there() -> None:
    scores = scored([["B-PER", "B-PER", "B-PER", "B-PER"]], [["B-PER", "O", "O", "B-MISC"]], [0], ("eng",))
    assert scores["precision"]["macro"] == 1 / 4
    assert scores["recall"]["macro"] == 1 / 2
    assert scores["f1"]["macro"] == pytest.approx(2 * (1 / 4) * (1 / 2) / (1 / 4 + 1 / 2))


def test_a_language_without_an_entity_has_no_score() -> None:
    scores = scored([["B-PER"], ["B-PER"]], [["B-PER"], ["O"]], [0, 1], ("eng", "yor"))
    assert scores["f1"] == {"by_language": {"eng": 1.0}, "macro": 1.0, "worst": 1.0}
    assert scores["n"] == {"eng": 1, "yor": 1}


def test_nothing_predicted_is_zero() -> None:
    scores = scored([["O"]], [["B-PER"]], [0], ("eng",))
    assert [scores[metric]["macro"] for metric in ("f1", "precision", "recall")] == [0, 0, 0]


def test_retention_and_the_compared_value_are_by_f1() -> None:
    teacher = scored(THERE, THERE, [0, 0], ("eng",))
    student = add_retention(scored(PREDICTED, THERE, [0, 0], ("eng",)), teacher)
    assert headline(student) == "f1"
    assert student["retention"]["by_language"] == {"eng": 0.5}
    assert Progress(1, 1, 0.1, 1.0, 0, student).value == 0.5


def test_parts_of_speech_have_the_accuracy_of_words() -> None:
    split = EncodedSplit(
        ids=np.arange(6),
        offsets=np.array([0, 4, 6]),
        labels=np.array([0, 1, 1]),
        languages=np.array([0, 1]),
        starts=np.array([0, 2, 3]),
        places=np.array([1, 2, 1]),
        words=np.array([0, 1, 0]),
        strata=np.array([0, 1]),
    )
    task = TaskFacts("t", ("NOUN", "VERB"), ("eng", "yor"), "token")
    scores = score_split(np.array([0, 0, 1]), split, task)
    assert scores["accuracy"] == {"by_language": {"eng": 0.5, "yor": 1.0}, "macro": 0.75, "worst": 0.5}
    assert scores["n"] == {"eng": 1, "yor": 1}
