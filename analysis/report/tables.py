"""A table before any file format: every cell is a text, the same in HTML, Markdown and LaTeX."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from analysis.record.formats import MISSING, is_missing

__all__ = ["Format", "Table", "make_table"]

NUMBER = re.compile(r"[<+-]?\d*\.?\d+(e[+-]\d+)?(,\d{3})*( \[[^]]*\])?\*?")


@dataclass(frozen=True)
class Table:
    """name: the name of its file. note: what a reader must know to read the table."""

    name: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""

    @cached_property
    def numeric(self) -> tuple[bool, ...]:
        """For each column, whether it holds only numbers. Such a column is aligned to the right."""
        return tuple(_numbers([row[index] for row in self.rows]) for index in range(len(self.columns)))

    @cached_property
    def lengths(self) -> tuple[int, ...]:
        """For each column, the number of characters of its longest cell."""
        return tuple(max((len(row[i]) for row in self.rows), default=0) for i in range(len(self.columns)))


Format = Callable[[Any], str]


def make_table(
    name: str, title: str, frame: pd.DataFrame, formats: Mapping[str, Format] | None = None, note: str = ""
) -> Table:
    """The columns of `frame` as text, each column by its format; a missing value becomes a dash."""
    formats = formats or {}
    how = [formats.get(str(column), str) for column in frame.columns]
    rows = tuple(
        tuple(MISSING if is_missing(value) else form(value) for form, value in zip(how, row, strict=True))
        for row in frame.astype(object).itertuples(index=False)
    )
    return Table(name, title, tuple(map(str, frame.columns)), rows, note)


def _numbers(cells: list[str]) -> bool:
    there = [cell for cell in cells if cell != MISSING]
    return bool(there) and all(NUMBER.fullmatch(cell) for cell in there)
