"""Texts that stand where they should not are counted, and the first is named with its place."""

from __future__ import annotations

from study.trial.data.findings.texts import text_notes
from study.trial.data.rows import Rows

Row = tuple[str, str, str]


def notes(*rows: Row, split: str = "train") -> list[str]:
    texts, labels, languages = (list(column) for column in zip(*rows, strict=True))
    table = Rows(f"data/{split}.csv", texts, labels, languages, range(2, len(rows) + 2))
    found = list(text_notes({split: [table]}))
    assert all(len(note.splitlines()) == 1 for note in found)
    return found


def sound(language: str, count: int = 6) -> list[Row]:
    return [(f"{language} number {i}", "ab"[i % 2], language) for i in range(count)]


def test_sound_texts_have_no_notes() -> None:
    assert notes(*sound("de"), *sound("sw")) == []
    assert notes(*sound("de"), *sound("sw"), split="test") == []


def test_a_text_with_several_labels_is_counted_over_case_and_spacing() -> None:
    found = notes(*sound("de"), ("De  NUMBER 0", "b", "de"), ("de number 0", "c", "de"))
    assert found == [
        "train: 1 text stands with several labels, 3 rows; the first: data/train.csv, line 2, 'de number 0', "
        "has 'a' and 'b' and 'c'"
    ]


def test_a_text_may_mean_something_else_in_another_language() -> None:
    assert notes(*sound("de"), *sound("sw"), ("de number 0", "b", "sw")) == []


def test_repeated_texts_are_noted_where_each_row_counts() -> None:
    rows = [*sound("de"), ("de number 1", "b", "de"), ("de number 1", "b", "de"), ("de number 2", "a", "de")]
    assert notes(*rows) == []
    assert notes(*rows, split="test") == [
        "test: 2 texts stand more than once in a language, 5 rows, and each row counts; the first: "
        "data/test.csv, line 3, 'de number 1'"
    ]


def test_a_language_of_one_label_is_named() -> None:
    rows = [*sound("de"), ("x", "a", "sw"), ("y", "a", "sw"), ("z", "a", "sw"), ("one row", "a", "yo")]
    expected = "train, data/train.csv: one label alone in sw (3 rows of 'a')"
    assert notes(*rows) == [expected]
    assert notes(*rows, split="test") == [expected.replace("train", "test")]


def test_rows_of_one_language_under_another_languages_name_are_counted() -> None:
    copied = [(text.upper(), label, "sw") for text, label, _ in sound("de")[:4]]
    found = notes(*sound("de"), *copied, *sound("yo"), ("sw own", "a", "sw"))
    assert found == [
        "train: 4 of the 5 texts of sw are texts of de as well; the first: data/train.csv, line 8, "
        "'DE NUMBER 0'"
    ]


def test_two_languages_with_the_same_texts_have_one_note() -> None:
    found = notes(*sound("de"), *[(text, label, "sw") for text, label, _ in sound("de")])
    assert len(found) == 1
    assert found[0].startswith("train: 6 of the 6 texts of sw are texts of de as well")


def test_a_few_texts_in_common_are_no_copy() -> None:
    rows = [*sound("de", 10), *sound("sw", 10), *[(f"de number {i}", "ab"[i % 2], "sw") for i in range(4)]]
    assert notes(*rows) == []


def test_many_copies_have_few_notes() -> None:
    languages = [f"l{i:02}" for i in range(52)]
    rows = [(f"number {i}", "ab"[i % 2], language) for language in languages for i in range(4)]
    found = notes(*rows)
    assert len(found) == 6
    assert found[-1].startswith("train: so are texts of other languages in l06, l07")


def test_places_are_found_in_all_parts_of_a_split() -> None:
    def part(name: str, rows: list[Row]) -> Rows:
        texts, labels, languages = (list(column) for column in zip(*rows, strict=True))
        return Rows(f"hub:org/x, {name}, test", texts, labels, languages, range(1, len(rows) + 1), "row")

    (note,) = text_notes(
        {"test": [part("de", sound("de")), part("sw", [*sound("sw"), ("sw number 5", "b", "sw")])]}
    )
    assert "hub:org/x, sw, test, row 6, 'sw number 5'" in note
