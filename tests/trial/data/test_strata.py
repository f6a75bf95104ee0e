"""What data fractions keep in proportion in a token task: the rarest tag type of each text."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from study.trial.data.fractions import sample_rows, sample_sizes
from study.trial.data.strata import strata_of
from study.trial.data.tags import type_of
from study.trial.data.task import Split

TAGS = ("B-LOC", "B-ORG", "B-PER", "I-LOC", "I-ORG", "I-PER", "O")
NAMES = ("LOC", "ORG", "PER")


def split_of(texts: list[tuple[int, list[str]]]) -> Split:
    """A split of (language, tags) of each text."""
    tags = np.array([TAGS.index(tag) for _, of_text in texts for tag in of_text], dtype=np.int64)
    words = [[f"w{i}" for i, _ in enumerate(of_text)] for _, of_text in texts]
    return Split.of_words(words, tags, np.array([language for language, _ in texts], dtype=np.int64))


@st.composite
def texts(draw: st.DrawFn) -> list[tuple[int, list[str]]]:
    tags = st.lists(st.sampled_from(TAGS), min_size=1, max_size=5)
    return draw(st.lists(st.tuples(st.integers(0, 2), tags), min_size=1, max_size=40))


@settings(deadline=None)
@given(texts())
def test_the_stratum_is_the_type_that_the_fewest_texts_of_the_language_have(
    rows: list[tuple[int, list[str]]],
) -> None:
    strata = strata_of(split_of(rows), TAGS)
    for stratum, (language, tags) in zip(strata.tolist(), rows, strict=True):
        types = {type_of(tag) for tag in tags} - {""}
        if not types:
            assert stratum == len(NAMES)
            continue
        counts = Counter(
            name for of, other in rows if of == language for name in {type_of(tag) for tag in other} - {""}
        )
        assert NAMES[stratum] in types
        assert counts[NAMES[stratum]] == min(counts[name] for name in types)


@settings(deadline=None)
@given(texts(), st.floats(0.01, 1), st.integers(0, 3))
def test_a_fraction_keeps_a_text_of_each_stratum_in_each_language(
    rows: list[tuple[int, list[str]]], fraction: float, seed: int
) -> None:
    split = split_of(rows)
    strata = strata_of(split, TAGS)
    kept = sample_rows(strata, split.languages, fraction, "task", seed)
    pairs = set(zip(split.languages.tolist(), strata.tolist(), strict=True))
    assert set(zip(split.languages[kept].tolist(), strata[kept].tolist(), strict=True)) == pairs
    sizes = sample_sizes(strata, split.languages, fraction)
    assert np.bincount(split.languages[kept], minlength=len(sizes)).tolist() == sizes.tolist()


@settings(deadline=None)
@given(texts(), st.tuples(st.floats(0.01, 1), st.floats(0.01, 1)), st.integers(0, 1))
def test_samples_are_nested(
    rows: list[tuple[int, list[str]]], fractions: tuple[float, float], floor: int
) -> None:
    split = split_of(rows)
    strata = strata_of(split, TAGS)
    few, many = (
        set(sample_rows(strata, split.languages, fraction, "task", 0, floor).tolist())
        for fraction in sorted(fractions)
    )
    assert few <= many


def test_a_part_of_speech_is_a_type_of_its_own() -> None:
    words, tags = [["a", "b"], ["c"], ["d"]], np.array([0, 1, 0, 0])
    split = Split.of_words(words, tags, np.zeros(3, dtype=np.int64))
    assert strata_of(split, ("NOUN", "VERB")).tolist() == [1, 0, 0]


def test_in_a_text_task_the_stratum_is_the_label() -> None:
    split = Split(("a", "b"), np.array([1, 0]), np.array([0, 0]))
    assert strata_of(split, ("no", "yes")).tolist() == [1, 0]
