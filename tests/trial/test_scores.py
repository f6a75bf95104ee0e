"""Scores: per language, against counts by hand; what was not measured stays missing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, f1_score

from study.config import SEEN_OR_UNSEEN, headline
from study.trial.data.tokens import EncodedSplit
from study.trial.inputs import TaskFacts
from study.trial.progress import Progress
from study.trial.scores import (
    Scores,
    add_groups,
    add_retention,
    score,
    score_entities,
    score_split,
)

NAMES = ("a", "b", "c")
LANGUAGES = np.array([0, 0, 0, 0, 0, 0, 1, 1])  # none of c
LABELS = np.array([0, 0, 1, 1, 2, 2, 0, 1])
PREDICTIONS = np.array([0, 1, 1, 1, 2, 0, 1, 1])


def test_accuracy_is_the_share_of_a_languages_rows() -> None:
    accuracy = score(PREDICTIONS, LABELS, LANGUAGES, NAMES)["accuracy"]
    assert accuracy["by_language"] == {"a": 4 / 6, "b": 1 / 2}
    assert accuracy["macro"] == pytest.approx((4 / 6 + 1 / 2) / 2)
    assert accuracy["worst"] == 1 / 2


def test_macro_f1_is_the_mean_over_classes_that_occur_in_the_language() -> None:
    f1 = score(PREDICTIONS, LABELS, LANGUAGES, NAMES)["macro_f1"]
    # a: hits, false, missed: 1, 1, 1 of class 0; 2, 1, 0 of class 1; 1, 0, 1 of class 2
    assert f1["by_language"]["a"] == pytest.approx((2 / 4 + 4 / 5 + 2 / 3) / 3)
    # b: 0, 0, 1 of class 0; 1, 1, 0 of class 1; class 2 does not occur and does not count
    assert f1["by_language"]["b"] == pytest.approx((0 + 2 / 3) / 2)


def test_a_language_without_rows_is_missing_and_not_zero() -> None:
    scores = score(PREDICTIONS, LABELS, LANGUAGES, NAMES)
    assert scores["n"] == {"a": 6, "b": 2}
    assert "c" not in scores["accuracy"]["by_language"]
    assert scores["accuracy"]["worst"] > 0


def test_no_rows_at_all_give_no_numbers() -> None:
    nothing = np.array([], dtype=np.int64)
    accuracy = score(nothing, nothing, nothing, NAMES)["accuracy"]
    assert accuracy == {"macro": None, "worst": None, "by_language": {}}


def test_languages_count_the_same_however_many_rows_they_have() -> None:
    languages = np.array([0] * 98 + [1] * 2)
    labels = np.zeros(100, dtype=np.int64)
    predictions = np.where(languages == 0, 0, 1)
    assert score(predictions, labels, languages, NAMES)["accuracy"]["macro"] == 0.5


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6), st.integers(0, 2)), min_size=1, max_size=60))
def test_every_number_is_scikit_learns(rows: list[tuple[int, int, int]]) -> None:
    predictions, labels, languages = np.array(rows).T
    found = score(predictions, labels, languages, NAMES)
    for index, name in enumerate(NAMES):
        of = languages == index
        if of.any():
            said, right = predictions[of], labels[of]
            assert found["accuracy"]["by_language"][name] == accuracy_score(right, said)
            f1 = f1_score(right, said, average="macro", zero_division=0)
            assert found["macro_f1"]["by_language"][name] == pytest.approx(f1, rel=1e-15)


def test_retention_is_the_students_share_of_the_teachers_accuracy() -> None:
    student = score(PREDICTIONS, LABELS, LANGUAGES, NAMES)
    teacher = score(LABELS, LABELS, LANGUAGES, NAMES)
    retention = add_retention(student, teacher)["retention"]
    assert retention["by_language"] == {"a": 4 / 6, "b": 1 / 2}
    half = add_retention(teacher, student)["retention"]
    assert half["by_language"] == {"a": 6 / 4, "b": 2.0}
    assert half["macro"] == pytest.approx(1.75)
    assert half["worst"] == 1.5


def test_retention_is_missing_where_the_teacher_has_nothing_right() -> None:
    student = score(LABELS, LABELS, LANGUAGES, NAMES)
    teacher = score(np.where(LANGUAGES == 0, 9, LABELS), LABELS, LANGUAGES, NAMES)
    assert add_retention(student, teacher)["retention"] == {
        "macro": 1.0,
        "worst": 1.0,
        "by_language": {"b": 1.0},
    }


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(0, 2)), min_size=1, max_size=60))
def test_accuracy_and_f1_by_counting(rows: list[tuple[int, int, int]]) -> None:
    predictions, labels, languages = (np.array(column) for column in zip(*rows, strict=True))
    scores = score(predictions, labels, languages, NAMES)
    for index, name in enumerate(NAMES):
        mine = [(p, y) for p, y, language in rows if language == index]
        if not mine:
            assert name not in scores["n"]
            continue
        assert scores["accuracy"]["by_language"][name] == sum(p == y for p, y in mine) / len(mine)
        f1 = []
        for k in {k for pair in mine for k in pair}:
            hits = sum(p == y == k for p, y in mine)
            f1.append(2 * hits / (sum(p == k for p, _ in mine) + sum(y == k for _, y in mine)))
        assert scores["macro_f1"]["by_language"][name] == pytest.approx(sum(f1) / len(f1))


def test_seen_and_unseen_languages_have_a_mean_and_a_minimum_each() -> None:
    predictions, labels = np.array([0, 0, 1, 1, 0, 1]), np.array([0, 1, 1, 1, 0, 0])
    languages = np.array([0, 0, 1, 1, 2, 2])
    student = score(predictions, labels, languages, NAMES)  # a: 1/2, b: 1, c: 1/2
    scores = add_groups(add_retention(student, student), ["a", "b"])
    for metric in ("accuracy", "macro_f1", "retention"):
        of = scores[metric]["by_language"]
        assert scores[metric]["seen_macro"] == (of["a"] + of["b"]) / 2
        assert scores[metric]["seen_worst"] == min(of["a"], of["b"])
        assert scores[metric]["unseen_macro"] == scores[metric]["unseen_worst"] == of["c"]
    assert scores["accuracy"]["macro"] == student["accuracy"]["macro"] == pytest.approx(2 / 3)
    assert not set(SEEN_OR_UNSEEN) & student["accuracy"].keys()


def test_a_group_without_scores_has_no_number() -> None:
    scores = add_groups(score(PREDICTIONS, LABELS, LANGUAGES, NAMES), ["a", "b"])  # c has no rows here
    assert scores["accuracy"]["unseen_macro"] is None
    assert scores["accuracy"]["seen_macro"] == scores["accuracy"]["macro"]


# Words with BIO tags

MISC = ("B-MISC", "B-PER", "I-MISC", "I-PER", "O")


def scored(
    predicted: list[list[str]], there: list[list[str]], languages: list[int], names: tuple[str, ...]
) -> Scores:
    said, true = (
        np.array([MISC.index(tag) for text in texts for tag in text]) for texts in (predicted, there)
    )
    starts = np.cumsum([0, *map(len, there)])
    return score_entities(said, true, starts, np.array(languages), TaskFacts("t", MISC, names, "token"))


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
