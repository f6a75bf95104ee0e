"""Rows before they are checked: their places, and the names that splits may have."""

from __future__ import annotations

import pytest

from study.errors import RequestError
from study.trial.data.phrasebook.task import phrasebook
from study.trial.data.rows import SPLIT_NAMES, Rows, printable, rows_of, shown, split_called

ROWS = Rows("file", ["a", "b", "c"], [0, 1, 2], ["de", "sw", "de"], [2, 3, 7])


def test_taken_rows_keep_their_places() -> None:
    taken = ROWS.take([2, 0])
    assert (taken.texts, taken.labels, taken.languages) == (["c", "a"], [2, 0], ["de", "de"])
    assert [taken.place(i) for i in range(len(taken))] == ["file, line 7", "file, line 2"]
    assert len(ROWS.take([])) == 0


def test_a_built_task_gives_its_rows_back() -> None:
    task = phrasebook()
    (rows,) = rows_of(task)["test"]
    assert tuple(rows.texts) == task.splits["test"].texts
    assert [task.labels.index(label) for label in rows.labels] == task.splits["test"].labels.tolist()
    assert [task.languages.index(x) for x in rows.languages] == task.splits["test"].languages.tolist()
    assert rows.place(0) == "phrasebook, test, row 1"


@pytest.mark.parametrize("name", SPLIT_NAMES["validation"])
def test_a_split_is_found_under_any_of_its_names(name: str) -> None:
    assert split_called("validation", ["train", name, "other"], "hub:x") == name
    assert split_called("test", ["train", name], "hub:x") is None


def test_two_names_for_one_split_are_refused() -> None:
    with pytest.raises(RequestError, match="hub:x: dev and valid both serve the validation split; keep one"):
        split_called("validation", ["valid", "dev"], "hub:x")


def test_a_value_in_a_message_is_short_and_on_one_line() -> None:
    assert shown("a\nb") == r"'a\nb'"
    assert len(shown("x" * 1000)) == 60
    assert shown("x" * 58) == repr("x" * 58)


def test_a_path_in_a_message_is_as_it_is_unless_it_breaks_the_line() -> None:
    assert printable("/home/é x") == "/home/é x"
    assert printable("a\nb") == r"'a\nb'"
