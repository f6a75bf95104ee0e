"""What a number of the answer is averaged over, and for which teachers and languages it holds."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from analysis.record.domain import Domain
from analysis.record.study_record import StudyRecord
from analysis.record.texts import Answers
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


def with_answers(study: StudyRecord, counts: dict[str, int]) -> StudyRecord:
    """A study whose confirm runs left a bit for each test text, drawn about the accuracy that they scored."""
    rng, answers = np.random.default_rng(0), {}
    scores = study.scores_of("confirm", "test", "accuracy").set_index(["key", "language"])["value"]
    for key in scores.index.unique("key"):
        correct = {language: rng.random(n) < scores[key, language] for language, n in counts.items()}
        bits = {language: (len(of), np.packbits(of).tobytes()) for language, of in correct.items()}
        answers[key] = Answers("f" * 64, bits)
    return dataclasses.replace(study, answers=answers, text_counts=counts)


@pytest.mark.parametrize(
    ("counts", "said"), [((100,), "100 texts each"), ((20, 100), "20 to 100 texts each")]
)
def test_an_interval_over_texts_says_so_and_how_many(
    counts: tuple[int, ...], said: str, answered: Callable[[StudyRecord], str]
) -> None:
    study = invented_study(CLAIM, search=2)
    languages = sorted(set(study.scores["language"]) - {"macro", "worst"})
    crossed = with_answers(study, dict(zip(languages, itertools.cycle(counts), strict=False)))
    text = answered(crossed)
    assert f"on texts like the test texts of these 6 languages ({said}); intervals are over seeds and" in text
    assert "seeds only" not in text
    old = dataclasses.replace(crossed, answers={})
    assert f"on the test texts of these 6 languages ({said}); intervals are over seeds only" in answered(old)
    narrow, wide = (Results(each).claim.iloc[0] for each in (old, crossed))
    assert wide["high"] - wide["low"] > narrow["high"] - narrow["low"]


def test_one_run_without_texts_leaves_its_effects_to_the_seeds(
    answered: Callable[[StudyRecord], str],
) -> None:
    """And says so of them: the other runs' texts are no reason to claim more."""
    study = invented_study(CLAIM, search=2)
    languages = sorted(set(study.scores["language"]) - {"macro", "worst"})
    study = with_answers(study, dict.fromkeys(languages, 50))
    lost = next(iter(study.answers))
    answers = {key: each for key, each in study.answers.items() if key != lost}
    assert "intervals are over seeds only" in answered(dataclasses.replace(study, answers=answers))


def test_the_interval_of_one_arm_is_over_its_texts_too() -> None:
    study = invented_study({"init": ("teacher",)}, seeds=3)
    languages = sorted(set(study.scores["language"]) - {"macro", "worst"})
    (only_seeds,) = answer(Results(study))
    (crossed,) = answer(Results(with_answers(study, dict.fromkeys(languages, 50))))
    assert "intervals are over seeds and texts." in crossed
    assert only_seeds.partition("Scope")[0] != crossed.partition("Scope")[0]
