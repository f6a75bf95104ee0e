"""A task's part of the vocabulary: nothing lost, nothing moved that must stay, ids there and back."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from study.trial.data.vocabulary import (
    Vocabulary,
    load_trimmed_ids,
    load_vocabulary,
    save_trimmed_ids,
)


@st.composite
def cases(draw: st.DrawFn) -> tuple[list[np.ndarray], set[int], int, int]:
    """Texts of several splits, some empty, special tokens, the padding token, and the vocabulary's size."""
    size = draw(st.integers(1, 60))
    token = st.integers(0, size - 1)
    splits = draw(st.lists(st.lists(token, max_size=20), max_size=3))
    return (
        [np.array(ids, dtype=np.int32) for ids in splits],
        draw(st.sets(token, max_size=5)),
        draw(token),
        size,
    )


@given(cases())
def test_exactly_the_tokens_that_occur_and_the_special_ones_are_kept(
    case: tuple[list[np.ndarray], set[int], int, int],
) -> None:
    texts, special, pad, size = case
    vocabulary = Vocabulary.of(texts, special, pad, size)
    wanted = special | {pad} | {int(token) for ids in texts for token in ids}
    assert sorted(vocabulary.kept.tolist()) == sorted(wanted)
    assert vocabulary.kept.dtype == np.int32
    assert (len(vocabulary), vocabulary.size) == (len(wanted), size)


@given(cases())
def test_ids_there_and_back_are_the_same(case: tuple[list[np.ndarray], set[int], int, int]) -> None:
    texts, special, pad, size = case
    vocabulary = Vocabulary.of(texts, special, pad, size)
    for ids in texts:
        new = vocabulary.trim_ids(ids)
        assert new.dtype == np.int32
        assert vocabulary.kept[new].tolist() == ids.tolist()
    for token in special:
        assert vocabulary.kept[vocabulary.trim_id(token)] == token


@given(cases())
def test_padding_stays_where_it_was_and_all_others_stay_in_order(
    case: tuple[list[np.ndarray], set[int], int, int],
) -> None:
    texts, special, pad, size = case
    vocabulary = Vocabulary.of(texts, special, pad, size)
    if pad < len(vocabulary):
        assert vocabulary.trim_id(pad) == pad
    others = vocabulary.kept[vocabulary.kept != pad]
    assert others.tolist() == sorted(others.tolist())


@given(st.integers(1, 40), st.data())
def test_where_every_token_occurs_no_id_changes(size: int, data: st.DataObject) -> None:
    everything = np.array(data.draw(st.permutations(range(size))), dtype=np.int32)
    vocabulary = Vocabulary.of([everything], (), data.draw(st.integers(0, size - 1)), size)
    assert vocabulary.kept.tolist() == list(range(size))
    assert vocabulary.trim_ids(everything).tolist() == everything.tolist()


def test_a_task_without_texts_has_its_special_tokens() -> None:
    vocabulary = Vocabulary.of([np.array([], dtype=np.int32)], (0, 2), 1, 100)
    assert vocabulary.kept.tolist() == [0, 1, 2]
    assert vocabulary.trim_ids(np.array([], dtype=np.int32)).tolist() == []


@pytest.mark.parametrize("wrong", [-1, 10])
def test_a_token_that_the_vocabulary_does_not_have_is_refused(wrong: int) -> None:
    for texts, special, pad in (([np.array([wrong])], (), 0), ([], (wrong,), 0), ([], (), wrong)):
        with pytest.raises(ValueError, match="in a vocabulary of 10"):
            Vocabulary.of(texts, special, pad, 10)


def test_a_token_that_is_not_kept_has_no_new_id() -> None:
    vocabulary = Vocabulary.of([np.array([5, 7])], (0,), 0, 10)
    with pytest.raises(ValueError, match="2 tokens are not kept, as 3"):
        vocabulary.trim_ids(np.array([5, 3, 9, 3]))


@given(cases())
def test_what_is_saved_is_loaded(case: tuple[list[np.ndarray], set[int], int, int]) -> None:
    vocabulary = Vocabulary.of(*case)
    with tempfile.TemporaryDirectory() as folder:
        assert load_vocabulary(Path(folder)) is None
        vocabulary.save(Path(folder))
        loaded = load_vocabulary(Path(folder))
    assert loaded is not None
    assert loaded.size == vocabulary.size
    assert loaded.kept.dtype == np.int32
    assert loaded.kept.tolist() == vocabulary.kept.tolist()


def test_splits_are_saved_in_new_ids_and_cannot_be_written_to(tmp_path: Path) -> None:
    splits = {"train": np.array([7, 0, 7], dtype=np.int32), "test": np.array([], dtype=np.int32)}
    vocabulary = Vocabulary.of(splits.values(), (), 0, 9)
    save_trimmed_ids(tmp_path, vocabulary, splits)
    ids = load_trimmed_ids(tmp_path, "train")
    assert ids.tolist() == [1, 0, 1]
    assert load_trimmed_ids(tmp_path, "test").tolist() == []
    with pytest.raises(ValueError, match="read-only"):
        ids[0] = 5
