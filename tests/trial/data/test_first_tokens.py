"""Words and their first tokens: found in the text as it is tokenised, cut off with its end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from study.trial.data.first_tokens import first_tokens
from study.trial.data.task import SPLITS, Split, Task, items_of
from study.trial.data.tokens import encode_split, encode_task, load_encoded_split
from study.trial.models.tokenizer import load_tokenizer

LABELS = ("B-x", "I-x", "O")
LETTERS = "abcdeäöẹọ́ṣक्षि你好ب"


@pytest.fixture(scope="session")
def tokenizer(model_folder: Path) -> Any:
    return load_tokenizer(model_folder)


def split_of(texts: list[list[str]], seed: int = 0) -> Split:
    random = np.random.default_rng(seed)
    tags = random.integers(0, len(LABELS), sum(map(len, texts)))
    return Split.of_words(texts, tags, np.zeros(len(texts), dtype=np.int64))


WORDS = st.text(LETTERS + ".,'", min_size=1, max_size=6)
TEXTS = st.lists(st.lists(WORDS, min_size=1, max_size=7), min_size=1, max_size=5)


@settings(deadline=None)
@given(texts=TEXTS)
def test_every_word_that_is_not_cut_off_has_the_first_token_of_its_part_of_the_text(
    tokenizer: Any, texts: list[list[str]]
) -> None:
    split = split_of(texts)
    encoded = encode_split(split, tokenizer, 128)
    assert encoded.starts is not None
    assert encoded.words is not None
    assert encoded.places is not None
    assert len(encoded) == len(texts)
    for row, words in enumerate(texts):
        items = encoded.items(np.array([row]))
        assert encoded.words[items].tolist() == list(range(len(words)))
        spans = tokenizer(split.texts[row], return_offsets_mapping=True)["offset_mapping"]
        places = encoded.places[items].tolist()
        assert places == sorted(set(places))
        begins = np.cumsum([0, *(len(word) + 1 for word in words)])[:-1]
        for begin, place in zip(begins, places, strict=True):
            first, last = spans[place]
            assert split.texts[row][first:last].strip() or first == begin
            assert first <= begin < last
    assert encoded.labels.tolist() == split.labels.tolist()


@settings(deadline=None)
@given(texts=TEXTS, length=st.integers(4, 9))
def test_words_behind_the_cut_are_no_items(tokenizer: Any, texts: list[list[str]], length: int) -> None:
    split = split_of(texts)
    whole, cut = (encode_split(split, tokenizer, limit) for limit in (128, length))
    assert split.starts is not None
    assert whole.places is not None
    assert cut.places is not None
    for row in range(len(texts)):
        rows = np.array([row])
        there = whole.places[whole.items(rows)]
        kept = there[there < cut.lengths[row] - 1]  # the last token is special
        assert cut.places[cut.items(rows)].tolist() == kept.tolist()
        first = split.starts[row]
        assert cut.labels[cut.items(rows)].tolist() == split.labels[first : first + len(kept)].tolist()


@settings(deadline=None)
@given(texts=TEXTS, seed=st.integers(0, 3))
def test_a_batch_of_logits_gives_each_item_the_logits_at_its_first_token(
    tokenizer: Any, texts: list[list[str]], seed: int
) -> None:
    encoded = encode_split(split_of(texts), tokenizer, 16)
    assert encoded.places is not None
    rows = np.random.default_rng(seed).permutation(len(texts))
    ids = encoded.padded(rows, 1)["input_ids"]
    places = encoded.places_in(rows)
    assert places is not None
    own = [encoded.ids[encoded.offsets[row] : encoded.offsets[row + 1]] for row in rows]
    expected = [
        int(tokens[place])
        for tokens, row in zip(own, rows, strict=True)
        for place in encoded.places[encoded.items(np.array([row]))]
    ]
    assert ids.flatten()[places].tolist() == expected
    assert len(encoded.items(rows)) == len(places)


@settings(deadline=None)
@given(texts=TEXTS, seed=st.integers(0, 3))
def test_rows_that_are_taken_keep_their_items(tokenizer: Any, texts: list[list[str]], seed: int) -> None:
    encoded = encode_split(split_of(texts), tokenizer, 16)
    rows = np.random.default_rng(seed).integers(0, len(texts), 4)
    taken, items = encoded.take(rows), encoded.items(rows)
    every = np.arange(len(rows))
    assert taken.labels.tolist() == encoded.labels[items].tolist()
    assert taken.items(every).tolist() == list(range(len(items)))
    assert torch.equal(taken.padded(every, 1)["input_ids"], encoded.padded(rows, 1)["input_ids"])
    places, there = taken.places_in(every), encoded.places_in(rows)
    assert places is not None
    assert there is not None
    assert torch.equal(places, there)


def test_what_is_stored_is_what_was_encoded(tokenizer: Any, tmp_path: Path) -> None:
    splits = {name: split_of([["Ade", "laughs", "."], ["Hm"]], seed) for seed, name in enumerate(SPLITS)}
    task = Task("t", LABELS, ("eng",), splits, kind="token")
    encode_task(task, tokenizer, 16, tmp_path)
    for name in SPLITS:
        loaded, encoded = load_encoded_split(tmp_path, name), encode_split(splits[name], tokenizer, 16)
        for part in ("ids", "offsets", "labels", "languages", "starts", "places", "words"):
            assert getattr(loaded, part).tolist() == getattr(encoded, part).tolist()
        assert loaded.sampled_by.shape == (2,)


def test_a_token_over_two_words_belongs_to_the_first_and_the_second_is_no_item() -> None:
    assert first_tokens(["ab", "c", "d"], [(0, 0), (0, 1), (1, 4), (4, 6), (0, 0)]) == [(0, 1), (2, 3)]


def test_the_mark_of_a_blank_is_no_first_token() -> None:
    assert first_tokens(["a", "b"], [(0, 1), (1, 2), (2, 3)]) == [(0, 0), (1, 2)]


@settings(deadline=None)
@given(st.lists(st.integers(0, 4), min_size=1, max_size=8), st.data())
def test_items_of_rows_are_their_ranges(counts: list[int], data: st.DataObject) -> None:
    starts = np.cumsum([0, *counts])
    rows = np.array(data.draw(st.lists(st.integers(0, len(counts) - 1), max_size=8)), dtype=np.int64)
    expected = [item for row in rows for item in range(starts[row], starts[row + 1])]
    assert items_of(rows, starts).tolist() == expected
    assert items_of(rows, None) is rows
