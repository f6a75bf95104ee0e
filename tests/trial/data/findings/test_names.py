"""Names that look the same and are not are pointed out, with their rows and places."""

from __future__ import annotations

import pytest

from study.trial.data.findings.names import name_notes
from study.trial.data.rows import Rows, Splits


def notes(*labels: str) -> list[str]:
    count = len(labels)
    texts = [f"text {i}" for i in range(count)]
    rows = Rows("data/train.jsonl", list(texts), list(labels), ["de"] * count, range(1, count + 1))
    splits: Splits = {"train": [rows]}
    found = list(name_notes("labels", splits, sorted(set(labels))))
    assert all(len(note.splitlines()) == 1 for note in found)
    return found


@pytest.mark.parametrize("twin", ["\ufeffalarm", "al\u200barm", "alarm\u2060", "\u0430larm", "al\u00adarm"])
def test_labels_that_nobody_can_tell_apart_are_named_with_rows_and_places(twin: str) -> None:
    (note,) = notes("alarm", "music", twin, twin)
    escaped = twin.encode("unicode_escape").decode().replace("\\xad", "\\xad")
    assert note.startswith("labels that look the same count as different: ")
    assert "'alarm' (1 rows; data/train.jsonl, line 1)" in note
    assert f"'{escaped}' (2 rows; data/train.jsonl, line 3)" in note
    assert "music" not in note


def test_a_character_that_nobody_sees_is_noted_without_a_twin() -> None:
    assert notes("\u200balarm", "music") == [
        "labels with a character that nobody sees: '\\u200balarm' (1 rows; data/train.jsonl, line 1)"
    ]


def test_case_and_spacing_have_their_own_note() -> None:
    assert notes("Yes", "yes ", "no") == [
        "labels that differ in case or spacing alone count as different: 'Yes', 'yes '"
    ]


@pytest.mark.parametrize(
    "labels",
    [("alarm", "alarms"), ("музыка", "новости"), ("می\u200cروم", "خانه"), ("क्\u200dष", "ख"), ("a-b", "a_b")],
)
def test_names_that_differ_to_the_eye_have_no_note(labels: tuple[str, ...]) -> None:
    assert notes(*labels) == []
