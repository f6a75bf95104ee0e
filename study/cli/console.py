"""What the command line prints, and how: tables and JSON on stdout, everything else on stderr."""

from __future__ import annotations

import errno
import json
import logging
import math
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import TYPE_CHECKING, Any

from rich.console import Console

from study.errors import masked

if TYPE_CHECKING:
    from rich.table import Column, Table

__all__ = [
    "breaks_words",
    "err",
    "listing",
    "log",
    "new_console",
    "note",
    "open_closed_streams",
    "out",
    "outlasting",
    "print_json",
    "print_table",
    "say",
]

log = logging.getLogger("study.cli")
"""`--debug` shows what is logged here: the traceback behind a message of one line."""


def new_console(stderr: bool) -> Console:
    """A console without control codes if it is no terminal, also if FORCE_COLOR is set."""
    stream = sys.stderr if stderr else sys.stdout
    is_terminal = stream is not None and stream.isatty()
    width = None if is_terminal or stderr else 140
    return Console(stderr=stderr, width=width, force_terminal=None if is_terminal else False)


out, err = new_console(stderr=False), new_console(stderr=True)


def say(line: str) -> None:
    """Print `line` on stdout as it is: no markup, no colours, no breaks."""
    out.print(masked(line), highlight=False, markup=False, soft_wrap=True)


def note(line: str) -> None:
    """Print `line` on stderr as it is."""
    err.print(masked(line), highlight=False, markup=False, soft_wrap=True)


def print_json(value: Any) -> None:
    """Print `value` on stdout, whatever the width of the terminal."""
    print(json.dumps(value, ensure_ascii=False, indent=1))


class _Outlasting:
    """A stream that goes on as if nothing had happened if its reader goes away: a pipe, a terminal, an ssh.

    The same if the disk of a log is full. From then on the stream's descriptor leads nowhere, so that no
    other writer meets the error either.
    """

    GONE = (errno.EPIPE, errno.EIO, errno.ENXIO, errno.ECONNRESET, errno.ENOTCONN, errno.ENOSPC, errno.EDQUOT)

    def __init__(self, stream: Any) -> None:
        self.stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)

    def write(self, text: str) -> int:
        self._try(self.stream.write, text)
        return len(text)

    def flush(self) -> None:
        self._try(self.stream.flush)

    def _try(self, call: Any, *values: str) -> None:
        try:
            call(*values)
        except OSError as error:
            if error.errno not in self.GONE:
                raise
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.stream.fileno())
            os.close(nowhere)


def open_closed_streams() -> None:
    """Let streams that were closed before the start (`kdstudy ... >&-`) lead nowhere.

    Otherwise the next file that is opened gets the stream's descriptor, and libraries that write to
    descriptors write into that file.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115 (open to the end)


@contextmanager
def outlasting() -> Iterator[None]:
    """Within this context stdout and stderr may lose their readers, and nothing is raised."""
    out: Any = _Outlasting(sys.stdout)
    err: Any = _Outlasting(sys.stderr)
    with redirect_stdout(out), redirect_stderr(err):
        yield


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
    """Print `table` on stdout so that no word breaks.

    If the terminal is too narrow for the words, the gaps between columns shrink. If this is not enough, the
    table is printed in parts, one below the other. Each part begins with the first column.

    unbroken: the number of first columns without line breaks: a name that is broken cannot be copied.
    """
    for column in table.columns[:unbroken]:
        column.no_wrap = True
    if breaks_words(table):
        table.padding = (0, 0)
    for part in _parts(table):
        _keep_words(part)
        out.print(part)


def _parts(table: Table) -> Iterator[Table]:
    """`table`, or parts of it that are narrow enough; a part has two columns or more."""
    first, *rest = table.columns
    while rest:
        count = len(rest)
        while count > 1 and breaks_words(_with_columns(table, [first, *rest[:count]])):
            count -= 1
        yield table if count == len(table.columns) - 1 else _with_columns(table, [first, *rest[:count]])
        table.title, rest = None, rest[count:]
    if len(table.columns) == 1:
        yield table


def _with_columns(table: Table, columns: Sequence[Column]) -> Table:
    from rich.table import Table

    part = Table(title=table.title, title_justify="left", box=table.box, pad_edge=False)
    part.padding = table.padding
    for each in columns:
        part.add_column(each.header, justify=each.justify, overflow="fold", no_wrap=each.no_wrap)
    for cells in zip(*(each.cells for each in columns), strict=True):
        part.add_row(*cells)
    return part


def _keep_words(table: Table) -> None:
    """Columns of single words do not wrap, so that the columns with several words become narrower."""
    from rich.measure import Measurement

    wide = out.options.update(width=10_000)
    for column in table.columns:
        sizes = [Measurement.get(out, wide, cell) for cell in (column.header, *column.cells)]
        if all(size.minimum == size.maximum for size in sizes):
            column.no_wrap = True


def breaks_words(table: Table) -> bool:
    """Whether the terminal is too narrow for the longest word of every column of `table`."""
    from rich.measure import Measurement

    return Measurement.get(out, out.options.update(width=10_000), table).minimum > out.width


def _cell(value: Any) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "-"
    return f"{value:.3f}" if isinstance(value, float) else str(value)
