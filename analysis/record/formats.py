"""Numbers as text: points of accuracy, intervals, p values; the same in every sentence and table."""

from __future__ import annotations

from typing import Any

import pandas as pd

__all__ = [
    *("MISSING", "count", "interval", "intervals", "is_missing", "margin_text", "number"),
    *("p_value", "percent", "points", "signed"),
]

MISSING = "-"


def points(value: float, places: int = 2) -> str:
    """A share of 1 in points of accuracy."""
    return MISSING if is_missing(value) else f"{_points(value):.{places}f}"


def margin_text(margin: float) -> str:
    """A margin in points of accuracy, `1 point` or `2.5 points`."""
    return f"{100 * margin:g} point{'s' * (100 * margin != 1)}"


def percent(value: float) -> str:
    """A share of 1 in per cent, without decimal places: the share is not known more exactly."""
    return f"{100 * value:.0f}"


def signed(value: float, places: int = 2) -> str:
    """A difference of shares in points of accuracy; a zero has no sign."""
    text = f"{_points(value):+.{places}f}"
    return text[1:] if float(text) == 0 else text


def interval(estimate: float, low: float, high: float, places: int = 2) -> str:
    """`+3.10 [1.02, 5.18]`: a difference in points with its interval, if it has an interval."""
    if is_missing(estimate):
        return MISSING
    if is_missing(low) or is_missing(high):
        return signed(estimate, places)
    return f"{signed(estimate, places)} [{points(low, places)}, {points(high, places)}]"


def intervals(rows: pd.DataFrame) -> list[str]:
    """`interval` of the `estimate, low, high` of each row."""
    return [interval(*row) for row in rows[["estimate", "low", "high"]].itertuples(index=False)]


def p_value(value: float) -> str:
    return "<.001" if value < 0.001 else f"{value:.3f}"


def number(value: Any) -> str:
    """A level or a setting; if it is a number, with four digits."""
    try:
        return f"{float(value):.4g}"
    except ValueError:
        return str(value)


def count(value: float) -> str:
    return f"{int(value):,}"


def _points(value: float) -> float:
    """Points, rounded: sums of the same numbers in another order differ in the last digits."""
    return 100 * round(float(value), 9)


def is_missing(value: object) -> bool:
    return value is None or bool(pd.isna(value))
