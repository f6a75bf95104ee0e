"""Entities in tags: the documented examples of seqeval, and a plain reading of random tags."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from study.trial.data.tags import entities, is_bio, type_ids, type_of

TAGS = ("B-A", "B-B", "I-A", "I-B", "O")


def found(texts: Sequence[Sequence[str]], tags: Sequence[str]) -> list[tuple[int, int, str]]:
    """(first word, last word, type) of each entity, by `entities`."""
    ids = np.array([tags.index(tag) for text in texts for tag in text], dtype=np.int64)
    starts = np.cumsum([0, *map(len, texts)])
    names = {int(number): type_of(tag) for number, tag in zip(type_ids(tags), tags, strict=True)}
    return [(first, last, names[kind]) for first, last, kind in entities(ids, starts, tags).tolist()]


def read(texts: Sequence[Sequence[str]]) -> list[tuple[int, int, str]]:
    """The same, word by word: an I- goes on with an entity of its type, and begins one otherwise."""
    made: list[tuple[int, int, str]] = []
    number = 0
    for text in texts:
        before = ""
        for tag in text:
            kind = type_of(tag)
            if kind and tag.startswith("I-") and kind == before:
                made[-1] = (made[-1][0], number, kind)
            elif kind:
                made.append((number, number, kind))
            before, number = kind, number + 1
    return made


def test_the_documented_example_of_seqeval() -> None:
    """`get_entities(['B-PER', 'I-PER', 'O', 'B-LOC'])` is PER from 0 to 1, and LOC at 3."""
    tags = ("B-LOC", "B-PER", "I-PER", "O")
    assert found([["B-PER", "I-PER", "O", "B-LOC"]], tags) == [(0, 1, "PER"), (3, 3, "LOC")]


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ([["I-A", "I-A"]], [(0, 1, "A")]),  # without a B-
        ([["B-A", "B-A"]], [(0, 0, "A"), (1, 1, "A")]),
        ([["B-A", "I-B"]], [(0, 0, "A"), (1, 1, "B")]),  # another type
        ([["B-A"], ["I-A"]], [(0, 0, "A"), (1, 1, "A")]),  # another text
        ([["O", "O"]], []),
        ([[]], []),
    ],
)
def test_where_entities_begin_and_end(texts: list[list[str]], expected: list[tuple[int, int, str]]) -> None:
    assert found(texts, TAGS) == expected


@settings(deadline=None)
@given(st.lists(st.lists(st.sampled_from(TAGS), min_size=1, max_size=9), min_size=1, max_size=6))
def test_entities_are_those_of_a_plain_reading(texts: list[list[str]]) -> None:
    assert found(texts, TAGS) == read(texts)


@pytest.mark.parametrize(
    ("tags", "bio"),
    [(TAGS, True), (("B-A", "I-A"), True), (("NOUN", "VERB"), False), (("O", "S-A"), True), ((), False)],
)
def test_a_tag_set_with_o_is_bio(tags: tuple[str, ...], bio: bool) -> None:
    assert is_bio(tags) is bio


def test_both_tags_of_a_type_have_its_id_and_a_part_of_speech_has_its_own() -> None:
    assert type_ids(TAGS).tolist() == [0, 1, 0, 1, -1]
    assert type_ids(("NOUN", "VERB")).tolist() == [0, 1]
