"""The embedded token task: the same bytes everywhere, tags where the slots are, held-out sentence frames."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from study.trial.data.phrasebook.slots import TAGS, phrasebook_slots, tagged
from study.trial.data.phrasebook.task import grammars
from study.trial.data.sources import load_task
from study.trial.data.task import SPLITS, Task

FINGERPRINT = "d645f17e0b207838e3532a738c83c1c2c70d41295d0e04b17cf3063c053c7b17"


@pytest.fixture(scope="module")
def task() -> Task:
    return phrasebook_slots()


def test_seed_zero_is_the_same_bytes_everywhere(task: Task) -> None:
    assert task.fingerprint == FINGERPRINT
    assert load_task("phrasebook_slots").fingerprint == FINGERPRINT


def test_every_language_has_every_type_in_every_split(task: Task) -> None:
    assert task.languages == tuple(grammars())
    assert (task.labels, task.kind, task.metric) == (TAGS, "token", "f1")
    for split in task.splits.values():
        assert split.starts is not None
        languages = np.repeat(split.languages, np.diff(split.starts))
        for language in range(len(task.languages)):
            tags = {TAGS[tag] for tag in split.labels[languages == language].tolist()}
            assert {"B-who", "B-when", "B-where", "O"} <= tags


def test_it_has_as_many_texts_as_phrasebook_and_none_twice(task: Task) -> None:
    for name in SPLITS:
        of_language = Counter(task.splits[name].languages.tolist())
        assert [of_language[i] for i in range(len(task.languages))] == [
            grammar.texts(name) for grammar in grammars().values()
        ]
    rows = [row for split in task.splits.values() for row in zip(split.texts, split.languages, strict=True)]
    assert len(set(rows)) == len(rows)


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        (
            [("Wake ", ""), ("Mr Evans", "person"), (" at ", ""), ("6:15", "time"), (".", "")],
            "Wake/O Mr/B-who Evans/I-who at/O 6:15/B-when ./O",
        ),
        (
            [("“", ""), ("Lyon", "city"), ("”, ", ""), ("Oslo", "city")],
            "“/O Lyon/B-where ”/O ,/O Oslo/B-where",
        ),
        ([("ანა", "person"), ("ს ვხედავ", "")], "ანას/B-who ვხედავ/O"),  # an ending at a name
        ([("Play ", ""), ("jazz", "genre")], "Play/O jazz/O"),
        (
            [("5 p.m.", "time"), (" ", ""), ("tomorrow", "day")],
            "5/B-when p.m/I-when ./I-when tomorrow/B-when",
        ),
    ],
)
def test_words_have_the_tags_of_their_slots(pieces: list[tuple[str, str]], expected: str) -> None:
    words, tags = tagged(pieces)
    assert " ".join(f"{word}/{tag}" for word, tag in zip(words, tags, strict=True)) == expected
