"""What the command line prints, and how: tables and JSON on stdout, everything else on stderr."""

from __future__ import annotations

import json
import logging
import math
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console

from study.errors import masked

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["breaks_words", "err", "listing", "log", "note", "out", "print_json", "print_table", "say"]

log = logging.getLogger("study.cli")
"""`--debug` shows what is logged here: the traceback behind a message of one line."""

out = Console(width=None if sys.stdout.isatty() else 140)
err = Console(stderr=True)


def say(line: str) -> None:
    """Print `line` on stdout as it is: no markup, no colours, no breaks."""
    out.print(masked(line), highlight=False, markup=False, soft_wrap=True)


def note(line: str) -> None:
    """Print `line` on stderr as it is."""
    err.print(masked(line), highlight=False, markup=False, soft_wrap=True)


def print_json(value: Any) -> None:
    """Print `value` on stdout, whatever the width of the terminal."""
    print(json.dumps(value, ensure_ascii=False, indent=1))


def listing(columns: Sequence[str], rows: Sequence[Sequence[Any]], title: str | None = None) -> Table:
    """A plain table: numbers stand on the right, and a missing value is a dash."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for index, column in enumerate(columns):
        numeric = all(row[index] is None or isinstance(row[index], int | float) for row in rows)
        table.add_column(column, justify="right" if numeric and rows else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(_cell(value)) for value in row))
    return table


def print_table(table: Table, unbroken: int = 0) -> None:
    """Print `table` on stdout. The gaps between columns shrink if the terminal is too narrow for the words.

    No line breaks in the first `unbroken` columns: a name that is broken cannot be copied.
    """
    for column in table.columns[:unbroken]:
        column.no_wrap = True
    if breaks_words(table):
        table.padding = (0, 0)
    out.print(table)


def breaks_words(table: Table) -> bool:
    """Whether the terminal is too narrow for the longest word of every column of `table`."""
    from rich.measure import Measurement

    return Measurement.get(out, out.options.update(width=10_000), table).minimum > out.width


def _cell(value: Any) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "-"
    return f"{value:.3f}" if isinstance(value, float) else str(value)
