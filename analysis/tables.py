"""Tables as they are read: every cell a text, the same in HTML, Markdown and LaTeX."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

__all__ = [
    *("MISSING", "Format", "Table", "make_table"),
    *("count", "interval", "intervals", "number", "p_value", "percent", "points", "signed"),
]

MISSING = "-"
NUMBER = re.compile(r"[<+-]?\d*\.?\d+(e[+-]\d+)?(,\d{3})*( \[[^]]*\])?\*?")


@dataclass(frozen=True)
class Table:
    """name: of its file. note: what a reader must know to read it."""

    name: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""

    @cached_property
    def numeric(self) -> tuple[bool, ...]:
        """Which columns hold numbers alone, and so stand to the right."""
        return tuple(_numbers([row[index] for row in self.rows]) for index in range(len(self.columns)))

    @cached_property
    def lengths(self) -> tuple[int, ...]:
        """Characters of each column's longest cell."""
        return tuple(max((len(row[i]) for row in self.rows), default=0) for i in range(len(self.columns)))


Format = Callable[[Any], str]


def make_table(
    name: str, title: str, frame: pd.DataFrame, formats: Mapping[str, Format] | None = None, note: str = ""
) -> Table:
    """The columns of `frame`, each by its format; a missing value is a dash."""
    formats = formats or {}
    how = [formats.get(str(column), str) for column in frame.columns]
    rows = tuple(
        tuple(MISSING if _missing(value) else form(value) for form, value in zip(how, row, strict=True))
        for row in frame.astype(object).itertuples(index=False)
    )
    return Table(name, title, tuple(map(str, frame.columns)), rows, note)


def points(value: float) -> str:
    """A share of 1 in points of accuracy."""
    return MISSING if _missing(value) else f"{_points(value):.2f}"


def percent(value: float) -> str:
    """A share of 1 in per cent, where a hundredth part is as fine as it is known."""
    return f"{100 * value:.0f}"


def signed(value: float) -> str:
    """A difference of shares in points of accuracy; a zero has no sign."""
    text = f"{_points(value):+.2f}"
    return text[1:] if float(text) == 0 else text


def interval(estimate: float, low: float, high: float) -> str:
    """`+3.10 [1.02, 5.18]`: a difference in points with its interval, where it has one."""
    if _missing(estimate):
        return MISSING
    if _missing(low) or _missing(high):
        return signed(estimate)
    return f"{signed(estimate)} [{points(low)}, {points(high)}]"


def intervals(rows: pd.DataFrame) -> list[str]:
    """`interval` of each row's `estimate, low, high`."""
    return [interval(*row) for row in rows[["estimate", "low", "high"]].itertuples(index=False)]


def p_value(value: float) -> str:
    return "<.001" if value < 0.001 else f"{value:.3f}"


def number(value: Any) -> str:
    """A level or a setting, in four digits where it is a number."""
    try:
        return f"{float(value):.4g}"
    except ValueError:
        return str(value)


def count(value: float) -> str:
    return f"{int(value):,}"


def _points(value: float) -> float:
    """Sums of the same numbers in another order differ in the last digits, and are to read alike."""
    return 100 * round(float(value), 9)


def _numbers(cells: list[str]) -> bool:
    there = [cell for cell in cells if cell != MISSING]
    return bool(there) and all(NUMBER.fullmatch(cell) for cell in there)


def _missing(value: object) -> bool:
    return value is None or bool(pd.isna(value))  # type: ignore[call-overload]
