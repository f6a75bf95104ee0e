"""What a table prints."""

from __future__ import annotations

import io

from rich.console import Console
from rich.table import Table

__all__ = ["rows"]


def rows(table: Table) -> list[list[str]]:
    """What is printed, cell by cell."""
    file = io.StringIO()
    Console(file=file, width=200).print(table)
    return [line.split() for line in file.getvalue().splitlines() if line.strip(" ─")]
