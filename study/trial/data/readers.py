"""From files to rows: JSON lines (plain or gzip), CSV and Parquet with columns text, label and lang.

JSON lines and Parquet may have tokens and tags in the place of text and label: a list of words, and a list of
their tags.

Every value is read as it is. CSV values are always strings ("007" and "NA" stay), because a reader that
guesses types turns "007" into 7.0 and "NA" into a missing value. Parquet's numbers of classes become the
names that the file's own schema gives them.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import sys
import zlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from study.errors import RequestError
from study.trial.data.findings.lines import check_field
from study.trial.data.rows import COLUMNS, TOKEN_COLUMNS, Rows, printable, shown
from study.trial.data.task import Kind

__all__ = ["READERS", "columns_among", "content", "decoded", "named"]


def read_json_lines(path: Path) -> Rows:
    """One JSON object a line, UTF-8; gzip if the name ends in .gz. Blank lines are skipped.

    Raises:
        RequestError: if the file cannot be read so; the message names the file and the line.
    """
    where = printable(path)
    rows = Rows(where, [], [], [], numbers := [])
    columns = None
    # Only "\n" ends a line here: str.splitlines would also cut at U+2028 inside a text.
    for number, line in enumerate(decoded(content(path), where).split("\n"), start=1):
        if not line or line.isspace():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise RequestError(
                f"{where}, line {number}: bad JSON ({error}); each line must be one JSON object"
            ) from None
        if not isinstance(row, dict):
            raise RequestError(f"{where}, line {number}: not a JSON object with {', '.join(COLUMNS)}")
        columns = columns or columns_among(row)
        try:
            text, label, language = (row[name] for name in columns)
        except KeyError:
            raise _missing_column(f"{where}, line {number}", list(row), columns) from None
        rows.texts.append(text)
        rows.labels.append(label)
        rows.languages.append(language)
        numbers.append(number)
    return rows if columns in (None, COLUMNS) else replace(rows, columns=columns, kind="token")


def read_csv(path: Path) -> Rows:
    """Comma-separated values with a header, UTF-8; every value stays the string that it is.

    Raises:
        RequestError: if the file cannot be read so; the message names the file and the line.
    """
    where = printable(path)
    text = decoded(content(path), where)
    limit = csv.field_size_limit(sys.maxsize)  # the default refuses texts over 128 KiB
    try:
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        header = next(reader, None)
        if header is None:
            raise RequestError(f"{where}: empty; the first line must name the columns {', '.join(COLUMNS)}")
        at = _positions(header, where)
        rows = Rows(where, [], [], [], numbers := [])
        ignored: list[tuple[int, str, str]] = []  # fields of several lines in columns that nobody reads
        while True:
            number = reader.line_num + 1  # the record's first line: a quoted text may have several
            row = next(reader, None)
            if row is None:
                break
            if not row:
                continue
            if len(row) != len(header):
                raise RequestError(
                    f"{where}, line {number}: {len(row)} values, but the header names {len(header)} columns"
                )
            rows.texts.append(row[at["text"]])
            rows.labels.append(row[at["label"]])
            rows.languages.append(row[at["lang"]])
            numbers.append(number)
            if reader.line_num > number:
                ignored += [
                    (number, name, field) for name, field in zip(header, row, strict=True) if name not in at
                ]
    except csv.Error as error:
        raise RequestError(f"{where}, line {reader.line_num}: bad CSV ({error})") from None
    finally:
        csv.field_size_limit(limit)
    labels, languages = set(rows.labels), set(rows.languages)
    for number, name, field in ignored:
        check_field(f"{where}, line {number}: its {shown(name)}", field, labels, languages)
    return rows


def read_parquet(path: Path) -> Rows:
    """Parquet with columns text, label and lang, or tokens, tags and lang.

    Raises:
        RequestError: if the file cannot be read so; the message names the file.
    """
    import pyarrow
    from pyarrow import parquet

    where = printable(path)
    try:
        # ParquetFile, because read_table would add columns from folders called `lang=sw`.
        with parquet.ParquetFile(path) as file:
            columns = columns_among(file.schema_arrow.names)
            _positions(file.schema_arrow.names, where, columns)
            table = file.read(columns=list(columns))
            classes = _class_names(file.schema_arrow.metadata)
        texts, labels, languages = (
            named(table.column(name).to_pylist(), classes.get(name)) for name in columns
        )
    except OSError as error:
        # Arrow reports damaged pages as an OSError without an error number.
        problem = error.strerror or f"not a whole Parquet file ({_first_line(error)})"
        raise RequestError(f"{where}: {problem}") from None
    except (pyarrow.ArrowException, UnicodeDecodeError) as error:
        raise RequestError(f"{where}: not a whole Parquet file ({_first_line(error)})") from None
    kind: Kind = "text" if columns == COLUMNS else "token"
    return Rows(where, texts, labels, languages, range(1, len(texts) + 1), "row", columns, kind)


def columns_among(names: Collection[str]) -> tuple[str, str, str]:
    """The columns of a token task if `names` has tokens and no text, otherwise those of a text task."""
    return TOKEN_COLUMNS if TOKEN_COLUMNS[0] in names and COLUMNS[0] not in names else COLUMNS


def named(values: list[Any], classes: Sequence[str] | None) -> list[Any]:
    """The names of `values`, which are numbers of `classes`; the values as they are if there are no classes.

    A number without a class is a missing value: `datasets` writes -1 for a class that is withheld. A value
    may be a list of such numbers.
    """
    if classes is None:
        return values
    if any(isinstance(value, list) for value in values):
        return [named(value, classes) if isinstance(value, list) else value for value in values]
    return [classes[v] if isinstance(v, int) and 0 <= v < len(classes) else None for v in values]


def _class_names(metadata: Mapping[bytes, bytes] | None) -> dict[str, list[str]]:
    """The names of the classes of each column that has classes, as the library `datasets` writes them."""
    try:
        features = json.loads((metadata or {})[b"huggingface"])["info"]["features"]
        # A list of classes is written as {"feature": {...}, "_type": "List"}; "Sequence" before datasets 4.
        of = {name: f["feature"] if isinstance(f.get("feature"), dict) else f for name, f in features.items()}
        return {name: list(f["names"]) for name, f in of.items() if f.get("_type") == "ClassLabel"}
    except (KeyError, ValueError, TypeError, AttributeError):  # written by another program
        return {}


READERS: dict[str, Callable[[Path], Rows]] = {
    ".jsonl": read_json_lines,
    ".jsonl.gz": read_json_lines,
    ".csv": read_csv,
    ".parquet": read_parquet,
}
"""The reader for each ending of a file's name."""


def content(path: Path) -> bytes:
    """The bytes of the file at `path`, unpacked if its name ends in .gz.

    Raises:
        RequestError: if the file cannot be read.
    """
    where = printable(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise RequestError(f"{where}: cannot be read ({error.strerror or error})") from None
    if not path.name.endswith(".gz"):
        return data
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        raise RequestError(f"{where}: not a whole gzip file ({_first_line(error)})") from None


def decoded(data: bytes, where: str) -> str:
    """The text of a file that messages call `where`.

    Raises:
        RequestError: if `data` is not UTF-8; the message names the line.
    """
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        byte = error.object[error.start]
        raise RequestError(f"{where}, line {line}: not UTF-8 (byte 0x{byte:02x}); save it as UTF-8") from None


def _positions(names: Sequence[str], where: str, columns: tuple[str, str, str] = COLUMNS) -> dict[str, int]:
    for name in columns:
        if name not in names:
            raise _missing_column(where, names, columns)
        if names.count(name) > 1:
            raise RequestError(f"{where}: {names.count(name)} columns are called {name}; keep one")
    return {name: names.index(name) for name in columns}


def _missing_column(
    where: str, names: Sequence[str], columns: tuple[str, str, str] = COLUMNS
) -> RequestError:
    missing = [name for name in columns if name not in names]
    there = ", ".join(name if name.isprintable() else repr(name) for name in names) or "none"
    return RequestError(f"{where}: no column {' or '.join(missing)}; there are {there}")


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0].rstrip(". ") or type(error).__name__
