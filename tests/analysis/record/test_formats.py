"""Numbers as text: the same number of places everywhere."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.record.formats import interval, number, p_value, percent, signed


def test_an_interval_is_as_much_as_is_known() -> None:
    assert interval(0.031, 0.01, 0.052) == "+3.10 [1.00, 5.20]"
    assert interval(-0.002, -0.01, 0.006) == "-0.20 [-1.00, 0.60]"
    assert interval(0.031, np.nan, np.nan) == "+3.10"
    assert interval(np.nan, np.nan, np.nan) == "-"


@pytest.mark.parametrize(
    ("value", "text"), [(0.0, "0.00"), (-0.00001, "0.00"), (0.0123, "+1.23"), (-0.5, "-50.00")]
)
def test_a_difference_has_its_sign_and_a_zero_none(value: float, text: str) -> None:
    assert signed(value) == text


def test_settings_are_short_and_names_whole() -> None:
    assert [number(v) for v in ("0.00030000000000000003", 2.0, "mse", "400")] == ["0.0003", "2", "mse", "400"]
    assert [percent(v) for v in (0.0, 0.094, 1.0)] == ["0", "9", "100"]
    assert [p_value(v) for v in (0.0004, 0.0316)] == ["<.001", "0.032"]
