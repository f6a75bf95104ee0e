"""Students and teachers of some languages: which rows they see, and scores of seen and unseen languages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from study.selection import SEEN_OR_UNSEEN
from tests.conftest import LANGUAGES


def languages_of(inputs: Any, rows: np.ndarray) -> list[str]:
    train = inputs.split("train")
    return sorted({inputs.task.languages[number] for number in train.languages[rows]})


def test_a_student_sees_the_rows_of_its_languages_and_their_share_alone(workshop: Any) -> None:
    some, whole = (
        workshop.inputs(workshop.config(data_fraction=0.5, train_languages=wanted))
        for wanted in ("deu+yor", "all")
    )
    train = some.split("train")
    rows = some.training_rows(train)
    assert languages_of(some, rows) == ["deu", "yor"]
    assert set(rows) == {row for row in whole.training_rows(train) if train.languages[row] != 1}
    assert some.seen == ("deu", "yor")
    assert some.training_share(train) == {"all": 0.5, "by_language": {"deu": 0.5, "hau": 0.0, "yor": 0.5}}


def test_a_teacher_sees_the_rows_of_its_own_languages(workshop: Any) -> None:
    values = {"train_languages": "deu", "teacher_languages": "hau+yor", "data_fraction": 0.5}
    full = workshop.inputs(workshop.config(**values))
    train = full.split("train")
    assert languages_of(full, full.teacher_rows(train)) == ["hau", "yor"]
    assert len(full.teacher_rows(train)) == 160
    same = workshop.inputs(workshop.config(**values, teacher_data="same"))
    assert len(same.teacher_rows(train)) == 80
    assert set(same.teacher_rows(train)) <= set(same.sampled_rows(train))
    assert len({full.teacher_key, same.teacher_key, workshop.inputs(workshop.config()).teacher_key}) == 3


def test_a_student_reads_the_outputs_of_a_teacher_that_never_saw_its_language(workshop: Any) -> None:
    values = {"train_languages": "deu", "teacher_languages": "hau", "teacher_data": "same"}
    inputs = workshop.inputs(workshop.config(data_fraction=0.5, **values))
    train = inputs.split("train")
    logits = inputs.teacher_logits("train")
    assert np.isfinite(logits[inputs.training_rows(train)]).all()
    assert np.isnan(logits).any()


def test_scores_have_seen_and_unseen_languages_apart(workshop: Any, tmp_path: Path) -> None:
    *_, last = workshop.trial(workshop.config(train_languages="deu+yor"), tmp_path)
    assert last.result["unseen"] == ["hau"]
    assert last.result["data_share"]["by_language"] == {"deu": 1.0, "hau": 0.0, "yor": 1.0}
    for split in ("validation", "test"):
        for metric in ("accuracy", "macro_f1", "retention"):
            scores = last.result[split][metric]
            of = scores["by_language"]
            assert tuple(of) == LANGUAGES
            assert scores["macro"] == pytest.approx(np.mean(list(of.values())))
            assert scores["seen_macro"] == pytest.approx((of["deu"] + of["yor"]) / 2)
            assert scores["seen_worst"] == min(of["deu"], of["yor"])
            assert scores["unseen_macro"] == scores["unseen_worst"] == of["hau"]
    accuracy = last.validation["accuracy"]
    assert last.value_on("seen") == accuracy["seen_macro"] != accuracy["macro"] == last.value_on("all")


def test_a_student_of_all_languages_has_no_group_and_one_value(workshop: Any, tmp_path: Path) -> None:
    *_, last = workshop.trial(workshop.config(), tmp_path)
    assert not set(SEEN_OR_UNSEEN) & last.validation["accuracy"].keys()
    assert last.value_on("seen") == last.value_on("all") == last.value
    assert "unseen" not in last.result


def test_another_list_of_languages_is_another_trial_with_other_numbers(workshop: Any, tmp_path: Path) -> None:
    losses = set()
    for wanted in ("all", "deu", "deu+hau+yor"):
        config = workshop.config(train_languages=wanted, steps=4)
        *_, last = workshop.trial(config, tmp_path / wanted, 1)
        losses.add(last.loss)
    assert len(losses) == 2  # the third list names all languages


def test_a_language_without_training_rows_is_unseen_whatever_the_student_trains_on(
    build_task_folder: Any, new_workshop: Any, tmp_path: Path
) -> None:
    """And without validation rows it has test scores alone."""
    without = [("train", "yor"), ("dev", "yor")]
    workshop = new_workshop(build_task_folder(tmp_path / "task", without=without))
    config = workshop.config(train_languages="deu")
    assert workshop.inputs(config).seen == ("deu",)
    assert workshop.inputs(workshop.config()).seen == ("deu", "hau")
    *_, last = workshop.trial(config, tmp_path / "trial", 1)
    assert last.result["unseen"] == ["hau", "yor"]
    test, validation = (last.result[split]["accuracy"] for split in ("test", "validation"))
    assert test["unseen_macro"] == pytest.approx(
        (test["by_language"]["hau"] + test["by_language"]["yor"]) / 2
    )
    assert validation["unseen_macro"] == validation["by_language"]["hau"]
