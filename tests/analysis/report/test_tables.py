"""Cells as texts: numbers to the same places, what is missing a dash."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from analysis.record.formats import count, interval, number, p_value, percent, points, signed
from analysis.report.tables import make_table


def test_a_missing_value_is_a_dash_whatever_its_column() -> None:
    frame = pd.DataFrame({"arm": ["a", None], "accuracy": [0.5, np.nan], "seeds": [3, 2]})
    table = make_table("arms", "Arms", frame, {"accuracy": points, "seeds": count})
    assert table.columns == ("arm", "accuracy", "seeds")
    assert table.rows == (("a", "50.00", "3"), ("-", "-", "2"))
    assert table.numeric == (False, True, True)
    assert table.lengths == (1, 5, 1)


def test_a_zero_is_no_missing_value() -> None:
    frame = pd.DataFrame({"accuracy": [0.0], "failed": [0]})
    assert make_table("t", "T", frame, {"accuracy": points, "failed": count}).rows == (("0.00", "0"),)


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


def test_columns_of_intervals_and_small_p_are_numbers() -> None:
    frame = pd.DataFrame([["+3.10 [1.00, 5.20]*", "<.001", "1,200", "8.295e-05", "de-DE"]])
    assert make_table("t", "T", frame).numeric == (True, True, True, True, False)
