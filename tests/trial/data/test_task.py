"""A task is its content: saved and read back it is the same, and any change makes another."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from study.trial.data.sources import load_task
from study.trial.data.task import SPLITS, Split, Task, count_saved_texts, load_saved_task, save_task

HOSTILE = [
    "a\nb",
    "\r\n",
    "\u2028",
    "\u2029",
    "\x85",
    "\0",
    "\x1c",
    "שלום ‏עולם",
    "👩‍👩‍👧‍👦",
    "e\u0301",
    "\ufeff",
    '"',
    "\\u2028",
    " ",
]

texts = st.one_of(st.sampled_from(HOSTILE), st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
names = st.lists(texts, min_size=2, max_size=4, unique=True).map(lambda found: tuple(sorted(found)))


@st.composite
def tasks(draw: st.DrawFn) -> Task:
    labels, languages = draw(names), draw(names)
    splits = {}
    for name in SPLITS:
        rows = draw(
            st.lists(st.tuples(texts, st.integers(0, len(labels) - 1), st.integers(0, len(languages) - 1)))
        )
        splits[name] = Split(
            texts=tuple(row[0] for row in rows),
            labels=np.array([row[1] for row in rows], dtype=np.int64),
            languages=np.array([row[2] for row in rows], dtype=np.int64),
        )
    return Task("demo", labels, languages, splits, notes=("a note",))


def tiny(**changes: Any) -> Task:
    rows = Split(("one", "two"), np.array([0, 1]), np.array([0, 0]))
    content = {"labels": ("a", "b"), "languages": ("de", "sw"), "splits": dict.fromkeys(SPLITS, rows)}
    return Task("tiny", **(content | changes))


def test_chance_is_the_accuracy_of_one_label_for_all_languages() -> None:
    """Label b has 1/2 of the first language and 1 of the second; a language without test rows is left out."""
    test = Split(("",) * 6, np.array([0, 1, 1, 0, 1, 1]), np.array([0, 0, 0, 0, 1, 1]))
    splits = {"train": test, "validation": test, "test": test}
    assert tiny(languages=("de", "hau", "sw"), splits=splits).chance == 0.75
    none = Split((), np.array([], dtype=int), np.array([], dtype=int))
    assert tiny(splits=splits | {"test": none}).chance == 0.5


@given(tasks())
@settings(max_examples=60, deadline=None)
def test_saved_and_read_back_it_is_the_same(task: Task) -> None:
    with tempfile.TemporaryDirectory() as folder:
        save_task(task, Path(folder))
        read = load_saved_task(Path(folder))
    assert read.fingerprint == task.fingerprint
    assert (read.name, read.labels, read.languages, read.notes) == (
        task.name,
        task.labels,
        task.languages,
        task.notes,
    )
    for name in SPLITS:
        assert read.splits[name].texts == task.splits[name].texts
        assert read.splits[name].labels.dtype == read.splits[name].languages.dtype == np.int64
        np.testing.assert_array_equal(read.splits[name].labels, task.splits[name].labels)
        np.testing.assert_array_equal(read.splits[name].languages, task.splits[name].languages)


def test_a_saved_task_is_a_folder_that_loads_as_a_task(
    write_folder: Callable[..., Path], splits: dict[str, list[dict[str, Any]]], tmp_path: Path
) -> None:
    task = load_task(str(write_folder(splits)))
    (tmp_path / "saved").mkdir()
    save_task(task, tmp_path / "saved")
    assert load_task(str(tmp_path / "saved")).fingerprint == task.fingerprint


def test_the_fingerprint_is_that_of_the_content_alone() -> None:
    rows = tiny().splits["train"]
    swapped = Split(("two", "one"), rows.labels[::-1], rows.languages)
    others = [
        tiny(labels=("a", "c")),
        tiny(languages=("de", "xh")),
        tiny(splits={**tiny().splits, "train": swapped}),
        tiny(splits={**tiny().splits, "test": Split(("one", "two!"), rows.labels, rows.languages)}),
        tiny(splits={**tiny().splits, "test": Split(("one",), rows.labels[:1], rows.languages[:1])}),
        tiny(splits={**tiny().splits, "test": Split(rows.texts, rows.labels[::-1], rows.languages)}),
        tiny(splits={**tiny().splits, "test": Split(rows.texts, rows.labels, np.array([0, 1]))}),
    ]
    prints = {task.fingerprint for task in others}
    assert len(prints) == len(others)
    assert tiny().fingerprint not in prints
    assert tiny(notes=("shared texts",)).fingerprint == tiny().fingerprint


def test_rows_do_not_flow_from_one_split_into_the_next() -> None:
    rows, none = tiny().splits["train"], Split((), np.zeros(0, np.int64), np.zeros(0, np.int64))
    first = tiny(splits={"train": rows, "validation": none, "test": rows})
    second = tiny(splits={"train": none, "validation": rows, "test": rows})
    assert first.fingerprint != second.fingerprint


@settings(max_examples=25)
@given(tasks())
def test_texts_are_counted_as_they_were_saved(task: Task) -> None:
    with tempfile.TemporaryDirectory() as name:
        save_task(task, Path(name))
        counts = count_saved_texts(Path(name))
    for split, of_split in task.splits.items():
        there = np.bincount(of_split.languages, minlength=len(task.languages))
        assert counts[split] == dict(zip(task.languages, there.tolist(), strict=True))
