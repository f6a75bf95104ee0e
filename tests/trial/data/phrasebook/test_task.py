"""The embedded task: its identity, its shape, and its difficulty."""

from __future__ import annotations

import re
import time
import unicodedata

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from study.trial.data.phrasebook import task as package
from study.trial.data.phrasebook.grammar import (
    folded,
)
from study.trial.data.phrasebook.task import grammars, phrasebook
from study.trial.data.task import SPLITS, Task

FINGERPRINT = "2e2c09af99eab43b1082eb17220553e119b0db806cb2b9c0ad1af93107a0577e"
CODES = tuple(grammars())
LOW_RESOURCE = tuple(code for code, grammar in grammars().items() if grammar.train <= 90)


@pytest.fixture(scope="module")
def task() -> Task:
    return phrasebook()


def test_seed_zero_is_the_same_bytes_everywhere(task: Task) -> None:
    assert task.fingerprint == FINGERPRINT


def test_generation_is_deterministic_and_quick(task: Task) -> None:
    start = time.process_time()
    again = phrasebook(0)
    assert time.process_time() - start < 1
    assert again.fingerprint == task.fingerprint


def test_another_seed_draws_other_rows_of_the_same_shape(task: Task) -> None:
    other = phrasebook(1)
    assert (other.labels, other.languages) == (task.labels, task.languages)
    for split in SPLITS:
        assert len(other.splits[split]) == len(task.splits[split])
        assert other.splits[split].texts != task.splits[split].texts


def test_adding_a_language_changes_no_other_rows(task: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    more = {"aaa": grammars()["swh"], **grammars()}
    monkeypatch.setattr(package, "grammars", lambda: more)
    extended = phrasebook()
    assert extended.languages == ("aaa", *task.languages)
    for split in SPLITS:
        rows, before = extended.splits[split], task.splits[split]
        assert rows.texts[-len(before) :] == before.texts
        assert (rows.languages[-len(before) :] == before.languages + 1).all()


def test_names_are_sorted_and_ids_index_them(task: Task) -> None:
    assert task.name == "phrasebook"
    assert list(task.labels) == sorted(task.labels)
    assert list(task.languages) == sorted(task.languages)
    for split in task.splits.values():
        assert len(split.texts) == len(split.labels) == len(split.languages)
        assert split.labels.dtype == split.languages.dtype == np.int64


def test_every_language_has_every_label_in_every_split(task: Task) -> None:
    for split in task.splits.values():
        counts = np.zeros((len(task.languages), len(task.labels)), dtype=int)
        np.add.at(counts, (split.languages, split.labels), 1)
        assert counts.min() > 0
        assert (counts.max(axis=1) - counts.min(axis=1)).max() <= 1


def test_sizes_are_unequal_and_at_least_four_languages_are_low_resource(task: Task) -> None:
    train = np.bincount(task.splits["train"].languages)
    assert len(task.languages) == 12
    assert len(set(train.tolist())) == len(train)
    assert 5000 <= train.sum() <= 6500
    assert len(LOW_RESOURCE) >= 4
    assert train.min() >= 40
    assert set(np.bincount(task.splits["validation"].languages)) == {70}
    assert set(np.bincount(task.splits["test"].languages)) == {100}


def test_at_least_five_scripts_are_written(task: Task) -> None:
    letters = {c for split in task.splits.values() for text in split.texts for c in text if c.isalpha()}
    scripts = {unicodedata.name(c).split()[0] for c in letters}
    assert scripts >= {"LATIN", "CYRILLIC", "GREEK", "ARABIC", "DEVANAGARI", "GEORGIAN"}


def test_no_text_occurs_twice_in_a_split_or_in_two_splits(task: Task) -> None:
    texts = [folded(text) for split in task.splits.values() for text in split.texts]
    assert len(texts) == len(set(texts))


def test_texts_are_clean(task: Task) -> None:
    for split in task.splits.values():
        for text in split.texts:
            assert text == unicodedata.normalize("NFC", text).strip()
            assert not re.search(r"[][{}|]|\s\s", text), text
            assert text[-1] in ".?!।؟;”“»", text


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_the_task_is_learnable_but_not_trivial_and_harder_with_little_data(task: Task) -> None:
    train = task.splits["train"]
    model = make_pipeline(
        TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), min_df=2, sublinear_tf=True),
        LogisticRegression(C=10, max_iter=25),
    )
    model.fit(train.texts, train.labels)
    accuracy = {}
    for name in ("validation", "test"):
        split = task.splits[name]
        right = model.predict(split.texts) == split.labels
        by_language = [right[split.languages == i].mean() for i in range(len(task.languages))]
        assert 0.55 < np.mean(by_language) < 0.95
        accuracy[name] = dict(zip(task.languages, by_language, strict=True))
    low = [accuracy[name][code] for name in accuracy for code in LOW_RESOURCE]
    high = [accuracy[name][code] for name in accuracy for code in task.languages if code not in LOW_RESOURCE]
    assert np.mean(low) < np.mean(high) - 0.03
