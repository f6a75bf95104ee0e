"""The teachers' accuracy on test, from the retention of their students."""

from __future__ import annotations

import dataclasses

import pandas as pd
import pytest

from analysis.record.study_record import StudyRecord
from analysis.record.teachers import teachers_on_test
from tests.analysis.invented import invented_study

LANGUAGES = ("deu", "swh", "yor")
TEACHER = {"deu": 0.9, "swh": 0.8, "yor": 0.4}


def taught(by_arm: dict[str, float] | None = None) -> StudyRecord:
    """A study whose retentions are those under `TEACHER`, or a better teacher in some arms."""
    study = invented_study({"init": ("random", "teacher")}, seeds=3, search=2, languages=LANGUAGES)
    scores = study.scores.copy()
    accuracy = scores[scores["metric"] == "accuracy"].set_index(["key", "split", "language"])["value"]
    for at in scores.index[(scores["metric"] == "retention") & scores["language"].isin(LANGUAGES)]:
        row = scores.loc[at]
        more = (by_arm or {}).get(row["arm"], 0.0)
        own = accuracy[row["key"], row["split"], row["language"]]
        scores.loc[at, "value"] = own / (TEACHER[row["language"]] + more)
    return dataclasses.replace(study, scores=scores)


def test_one_teacher_has_one_accuracy_in_all_arms() -> None:
    found = teachers_on_test(taught(), LANGUAGES)
    assert found.to_dict() == {"init=random": pytest.approx(0.7), "init=teacher": pytest.approx(0.7)}


def test_two_teachers_have_an_accuracy_each() -> None:
    found = teachers_on_test(taught({"init=teacher": 0.05}), LANGUAGES)
    assert found.to_dict() == {"init=random": pytest.approx(0.7), "init=teacher": pytest.approx(0.75)}


def test_macro_is_over_the_languages_that_are_asked() -> None:
    assert teachers_on_test(taught(), ["deu", "yor"]).to_list() == pytest.approx([0.65, 0.65])


def wrong_in_yor(study: StudyRecord, arm: str) -> StudyRecord:
    """The students of this arm have no right answer in Yoruba."""
    scores = study.scores
    zero = (scores["arm"] == arm) & (scores["language"] == "yor")
    return dataclasses.replace(study, scores=scores.assign(value=scores["value"].where(~zero, 0.0)))


def test_students_without_a_right_answer_show_nothing_and_others_show_their_teacher() -> None:
    one = teachers_on_test(wrong_in_yor(taught(), "init=random"), LANGUAGES)
    assert one.to_list() == pytest.approx([0.7, 0.7])
    several = teachers_on_test(wrong_in_yor(taught({"init=teacher": 0.05}), "init=random"), LANGUAGES)
    assert several.to_dict() == {"init=teacher": pytest.approx(0.75)}


def test_without_retention_no_teacher_is_known() -> None:
    study = taught()
    kept = study.scores[study.scores["metric"] != "retention"]
    found = teachers_on_test(dataclasses.replace(study, scores=kept), LANGUAGES)
    assert found.empty
    assert isinstance(found, pd.Series)
