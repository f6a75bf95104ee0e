"""Lines of a file that were read as something else: a header in the middle, lines within a quoted field.

Both are refused. A header would become a label and a language of its own, and lines within a field are rows
that nobody sees.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from study.errors import RequestError
from study.trial.data.rows import Rows, Splits, shown

__all__ = ["check_field", "check_headers", "check_swallowed"]

BYTE_ORDER_MARK = "\ufeff"
SEPARATORS = re.compile(r"[,;\t|]")


def check_headers(rows: Rows) -> None:
    """Check that no row repeats the names of the columns, as files do that were put together.

    Raises:
        RequestError: if a row does; the message names the first such row, and their number.
    """
    names = {name.casefold() for name in rows.columns if name}
    repeated = [
        i
        for i, label in enumerate(rows.labels)
        if _plain(label) in names and _plain(rows.texts[i]) in names and _is_name(rows, i, names)
    ]
    if repeated:
        more = f" (and {len(repeated) - 1} more do)" if len(repeated) > 1 else ""
        header = ", ".join(name for name in rows.columns if name)
        raise RequestError(
            f"{rows.place(repeated[0])}: repeats the header {header}{more}; remove all headers but the first"
        )


def check_swallowed(splits: Splits) -> None:
    """Check that no text runs over lines of the table that a stray quotation mark made a part of it.

    Raises:
        RequestError: if a text does; the message names its first line, and the number of lines in it.
    """
    labels = {str(label) for parts in splits.values() for rows in parts for label in rows.labels}
    languages = {str(name) for parts in splits.values() for rows in parts for name in rows.languages}
    for parts in splits.values():
        for rows in parts:
            known = languages if rows.columns[2] else ()
            for i, text in enumerate(rows.texts):
                if type(text) is str and "\n" in text:
                    check_field(f"{rows.place(i)}: its text", text, labels, known)


def check_field(what: str, field: str, labels: Collection[str], languages: Collection[str]) -> None:
    """Check that no line within `field` has a label and a language of the table.

    A table without a column of languages has labels alone. Few words are a proof of nothing, so there at
    least two lines have to have a label, and as many as all lines but one.

    Raises:
        RequestError: if a line has; the message begins with `what`, and names the number of lines.
    """
    lines = field.split("\n")
    if len(lines) < 2:
        return
    found = sum(_is_row(line, labels, languages) for line in lines)
    if found and (languages or found >= max(2, len(lines) - 1)):
        raise RequestError(
            f"{what} runs on over {len(lines) - 1} more lines, and holds rows of the table "
            f"({shown(lines[1])}): "
            'a quotation mark opens it that is closed too late; write "" for each mark of a text, and quote '
            "the text"
        )


def _is_row(line: str, labels: Collection[str], languages: Collection[str]) -> bool:
    values = [value.strip(' "') for value in SEPARATORS.split(line)]
    at_label = {i for i, value in enumerate(values) if value in labels}
    if not languages:
        return bool(at_label) and len(values) > 1
    at_language = {i for i, value in enumerate(values) if value in languages}
    return bool(at_label) and bool(at_language) and len(at_label | at_language) > 1


def _is_name(rows: Rows, index: int, names: set[str]) -> bool:
    return not rows.columns[2] or _plain(rows.languages[index]) in names


def _plain(value: object) -> str:
    return value.strip(BYTE_ORDER_MARK + ' "').casefold() if type(value) is str else ""
