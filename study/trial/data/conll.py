"""A token task from files in the CoNLL form: a word and its tag a line, a blank line after each sentence.

The files of a folder are found by language: `LANGUAGE/train.conll`, or `train.LANGUAGE.conll`. Columns are
separated by tabs, or by blanks if the file has no tab. The first column is the word and the last column the
tag. A file whose first column counts the words of each sentence from 1 has the word and the tag in its second
and third column, as the files of Universal NER have. Lines that begin with `# ` or -DOCSTART- are skipped.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from study.errors import RequestError
from study.trial.data.readers import content, decoded
from study.trial.data.rows import SPLIT_NAMES, TOKEN_COLUMNS, Rows, Splits, printable, shown

__all__ = ["ENDINGS", "conll_rows", "read_conll"]

ENDINGS = (".conll", ".bio", ".iob2", ".txt")
DOCUMENT = "-DOCSTART-"

Columns = list[str]
Sentence = tuple[int, list[Columns]]
"""The line of the first word, and the columns of each word."""


@dataclass(frozen=True)
class Layout:
    """Which columns are word and tag, and how many columns a line has at least."""

    word: int
    tag: int
    least: int


LAST = Layout(0, -1, 2)
COUNTED = Layout(1, 2, 3)


def conll_rows(folder: Path) -> Splits | None:
    """The rows of the files in `folder`; None if the folder has no file of this form.

    Raises:
        RequestError: if a split has no file, a language has two files for a split, or a file cannot be read.
    """
    files = dict(_found(folder))
    if not files:
        return None
    for split, names in SPLIT_NAMES.items():
        if not any(of == split for of, _ in files):
            raise RequestError(
                f"{printable(folder)}: no {split} file of any language; it may be called "
                f"LANGUAGE/{'|'.join(names)} or {'|'.join(names)}.LANGUAGE with one of {', '.join(ENDINGS)}"
            )
    # All files are found before the first is read: nobody should wait to learn that a file is missing.
    splits: dict[str, list[Rows]] = {split: [] for split in SPLIT_NAMES}
    for (split, language), path in sorted(files.items()):
        splits[split].append(read_conll(path, language))
    return splits


def read_conll(path: Path, language: str) -> Rows:
    """The sentences of one file, all in `language`.

    Raises:
        RequestError: if the file cannot be read so; the message names the file, the line and the field.
    """
    where = printable(path)
    sentences = list(_sentences(decoded(content(path), where)))
    wide = any(len(columns) >= COUNTED.least for _, lines in sentences for columns in lines)
    layout = COUNTED if wide and all(map(_is_counted, sentences)) else LAST
    words, tags = [], []
    for number, lines in sentences:
        for at, columns in enumerate(lines):
            if len(columns) < layout.least or not columns[layout.tag]:
                missing = "no word and no tag" if len(columns) < layout.least - 1 else "no tag"
                raise RequestError(
                    f"{where}, line {number + at}: tags: {missing} in {shown(' '.join(columns))}; "
                    "a line is a word and its tag, separated by a tab or a blank"
                )
        words.append([columns[layout.word] for columns in lines])
        tags.append([columns[layout.tag] for columns in lines])
    numbers = [number for number, _ in sentences]
    languages = [language] * len(words)
    return Rows(
        where, words, tags, languages, numbers, columns=TOKEN_COLUMNS, kind="token", a_word_a_line=True
    )


def _sentences(text: str) -> Iterator[Sentence]:
    separator = "\t" if "\t" in text else None
    begun, lines = 0, list[Columns]()
    for number, line in enumerate(text.split("\n"), start=1):
        line = line.rstrip("\r")
        if line.startswith(("# ", DOCUMENT)) or not line or line.isspace():
            if lines and not line.startswith("# "):
                yield begun, lines
                lines = list[Columns]()
            continue
        begun = begun if lines else number
        columns = [column.strip() for column in line.split(separator)]
        while len(columns) > 1 and not columns[-1] and separator is None:
            columns.pop()
        lines.append(columns)
    if lines:
        yield begun, lines


def _is_counted(sentence: Sentence) -> bool:
    _, lines = sentence
    return all(columns[0] == str(number) for number, columns in enumerate(lines, start=1))


def _found(folder: Path) -> Iterator[tuple[tuple[str, str], Path]]:
    """((split, language), file) of each file, each pair once.

    Raises:
        RequestError: if two files are of one split and language, or the folder cannot be read.
    """
    seen: dict[tuple[str, str], Path] = {}
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        below = {entry.name: sorted(os.listdir(entry.path)) for entry in entries if entry.is_dir()}
    except OSError as error:
        raise RequestError(f"{printable(folder)}: cannot be read as a folder ({error.strerror})") from None
    named = [(_parts(entry.name, ""), folder / entry.name) for entry in entries if not entry.is_dir()]
    named += [
        (_parts(name, language), folder / language / name)
        for language, names in below.items()
        for name in names
    ]
    for key, path in named:
        if key is None:
            continue
        if key in seen:
            split, language = key
            raise RequestError(
                f"{printable(seen[key])} and {printable(path)} both serve {split} of {language}; keep one"
            )
        seen[key] = path
        yield key, path


def _parts(name: str, language: str) -> tuple[str, str] | None:
    """(split, language) of the file called `name`; None if the name is of no split, or of no language."""
    by_name: Mapping[str, str] = {stem: split for split, stems in SPLIT_NAMES.items() for stem in stems}
    for ending in ENDINGS:
        if not name.endswith(ending):
            continue
        stem, _, rest = name.removesuffix(ending).partition(".")
        if stem in by_name and (language or rest) and not (language and rest):
            return by_name[stem], language or rest
    return None
