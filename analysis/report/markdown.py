"""Text and tables as Markdown. No name in a text is read as markup."""

from __future__ import annotations

import re

from analysis.report.tables import Table

__all__ = ["escape", "markdown_table"]

LINE_START = re.compile(r"[-+=]|\d{1,9}(?=[.)])")
"""At the start of a line, these would make a list, a rule, or a heading of the line before."""


def escape(text: str) -> str:
    """`text` in one line, with the markup of Markdown and HTML escaped. A name such as `a_b` stays."""
    line = _inline(text)
    if start := LINE_START.match(line):
        mark = start.end() - (start.group() in "-+=")
        return f"{line[:mark]}\\{line[mark:]}"
    return line


def markdown_table(table: Table) -> str:
    """`table` as a Markdown table, with columns of numbers aligned to the right."""
    sides = ["--:" if table.numeric[index] else "---" for index in range(len(table.columns))]
    rows = [table.columns, *table.rows]
    head, *body = ["| " + " | ".join(map(_inline, row)) + " |" for row in rows]
    return "\n".join([head, "| " + " | ".join(sides) + " |", *body])


def _inline(text: str) -> str:
    """`text` inside a line, as in the cell of a table: there, a minus and `1.` are no markup.

    GitHub reads `$a$` as mathematics, and `\\$a\\$` too; its manual gives the span as the remedy.
    """
    line = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    escaped = re.sub(r"([\\`*\[\]|#~]|(?<!\w)_|_(?!\w))", r"\\\1", line)
    return escaped.replace("$", "<span>$</span>")
