"""Text and tables as Markdown that shows what was meant: no name in it is read as markup."""

from __future__ import annotations

import re

from analysis.tables import Table

__all__ = ["escape", "markdown_table"]


def escape(text: str) -> str:
    """`text` in one line, with what Markdown or HTML would read as markup escaped; `a_b` stays as it is."""
    line = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*\[\]|#~]|(?<!\w)_|_(?!\w))", r"\\\1", line)


def markdown_table(table: Table) -> str:
    """Columns of numbers stand to the right."""
    sides = ["--:" if table.numeric[index] else "---" for index in range(len(table.columns))]
    rows = [table.columns, *table.rows]
    head, *body = ["| " + " | ".join(map(escape, row)) + " |" for row in rows]
    return "\n".join([head, "| " + " | ".join(sides) + " |", *body])
