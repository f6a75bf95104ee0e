"""What a fraction comes to, and fractions that are one sample."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from study.errors import RequestError
from study.planning.plan import Plan
from study.planning.shares import check_distinct, share_notes, shares_of
from study.trial.data.fractions import sample_rows
from study.trial.data.task import SPLITS, Split, Task

MakePlan = Callable[..., Plan]


def task(labels: int, each: int, languages: tuple[str, ...] = ("de", "sw")) -> Task:
    """`each` training rows of each label in each language."""
    cells = [(i, n) for n in range(len(languages)) for i in range(labels) for _ in range(each)]
    split = Split(
        tuple(f"text {i}" for i in range(len(cells))),
        np.array([label for label, _ in cells]),
        np.array([language for _, language in cells]),
    )
    names = tuple(f"c{i:03}" for i in range(labels))
    return Task("demo", names, languages, dict.fromkeys(SPLITS, split))


def fractions(*levels: float) -> dict[str, Any]:
    return {"scientific": {"data_fraction": levels}}


def test_a_fraction_that_is_one_comes_to_itself(make_plan: MakePlan) -> None:
    shares = shares_of(make_plan(**fractions(0.1, 1.0)), task(4, 50))
    assert [(share.fraction, share.rows, share.share) for share in shares] == [
        (0.1, 40, 0.1),
        (1.0, 400, 1.0),
    ]
    assert shares[0].by_language == {"de": 0.1, "sw": 0.1}
    assert list(share_notes(shares)) == []


def test_a_share_is_the_share_of_the_rows_that_a_student_sees(make_plan: MakePlan) -> None:
    found = task(40, 20)
    train = found.splits["train"]
    for share in shares_of(make_plan(**fractions(0.01, 0.13, 1.0)), found):
        rows = sample_rows(train.labels, train.languages, share.fraction, "t", 3)
        assert share.rows == len(rows)
        assert share.by_language["de"] == (train.languages[rows] == 0).sum() / 800


def test_a_fraction_that_comes_to_more_is_noted_with_its_languages(make_plan: MakePlan) -> None:
    shares = shares_of(make_plan(**fractions(0.01, 0.5)), task(40, 20, ("de", "sw", "yo")))
    assert list(share_notes(shares)) == [
        "data_fraction=0.01 comes to 5.0% of the training rows, because each language keeps one row of each "
        "label: de 5.0%, sw 5.0%, yo 5.0%"
    ]


def test_without_a_label_floor_a_fraction_is_what_it_says_and_lost_labels_are_noted(
    make_plan: MakePlan,
) -> None:
    plan = make_plan(scientific={"data_fraction": (0.01, 0.5), "label_floor": (1, 0)})
    shares = shares_of(plan, task(40, 20, ("de", "sw", "yo")))
    assert [(share.fraction, share.label_floor, share.rows) for share in shares] == [
        (0.01, 0, 24),
        (0.01, 1, 120),
        (0.5, 0, 1200),
        (0.5, 1, 1200),
    ]
    assert next(iter(share_notes(shares))) == (
        "data_fraction=0.01 at label_floor=0: some labels have no training row: 32 in de, 32 in sw, 32 in yo"
    )
    check_distinct(plan, shares)


def test_a_fraction_without_a_row_is_refused(make_plan: MakePlan) -> None:
    plan, found = make_plan(fixed={"data_fraction": 0.001, "label_floor": 0}), task(4, 10)
    with pytest.raises(RequestError, match=r"^data_fraction=0.001 at label_floor=0: keeps no training row"):
        check_distinct(plan, shares_of(plan, found))


def test_two_fractions_that_are_one_sample_are_refused_with_what_is_left(make_plan: MakePlan) -> None:
    plan, found = make_plan(**fractions(0.01, 0.05, 0.1, 1.0)), task(40, 20)
    with pytest.raises(RequestError) as refused:
        check_distinct(plan, shares_of(plan, found))
    assert str(refused.value) == (
        "data_fraction: 0.01 and 0.05 are the same 80 training rows of this task, because each language "
        "keeps one row of each label; --set data_fraction=0.05,0.1,1"
    )
    plan = make_plan(**fractions(0.05, 0.1, 1.0))
    check_distinct(plan, shares_of(plan, found))


def test_a_task_of_one_row_a_label_has_no_fractions(make_plan: MakePlan) -> None:
    plan = make_plan(**fractions(0.1, 0.5, 1.0))
    with pytest.raises(RequestError, match=r"0\.1, 0\.5 and 1 are the same 60 training rows"):
        check_distinct(plan, shares_of(plan, task(30, 1)))


def test_tuned_fractions_are_no_arms(make_plan: MakePlan) -> None:
    plan = make_plan(nuisance={"data_fraction": (0.01, 0.05)})
    check_distinct(plan, shares_of(plan, task(40, 20)))
