"""Cells as texts: numbers to the same places, what is missing a dash."""

from __future__ import annotations

import numpy as np
import pandas as pd

from analysis.record.formats import count, points
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


def test_columns_of_intervals_and_small_p_are_numbers() -> None:
    frame = pd.DataFrame([["+3.10 [1.00, 5.20]*", "<.001", "1,200", "8.295e-05", "de-DE"]])
    assert make_table("t", "T", frame).numeric == (True, True, True, True, False)
