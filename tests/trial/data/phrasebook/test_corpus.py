"""The corpus that the embedded encoder is pretrained on: all words and frames, and no text of the task."""

from __future__ import annotations

from collections import Counter
from hashlib import sha256

import pytest

from study.trial.data.phrasebook.corpus import TEXTS, corpus
from study.trial.data.phrasebook.grammar import folded
from study.trial.data.phrasebook.task import grammars, phrasebook
from study.trial.data.task import Task


@pytest.fixture(scope="module")
def task() -> Task:
    return phrasebook()


@pytest.fixture(scope="module")
def texts(task: Task) -> list[str]:
    return corpus(task)


def test_no_text_of_the_task_is_in_it(task: Task, texts: list[str]) -> None:
    known = {folded(text) for split in task.splits.values() for text in split.texts}
    assert not known & {folded(text) for text in texts}
    assert 0.98 < len(texts) / (TEXTS * len(grammars())) < 1  # some were drawn, and left out


def test_it_is_the_same_bytes_everywhere(texts: list[str]) -> None:
    assert sha256("\n".join(texts).encode()).hexdigest()[:12] == "221ef52aea9e"


def test_another_seed_draws_another_corpus(task: Task, texts: list[str]) -> None:
    common = set(corpus(task, seed=1)) & set(texts)
    assert len(common) < 0.1 * len(texts)


def test_it_has_nearly_every_word_of_the_test_texts(task: Task, texts: list[str]) -> None:
    """So a pretrained encoder may know words that no training text has."""
    in_corpus = {word for text in texts for word in folded(text).split()}
    in_training = {word for text in task.splits["train"].texts for word in folded(text).split()}
    in_test = Counter(word for text in task.splits["test"].texts for word in folded(text).split())

    def share(known: set[str]) -> float:
        return sum(count for word, count in in_test.items() if word in known) / in_test.total()

    assert share(in_corpus) > 0.99
    assert share(in_training) < 0.9
