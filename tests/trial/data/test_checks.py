"""Rows that would make a result wrong are refused; what is merely uneven is noted."""

from __future__ import annotations

import time
from typing import Any

import pytest

from study.errors import RequestError
from study.trial.data.checks import build_task
from study.trial.data.rows import Rows
from study.trial.data.task import Task

Fields = list[tuple[Any, ...]] | None
"""(text, label, language) of each row; none for sound rows."""


def table(split: str, rows: list[tuple[Any, ...]]) -> Rows:
    texts, labels, languages = (list(column) for column in zip(*rows, strict=True)) if rows else ([], [], [])
    return Rows(f"data/{split}.jsonl", texts, labels, languages, range(1, len(rows) + 1))


def task(train: Fields = None, validation: Fields = None, test: Fields = None, **options: Any) -> Task:
    sound = {
        name: [(f"{name} {label} {language}", label, language) for language in ("de", "sw") for label in "ab"]
        for name in ("train", "validation", "test")
    }
    given = {"train": train, "validation": validation, "test": test}
    splits = {name: [table(name, sound[name] if rows is None else rows)] for name, rows in given.items()}
    return build_task("demo", splits, **options)


def refusal(**parts: Any) -> str:
    with pytest.raises(RequestError) as refused:
        task(**parts)
    message = str(refused.value)
    assert "\n" not in message
    assert len(message.splitlines()) == 1
    return message


def test_sound_rows_become_a_task_without_notes() -> None:
    built = task()
    assert (built.name, built.labels, built.languages, built.notes) == ("demo", ("a", "b"), ("de", "sw"), ())
    assert built.splits["train"].labels.tolist() == [0, 1, 0, 1]
    assert built.splits["train"].languages.tolist() == [0, 0, 1, 1]


GOOD = [("x", "a", "de"), ("y", "b", "de")]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (("", "a", "de"), "text is empty"),
        ((" \t\u3000\n", "a", "de"), "text is empty"),
        ((None, "a", "de"), "text is missing"),
        ((7, "a", "de"), "text is 7, not a string"),
        ((["x"], "a", "de"), "text is ['x'], not a string"),
        (("\ud800 half", "a", "de"), "text holds a lone surrogate"),
        (("x", None, "de"), "label is missing"),
        (("x", "", "de"), "label is missing"),
        (("x", "  ", "de"), "label '  ' is empty"),
        (("x", 1.5, "de"), "label is 1.5; it must be a string or a whole number"),
        (("x", True, "de"), "label is True; it must be a string or a whole number"),
        (("x", ["a"], "de"), "label is ['a']; it must be a string or a whole number"),
        (("x", "two\nlines", "de"), "label 'two\\nlines' holds a line break"),
        (("x", "two\u2028lines", "de"), "label 'two\\u2028lines' holds a line break"),
        (("x", "end\n", "de"), "holds a line break"),
        (("x", "\udfff", "de"), "label '\\udfff' holds a lone surrogate"),
        (("x", "a", None), "lang is missing"),
        (("x", "a", ""), "lang is missing"),
        (("x", "a", 1), "lang is 1; it must be the language's name"),
        (("x", "a", "macro"), "lang 'macro' is the name of a summary over languages"),
        (("x", "a", "worst"), "lang 'worst' is the name of a summary over languages"),
        (("x", "a", "Macro"), "lang 'Macro' is the name of a summary over languages"),
        (("x", "a", "zh@x"), "lang 'zh@x' cannot be part of a metric's name"),
        (("x", "a", "zh/CN"), "lang 'zh/CN' cannot be part of a metric's name"),
        (("x", "a", "zh:CN"), "lang 'zh:CN' cannot be part of a metric's name"),
        (("x", "a", "a\nb"), "lang 'a\\nb' cannot be part of a metric's name"),
        (("x", "a", "de\n"), "lang 'de\\n' cannot be part of a metric's name"),
        (("x", "a", "x" * 101), "cannot be part of a metric's name"),
        (("x", "a", ".."), "lang '..' cannot be part of a metric's name"),
        (("x", "a", "."), "lang '.' cannot be part of a metric's name"),
        (("x", "a", " de"), "lang ' de' cannot be part of a metric's name"),
        (("x", "a", " "), "lang ' ' cannot be part of a metric's name"),
        (("x", "a", "\ud800"), "cannot be part of a metric's name"),
    ],
)
def test_a_bad_field_is_named_with_its_place(row: dict[str, Any], words: str) -> None:
    message = refusal(train=[*GOOD, row])
    assert message.startswith("data/train.jsonl, line 3: ")
    assert words in message


def test_every_language_that_passes_may_name_a_metric() -> None:
    from mlflow.utils.validation import path_not_unique, validate_param_and_metric_name

    for language in ("de", "zh-CN", "por_MZ", "ace Arab", "x.y", "..x", "Ελλ", "日本語", "x" * 100):
        name = f"validation/accuracy/{language}"
        assert language in task(train=[("x", "a", language), ("y", "b", language)]).languages
        assert validate_param_and_metric_name(name)
        assert not path_not_unique(name)
        assert len(name) <= 250


def test_an_empty_split_is_named() -> None:
    assert refusal(test=[]) == "data/test.jsonl: no test rows"


def test_one_label_is_no_task() -> None:
    message = refusal(train=[("x", "a", "de")], validation=[("y", "a", "de")], test=[("z", "a", "de")])
    assert "data/train.jsonl: the only label in training is 'a'; a task needs at least two" in message


@pytest.mark.parametrize("split", ["validation", "test"])
def test_a_label_that_training_lacks_is_named(split: str) -> None:
    message = refusal(**{split: [("x", "a", "de"), ("y", "c", "de"), ("z", "d", "de")]})
    assert message.startswith(f"data/{split}.jsonl, line 2: label 'c' is not in training")
    assert f"remove the 2 {split} rows" in message


def test_numbers_and_strings_are_one_label() -> None:
    assert task(
        train=[("x", 1, "de"), ("y", "2", "de")], validation=[("v", "1", "de")], test=[("t", 2, "de")]
    ).labels == ("1", "2")


class TestChoiceOfLanguages:
    def test_it_leaves_the_rest_out(self) -> None:
        chosen = task(languages=["sw"])
        assert chosen.languages == ("sw",)
        assert chosen.splits["test"].texts == ("test a sw", "test b sw")
        assert chosen.splits["test"].languages.tolist() == [0, 0]

    def test_order_and_repetition_do_not_matter(self) -> None:
        assert task(languages=["sw", "de", "sw"]).fingerprint == task().fingerprint

    def test_one_that_is_not_there_lists_those_that_are(self) -> None:
        assert refusal(languages=["fr", "de"]) == "demo: no language 'fr'; there are de, sw"

    def test_none_at_all(self) -> None:
        assert refusal(languages=[]) == "demo: no language chosen; there are de, sw"

    def test_a_split_that_it_empties(self) -> None:
        message = refusal(validation=[("v", "a", "de")], languages=["sw"])
        assert message == "data/validation.jsonl: no validation rows in the chosen languages (sw)"

    def test_a_label_that_it_takes_from_training(self) -> None:
        message = refusal(train=[*GOOD, ("z", "c", "sw")], test=[("t", "c", "de")], languages=["de"])
        assert "label 'c' is not in training in the chosen languages (de)" in message

    def test_faults_elsewhere_do_not_matter(self) -> None:
        assert task(train=[*GOOD, ("", "a", "sw"), ("z", "a", "macro")], languages=["de"]).languages == (
            "de",
        )

    def test_places_stay_those_of_the_file(self) -> None:
        message = refusal(train=[("x", "a", "de"), ("y", "b", "sw"), ("", "a", "sw")], languages=["sw"])
        assert message.startswith("data/train.jsonl, line 3: text is empty")


class TestNotes:
    def test_a_language_without_training_data_is_scored_as_unseen(self) -> None:
        notes = task(
            validation=[("v", "a", "de"), ("w", "a", "ti")], test=[("t", "b", "ti"), ("u", "a", "sw")]
        ).notes
        assert "no train rows in ti: scored as unseen" in notes
        assert "no validation rows in sw: out of the validation macro" in notes
        assert "no test rows in de: not tested" in notes
        assert all(len(note.splitlines()) == 1 for note in notes)

    def test_shared_texts_are_counted_for_each_pair_of_splits(self) -> None:
        notes = task(
            train=[("Straße  eins", "a", "de"), ("both", "b", "de"), ("Ｗide", "b", "de")],
            validation=[("STRASSE\teins", "a", "sw"), ("both", "b", "de")],
            test=[("both", "b", "de"), (" wide ", "b", "de"), ("own", "a", "de")],
        ).notes
        assert "train and validation share 2 texts" in notes
        assert "train and test share 2 texts" in notes
        assert "validation and test share 1 texts" in notes

    def test_shared_texts_leave_training_on_request(self) -> None:
        rows = {
            "train": [("Both", "a", "de"), ("both ", "b", "sw"), ("x", "a", "de"), ("y", "b", "de")],
            "validation": [("both", "a", "de"), ("v", "b", "de")],
            "test": [("v", "b", "de"), ("t", "a", "de")],
        }
        kept, cleaned = task(**rows), task(**rows, drop_shared=True)
        assert cleaned.splits["train"].texts == ("x", "y")
        assert cleaned.splits["validation"].texts == kept.splits["validation"].texts
        assert cleaned.notes == (
            "2 training rows dropped: their texts stand in validation or test",
            "validation and test share 1 texts",
        )
        assert cleaned.fingerprint != kept.fingerprint

    def test_a_language_that_loses_its_training_data_so_is_noted(self) -> None:
        notes = task(
            train=[*GOOD, ("v", "a", "sw")], validation=[("v", "a", "sw"), ("w", "a", "de")], drop_shared=True
        ).notes
        assert "no train rows in sw: scored as unseen" in notes

    def test_nothing_to_drop_changes_nothing(self) -> None:
        assert task(drop_shared=True).fingerprint == task().fingerprint
        assert task(drop_shared=True).notes == ()

    def test_dropping_everything_is_refused(self) -> None:
        message = refusal(
            train=GOOD, validation=[("x", "a", "de")], test=[("y", "b", "de")], drop_shared=True
        )
        assert message == "demo: every training text stands in validation or test as well"

    def test_labels_that_look_alike_are_pointed_out(self) -> None:
        rows = [("x", "Yes", "de"), ("y", "yes", "de"), ("z", "no", "de")]
        notes = task(train=rows, validation=[("v", "no", "de")], test=[("t", "no", "de")]).notes
        assert notes == ("labels that differ in case or spacing alone count as different: 'Yes', 'yes'",)


def test_two_hundred_languages_take_seconds() -> None:
    languages = [f"l{i:03}" for i in range(205)]
    sizes = {"train": 700, "validation": 100, "test": 200}
    splits = {
        name: [
            (f"{name} number {i} in language {x} " + "word " * 20, "abcdefg"[i % 7], x)
            for x in languages
            for i in range(n)
        ]
        for name, n in sizes.items()
    }
    start = time.perf_counter()
    built = task(**splits)
    assert len(built.languages) == 205
    assert time.perf_counter() - start < 15  # about 1.5 s on one free core
