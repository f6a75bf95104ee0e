"""Random streams: a function of (seed, name), the same everywhere and for ever."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from study.streams import generator, stream

SEEDS = st.integers(0, 2**31)
NAMES = st.lists(
    st.text(st.characters(codec="utf-8", exclude_characters="\x1f"), max_size=5), min_size=1, max_size=3
)


def test_a_stream_has_the_seed_that_it_has_always_had() -> None:
    assert stream(0, "head") == 3758529787274026691
    assert stream(0, "batches", 7) == 2128329888829683614
    assert generator(3, "batches", 0).permutation(6).tolist() == [1, 4, 0, 2, 3, 5]


@given(seed=SEEDS, names=NAMES)
def test_a_seed_fits_both_generators(seed: int, names: list[str]) -> None:
    assert 0 <= stream(seed, *names) < 2**63


@given(one=st.tuples(SEEDS, NAMES), other=st.tuples(SEEDS, NAMES))
def test_other_seeds_and_names_give_other_streams(
    one: tuple[int, list[str]], other: tuple[int, list[str]]
) -> None:
    same = stream(one[0], *one[1]) == stream(other[0], *other[1])
    assert same == (one == other)


def test_names_are_not_run_together() -> None:
    assert len({stream(1, "ab", "c"), stream(1, "a", "bc"), stream(1, "abc"), stream(11, "abc")}) == 4


def test_a_stream_does_not_depend_on_what_was_drawn_before() -> None:
    undisturbed = generator(5, "mask", 9).random(4)
    np.random.seed(1)
    generator(5, "mask", 8).random(100)
    assert np.array_equal(generator(5, "mask", 9).random(4), undisturbed)
