"""Texts that two splits share: how they are compared, and how training loses them."""

from __future__ import annotations

import pytest

from study.trial.data.rows import Rows, Splits, comparable
from study.trial.data.shared import drop_from_training, shared_texts


def splits(**texts: list[str]) -> Splits:
    return {
        name: [Rows(name, list(found), ["a"] * len(found), ["de"] * len(found), range(1, len(found) + 1))]
        for name, found in texts.items()
    }


@pytest.mark.parametrize(
    ("one", "other"), [("Straße", "STRASSE"), ("ﬁn", "fin"), ("e\u0301", "é"), (" a \n b\t", "a b")]
)
def test_texts_that_look_alike_are_the_same(one: str, other: str) -> None:
    assert comparable(one) == comparable(other)
    assert comparable(one) != comparable(other + "!")


def test_each_pair_of_splits_has_its_shared_texts() -> None:
    found = shared_texts(splits(train=["A", "b"], validation=["a", "c"], test=["C", "a"]))
    assert found == {
        ("train", "validation"): {"a"},
        ("train", "test"): {"a"},
        ("validation", "test"): {"a", "c"},
    }


def test_training_alone_loses_them_and_keeps_its_order() -> None:
    before = splits(train=["x", "A", "y", "a "], validation=["a", "v"], test=["V", "t"])
    after, dropped = drop_from_training(before, shared_texts(before))
    assert dropped == 2
    assert [rows.texts for rows in after["train"]] == [["x", "y"]]
    assert [after["train"][0].place(i) for i in range(2)] == ["train, line 1", "train, line 3"]
    assert (after["validation"], after["test"]) == (before["validation"], before["test"])


def test_without_shared_texts_nothing_changes() -> None:
    before = splits(train=["x"], validation=["v"], test=["v"])
    assert drop_from_training(before, shared_texts(before)) == (before, 0)
