"""A table as LaTeX with booktabs, escaped, for \\input inside a table environment."""

from __future__ import annotations

import re

from analysis.record.formats import MISSING
from analysis.report.tables import Table

__all__ = ["LONG", "escape", "latex_table"]

LONG = 40
"""A table with more rows is a longtable, which breaks across pages and needs no table environment."""

SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "'": r"\textquotesingle{}",
    "`": r"\textasciigrave{}",
}
LIGATURE = re.compile(r"([-,])(?=\1)")  # two hyphens would be a dash, two commas a quotation mark
ENCODINGS = (
    r"pdfLaTeX: \usepackage[T1]{fontenc}",
    r"XeLaTeX: \usepackage{fontspec} and a font that has the letters of all names",
)
"""What a document needs besides the packages, for each engine. The comments above each table show it."""

WIDE = 40  # characters beyond which a column of names gets a width of its own and breaks its lines


def escape(text: str) -> str:
    """`text` such that LaTeX prints it letter by letter. Lines may break after `=` and `_`.

    Line ends and other control characters become spaces. Quotes are straight, which pdfLaTeX has in the
    encoding T1, and `--` stays two hyphens. Letters outside ASCII stay: XeLaTeX prints them with a font that
    has them.
    """
    plain = "".join(c if c.isprintable() else " " for c in text)
    escaped = "".join(SPECIAL.get(c, c) for c in plain)
    escaped = LIGATURE.sub(r"\1{}", escaped)
    return escaped.replace("=", r"=\allowbreak{}").replace(r"\_", r"\_\allowbreak{}")


def latex_table(table: Table) -> str:
    """`table` as a tabular, or as a longtable above 40 rows. The title and the note become comments."""
    long = len(table.rows) > LONG
    columns = "".join(_column(table, index) for index in range(len(table.columns)))
    head = " & ".join(escape(name) for name in table.columns) + r" \\"
    body = [_row(row) for row in table.rows]
    environment = "longtable" if long else "tabular"
    packages = r"\usepackage{array,booktabs" + (",longtable}" if long else "}")
    comments = [table.title, table.note, packages, *ENCODINGS]
    return "\n".join(
        [
            *(f"% {_comment(text)}" for text in comments if text),
            rf"\begin{{{environment}}}{{{columns}}}",
            r"\toprule",
            head,
            r"\midrule",
            *([r"\endhead"] if long else []),
            *body,
            r"\bottomrule",
            rf"\end{{{environment}}}",
            "",
        ]
    )


def _row(row: tuple[str, ...]) -> str:
    r"""A row. Without the braces, LaTeX would read `[` or `*` at its start as an argument of the `\\` before
    it."""
    text = " & ".join(map(_cell, row)) + r" \\"
    return "{}" + text if text.startswith(("[", "*")) else text


def _column(table: Table, index: int) -> str:
    if table.numeric[index]:
        return "r"
    return r">{\raggedright\arraybackslash}p{0.35\textwidth}" if table.lengths[index] > WIDE else "l"


def _cell(text: str) -> str:
    if text == MISSING:
        return "--"
    return re.sub(r"(?<![\w.])-(?=\d)", "$-$", escape(text)) if re.search(r"\d", text) else escape(text)


def _comment(text: str) -> str:
    return " ".join(text.split())
