"""A table as LaTeX with booktabs, escaped, within a text column of 16 cm."""

from __future__ import annotations

import re

from analysis.record.formats import MISSING
from analysis.report.tables import Table
from analysis.report.widths import LONGEST, SEPARATION, Column, fitted, wrapped

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
BREAK = "\x00"  # stands for a place at which a line may break; no printed text has it
LIGATURE = re.compile(r"([-,])(?=\1)")  # two hyphens would be a dash, two commas a quotation mark
ENCODINGS = (
    r"pdfLaTeX: \usepackage[T1]{fontenc}",
    r"XeLaTeX: \usepackage{fontspec} and a font that has the letters of all names",
)
"""What a document needs besides the packages, for each engine. The comments above each table show it."""


def escape(text: str) -> str:
    """`text` such that LaTeX prints it letter by letter. Lines may break after `=`, `_` and in long words.

    Line ends and other control characters become spaces. Quotes are straight, which pdfLaTeX has in the
    encoding T1, and `--` stays two hyphens. Letters outside ASCII stay: XeLaTeX prints them with a font that
    has them.
    """
    plain = "".join(c if c.isprintable() else " " for c in text)
    plain = re.sub(rf"[^\s=_]{{{LONGEST}}}(?=[^\s=_])", rf"\g<0>{BREAK}", plain)
    escaped = "".join(r"\allowbreak{}" if c == BREAK else SPECIAL.get(c, c) for c in plain)
    escaped = LIGATURE.sub(r"\1{}", escaped)
    return escaped.replace("=", r"=\allowbreak{}").replace(r"\_", r"\_\allowbreak{}")


def latex_table(table: Table, caption: str = "") -> str:
    r"""`table` in `\small`, at most 16 cm wide: a tabular, or a longtable above 40 rows.

    A table whose columns do not fit side by side becomes several, one below the other, each with the first
    column. Without a `caption`, title and note become comments, and the text is for \input inside a table
    environment. With a `caption`, the text has its own environment, with the label `tab:NAME`.
    """
    long = len(table.rows) > LONG
    columns = [
        Column.of(name, [row[index] for row in table.rows], table.numeric[index])
        for index, name in enumerate(table.columns)
    ]
    blocks = fitted(columns)
    titled = rf"\caption{{{escape(caption)}}}\label{{tab:{table.name}}}" if caption else ""
    body: list[str] = []
    for number, (block, widths) in enumerate(blocks):
        natural = [columns[index].natural for index in block]
        body += [r"\par\medskip"] * (number > 0)
        body += _block(table, block, widths, natural, titled if long and not number else "")
    packages = r"\usepackage{array,booktabs" + (",longtable}" if long else "}")
    comments = [table.title, "" if caption else table.note, packages, *ENCODINGS]
    small = [rf"\begingroup\small\setlength{{\tabcolsep}}{{{SEPARATION:g}pt}}%", *body, r"\endgroup"]
    if caption and not long:
        small = [r"\begin{table}[tbp]", r"\centering", titled, *small, r"\end{table}"]
    return "\n".join([*(f"% {_comment(text)}" for text in comments if text), *small, ""])


def _block(
    table: Table, block: list[int], widths: list[float], natural: list[float], titled: str
) -> list[str]:
    """Some columns of the table. titled: the caption and the label of a longtable."""
    long = len(table.rows) > LONG
    environment = "longtable" if long else "tabular"
    kinds = [
        "r"
        if table.numeric[index]
        else "l"
        if width >= most
        else rf">{{\raggedright\arraybackslash}}p{{{int(10 * width) / 10}pt}}"
        for index, width, most in zip(block, widths, natural, strict=True)
    ]
    head = " & ".join(
        _head(table.columns[index], width, table.numeric[index])
        for index, width in zip(block, widths, strict=True)
    )
    return [
        rf"\begin{{{environment}}}{{@{{}}{''.join(kinds)}@{{}}}}",
        *([rf"{titled}\\"] if titled else []),
        r"\toprule",
        head + r" \\",
        r"\midrule",
        *([r"\endhead"] if long else []),
        *(_row(tuple(row[index] for index in block)) for row in table.rows),
        r"\bottomrule",
        rf"\end{{{environment}}}",
    ]


def _head(name: str, width: float, numeric: bool) -> str:
    """The name of a column, in several lines if the cells of the column are narrower."""
    lines = wrapped(name, width)
    if len(lines) == 1:
        return escape(name)
    side = "r" if numeric else "l"
    return rf"\begin{{tabular}}[b]{{@{{}}{side}@{{}}}}" + r"\\{}".join(map(escape, lines)) + r"\end{tabular}"


def _row(row: tuple[str, ...]) -> str:
    r"""A row. Without the braces, LaTeX would read `[` or `*` at its start as an argument of the `\\` before
    it."""
    text = " & ".join(map(_cell, row)) + r" \\"
    return "{}" + text if text.startswith(("[", "*")) else text


def _cell(text: str) -> str:
    if text == MISSING:
        return "--"
    return re.sub(r"(?<![\w.])-(?=\d)", "$-$", escape(text)) if re.search(r"\d", text) else escape(text)


def _comment(text: str) -> str:
    return " ".join(text.split())
