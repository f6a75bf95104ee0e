"""What a number of the answer is averaged over, and for which teachers and languages it holds."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pandas as pd
import pytest

from analysis.record.domain import Domain
from analysis.record.study_record import StudyRecord
from analysis.verdict.answer import answer
from analysis.verdict.results import Results
from tests.analysis.invented import invented_study
from tests.analysis.spaces import CLAIM, DATA


def test_what_a_number_is_averaged_over_is_named(answered: Callable[[StudyRecord], str]) -> None:
    space = CLAIM | {"depth": (1, 3)}
    assert "Scope: averaged over depth, for this teacher" in answered(invented_study(space, search=2))
    assert "Scope: averaged over alpha, for this teacher" in answered(
        invented_study(DATA | {"alpha": (0.2, 0.5)}, search=2)
    )
    assert "Scope: averaged over" not in answered(invented_study(CLAIM, search=2))


def test_teachers_of_each_seeds_own_sample_are_named(answered: Callable[[StudyRecord], str]) -> None:
    study = invented_study(CLAIM, search=2)
    fixed = study.fixed | {"data_fraction": "0.1", "teacher_data": "same"}
    text = answered(dataclasses.replace(study, fixed=fixed))
    assert "for teachers trained on each seed's own sample, at the selected values" in text
    assert "for this teacher" not in text


@pytest.mark.parametrize("held", ["full", "same"])
def test_what_the_teacher_saw_is_named_where_it_was_held(
    held: str, answered: Callable[[StudyRecord], str]
) -> None:
    study = invented_study(DATA, search=2)
    saw = {"full": "which saw all data", "same": "which saw the same share"}
    text = answered(dataclasses.replace(study, fixed=study.fixed | {"teacher_data": held}))
    assert f"copied from the teacher, {saw[held]}, and random weights" in text
    given = dataclasses.replace(study, facts=study.facts | {"teacher": "d" * 64})
    assert "copied from the teacher and random weights" in answered(given)


def test_each_slope_is_for_the_teachers_of_its_own_arms(answered: Callable[[StudyRecord], str]) -> None:
    """Those of the other kind are none of its."""
    study = invented_study(DATA | {"teacher_data": ("full", "same")}, search=2)
    teacher = study.trials[study.trials["phase"] == "teacher"]
    more = dataclasses.replace(
        study, trials=pd.concat([study.trials, teacher.assign(key="of a seed's own sample")])
    )
    full, same = answer(Results(more))
    assert answered(more) == f"{full} {same}"
    assert "which saw all data" in full
    assert "Scope: for this teacher, at" in full
    assert "which saw the same share" in same
    assert (
        "for teachers trained on each seed's own sample, and in the other arms for one teacher of all data, "
        "at" in same
    )


def test_teachers_of_several_kinds_are_several(answered: Callable[[StudyRecord], str]) -> None:
    space = DATA | {"teacher_data": ("full", "same"), "teacher_steps": (100, 600)}
    full, same = answer(Results(invented_study(space, search=2)))
    assert "averaged over teacher_steps, for these teachers, at" in full
    assert "averaged over teacher_steps, for teachers trained on each seed's own sample" in same


def test_where_the_teachers_recipe_was_tuned_there_may_be_several(
    answered: Callable[[StudyRecord], str],
) -> None:
    study = invented_study(CLAIM, search=2)
    tuned = study.nuisance | {"teacher_steps": Domain(levels=(100, 600))}
    assert "Scope: for these teachers, at" in answered(dataclasses.replace(study, nuisance=tuned))


def test_one_language_is_named_as_one(answered: Callable[[StudyRecord], str]) -> None:
    text = answered(invented_study(CLAIM, search=2, languages=("deu",)))
    assert "on the test texts of this language; intervals are over seeds only." in text
