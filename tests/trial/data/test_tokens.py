"""Tokenised splits: what the tokenizer says of each text, kept flat, read-only, padded to the batch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from study.trial.data.sources import load_task
from study.trial.data.task import SPLITS, Task
from study.trial.data.tokens import EncodedSplit, encode_task, load_encoded_split
from study.trial.models.tokenizer import load_tokenizer

PAD = 1


@pytest.fixture(scope="session")
def tokenizer(model_folder: Path) -> Any:
    return load_tokenizer(model_folder)


@pytest.fixture(scope="session")
def task(task_folder: Path) -> Task:
    return load_task(str(task_folder))


@pytest.fixture(scope="session")
def encoded(task: Task, tokenizer: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tokens")
    encode_task(task, tokenizer, 12, folder)
    return folder


def text_ids(split: EncodedSplit, row: int) -> list[int]:
    ids: list[int] = split.ids[split.offsets[row] : split.offsets[row + 1]].tolist()
    return ids


@pytest.mark.parametrize("name", SPLITS)
def test_every_text_has_the_tokenizers_ids_cut_at_the_length(
    task: Task, tokenizer: Any, encoded: Path, name: str
) -> None:
    split, texts = load_encoded_split(encoded, name), task.splits[name].texts
    expected = [tokenizer(text, truncation=True, max_length=12)["input_ids"] for text in texts]
    assert len(split) == len(texts)
    assert [text_ids(split, row) for row in range(len(split))] == expected
    assert split.lengths.tolist() == [len(ids) for ids in expected]
    assert max(split.lengths) == 12
    assert min(split.lengths) < 12


def test_a_cut_text_keeps_its_special_tokens(encoded: Path, tokenizer: Any) -> None:
    split = load_encoded_split(encoded, "train")
    row = int(split.lengths.argmax())
    assert text_ids(split, row)[0] == tokenizer.cls_token_id
    assert text_ids(split, row)[-1] == tokenizer.sep_token_id


def test_labels_and_languages_stay_with_their_texts(task: Task, encoded: Path) -> None:
    for name in SPLITS:
        split = load_encoded_split(encoded, name)
        assert np.array_equal(split.labels, task.splits[name].labels)
        assert np.array_equal(split.languages, task.splits[name].languages)


def test_what_is_loaded_cannot_be_written_to(encoded: Path) -> None:
    split = load_encoded_split(encoded, "train")
    for part in (split.ids, split.offsets, split.labels, split.languages):
        with pytest.raises(ValueError, match="read-only"):
            part[0] = 5


@st.composite
def splits_and_rows(draw: st.DrawFn) -> tuple[EncodedSplit, np.ndarray]:
    lengths = draw(st.lists(st.integers(1, 9), min_size=1, max_size=12))
    ids = np.arange(2, 2 + sum(lengths), dtype=np.int32)
    numbers = np.arange(len(lengths))
    split = EncodedSplit(ids, np.concatenate([[0], np.cumsum(lengths)]), numbers, numbers + 50)
    rows = draw(st.lists(st.integers(0, len(lengths) - 1), min_size=1, max_size=12))
    return split, np.array(rows)


@given(splits_and_rows())
def test_padding_reaches_the_longest_text_of_the_batch_and_no_further(
    case: tuple[EncodedSplit, np.ndarray],
) -> None:
    split, rows = case
    batch = split.padded(rows, PAD)
    ids, mask = batch["input_ids"], batch["attention_mask"]
    assert ids.shape == mask.shape == (len(rows), split.lengths[rows].max())
    assert ids.dtype == mask.dtype == torch.int64
    for row, text, real in zip(rows, ids, mask, strict=True):
        length = int(split.lengths[row])
        assert text[:length].tolist() == text_ids(split, row)
        assert text[length:].tolist() == [PAD] * (len(text) - length)
        assert real.tolist() == [1] * length + [0] * (len(text) - length)


@given(splits_and_rows())
def test_rows_that_are_taken_make_a_split_of_their_own(case: tuple[EncodedSplit, np.ndarray]) -> None:
    split, rows = case
    taken = split.take(rows)
    assert [text_ids(taken, i) for i in range(len(taken))] == [text_ids(split, row) for row in rows]
    assert taken.labels.tolist() == split.labels[rows].tolist()
    assert taken.languages.tolist() == split.languages[rows].tolist()


def test_a_batch_is_memory_of_its_own(encoded: Path) -> None:
    split = load_encoded_split(encoded, "train")
    before = split.ids.copy()
    split.padded(np.arange(4), PAD)["input_ids"].add_(7)
    assert np.array_equal(split.ids, before)
