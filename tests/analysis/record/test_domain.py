"""Levels and ranges are read back from the text that MLflow keeps."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.record.design import Domain
from analysis.record.domain import parse_arm, parse_levels, parse_value
from study.space import Range


@given(st.floats(1e-9, 1e9), st.floats(1.001, 1e6), st.booleans())
def test_a_range_is_read_back_from_its_text(low: float, ratio: float, log: bool) -> None:
    """To the six digits that are written."""
    planned = Range(low=low, high=low * ratio, log=log)
    domain = Domain.parse(str(planned))
    assert domain.is_range
    assert (domain.low, domain.high) == pytest.approx((planned.low, planned.high), rel=1e-5)
    assert domain.log is log
    assert str(domain) == str(planned)


LEVEL = st.one_of(st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=9))


@given(st.lists(LEVEL, max_size=5).map(tuple))
def test_levels_are_read_back_as_what_they_were(levels: tuple[Any, ...]) -> None:
    assert parse_levels(str(levels)) == levels
    assert list(map(type, parse_levels(str(levels)))) == list(map(type, levels))


@pytest.mark.parametrize("text", ["('random', 'ba", "random", "", "__import__('os')", "(" * 5000, "[[1], 2"])
def test_levels_that_cannot_be_read_are_none(text: str) -> None:
    assert parse_levels(text) == ()
    assert Domain.parse(text) == Domain()
    assert not Domain.parse(text).is_numeric


@given(st.one_of(st.integers(), st.floats(allow_nan=False, allow_infinity=False)))
def test_a_number_is_a_number(value: float) -> None:
    assert parse_value(str(value)) == value
    assert type(parse_value(str(value))) is type(value)


@pytest.mark.parametrize("text", ["teacher", "nan", "inf", "1/2", "1.5.2", "", "1e", "0x1"])
def test_other_text_stays_text(text: str) -> None:
    assert parse_value(text) == text


def test_an_arms_name_says_its_levels() -> None:
    assert parse_arm("init=teacher alpha=0.2 depth=3") == {"init": "teacher", "alpha": 0.2, "depth": 3}
    assert parse_arm("all") == parse_arm("") == parse_arm("an arm of mine") == {}


@pytest.mark.parametrize(
    ("log", "value", "position"), [(False, 0.505, 0.5), (True, 0.1, 0.5), (True, 0.0, None)]
)
def test_a_value_has_a_place_in_its_range(log: bool, value: float, position: float | None) -> None:
    place = Domain(0.01, 1.0, log).position(value)
    assert pd.isna(place) if position is None else place == pytest.approx(position)
    assert Domain(0.01, 1.0, log).position(1.0) == pytest.approx(1.0)
    assert pd.isna(Domain(levels=(1, 2)).position(1))
