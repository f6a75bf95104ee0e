"""Whether students can be trained and selected on the languages that a plan gives them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from study.errors import RequestError
from study.planning.languages import Languages, OfTask
from study.planning.plan import ModelFacts, Plan
from study.planning.shares import check_distinct, shares_of
from study.planning.trained import check_labels, check_selectable, language_notes
from study.space import Range, SearchSpace
from study.trial.data.task import Split, Task

LANGUAGES = ("de", "en", "no_B", "sw")
LABELS = ("a", "b", "c")


def split(rows: Sequence[tuple[int, int]]) -> Split:
    """Rows of (language, label)."""
    languages, labels = (np.array(column, dtype=np.int64) for column in zip(*rows, strict=True))
    return Split(tuple(f"text {n}" for n in range(len(rows))), labels, languages)


def task(validation: Sequence[int] = (0, 1)) -> Task:
    """Training rows: `de` of all labels, `en` of two, `no_B` of one; none of `sw`. Test rows of all."""
    train = [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (2, 0)] * 4
    every = [(language, 0) for language in range(4)]
    splits = {"train": split(train), "validation": split([(n, 0) for n in validation]), "test": split(every)}
    return Task("t", LABELS, LANGUAGES, splits)


def plan_of(a_task: Task, *levels: str, **fixed: Any) -> Plan:
    space = SearchSpace(
        question="Which?",
        scientific={"init": ("random", "teacher"), "train_languages": levels},
        nuisance={"learning_rate": Range(low=1e-4, high=1e-2, log=True)},
        fixed=fixed,
        trials=2,
    )
    of_task = OfTask(a_task.fingerprint, a_task.languages, a_task.languages_in("train"))
    return Plan.make("s", space, of_task, ModelFacts("b" * 64, 4, 1e-3), "", {})


def test_a_language_without_training_rows_is_not_among_those_that_are_trained_on() -> None:
    assert task().languages_in("train") == ("de", "en", "no_B")
    assert task().languages_in("validation") == ("de", "en")
    assert plan_of(task(), "all", "en").unseen_by(plan_of(task(), "all", "en").arms()[0]) == ("sw",)


def test_languages_of_one_label_cannot_be_trained_on() -> None:
    check_labels(plan_of(task(), "all", "de", "en+no_B"), task())
    with pytest.raises(
        RequestError, match=r"^train_languages=no_B: the training rows of no_B have one label"
    ):
        check_labels(plan_of(task(), "all", "no_B"), task())
    with pytest.raises(RequestError, match=r"^teacher_languages=no_B: the training rows of no_B have one"):
        check_labels(plan_of(task(), "all", "de", teacher_languages="no_B"), task())


def test_labels_that_a_student_never_sees_are_named() -> None:
    assert list(language_notes(plan_of(task(), "all", "en", "de"), task())) == [
        "train_languages=en: 1 of 3 labels have no training row: c"
    ]


def test_students_that_are_selected_on_seen_languages_need_validation_rows_of_one() -> None:
    check_selectable(plan_of(task(), "en", "all"), task())
    only_german = task(validation=[0])
    with pytest.raises(
        RequestError, match=r"^train_languages=en: no validation rows in en, .*--select-on all"
    ):
        check_selectable(plan_of(only_german, "en", "all"), only_german)
    on_all = plan_of(only_german, "en", "all").model_copy(update={"select_on": "all"})
    check_selectable(on_all, only_german)


def test_fractions_are_compared_and_counted_within_the_languages_of_a_student() -> None:
    space = {"train_languages": ("en", "all"), "data_fraction": (0.5, 1.0)}
    plan = plan_of(task(), "en", "all")
    plan = plan.model_copy(update={"space": plan.space.model_copy(update={"scientific": space})})
    shares = shares_of(plan, task())
    assert [(s.name, s.rows, s.share) for s in shares] == [
        ("data_fraction=0.5", 12, 0.5),
        ("data_fraction=0.5 in en", 4, 0.5),
        ("data_fraction=1", 24, 1.0),
        ("data_fraction=1 in en", 8, 1.0),
    ]
    check_distinct(plan, shares)


def test_a_study_of_an_older_version_has_no_note_on_languages() -> None:
    """Its plan does not know the languages of the task."""
    plan = plan_of(task(), "all", "en").model_copy(update={"languages": Languages()})
    space = plan.space.model_copy(update={"scientific": {"init": ("random", "teacher")}})
    older = plan.model_copy(update={"space": space, "select_on": "all"})
    assert list(language_notes(older, task())) == []
    check_selectable(older, task())
    assert older.unseen_by(older.arms()[0]) == ()
