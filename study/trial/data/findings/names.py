"""Labels and languages whose names look alike, and are different names all the same."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from study.trial.data.rows import Rows, Splits, comparable, shown

__all__ = ["name_notes"]

JOINERS = "\u200c\u200d"
"""Persian and the languages of India write these between letters, where they change how the letters look."""

TWINS = str.maketrans(
    "АВЕЅКМНОРСТУХІЈаеорсухіјѕԁһԛԝΑΒΕΖΗΙΚΜΝΟΡΤΥΧονι‐‑‒–—−’ʼ′",
    "ABESKMHOPCTYXIJaeopcyxijsdhqwABEZHIKMNOPTYXovi------'''",
)
"""Cyrillic and Greek letters, dashes and apostrophes, as the ASCII character that looks the same."""


def name_notes(what: str, splits: Splits, names: Sequence[str]) -> Iterator[str]:
    """Notes on the `names` of what is called `what`, "labels" or "languages", each note in one line."""
    counts, groups = Counter(map(comparable, names)), Counter(map(_looks, names))
    if alike := [shown(name) for name in names if counts[comparable(name)] > 1]:
        yield f"{what} that differ in case or spacing alone count as different: {', '.join(alike)}"
    twins = [name for name in names if groups[_looks(name)] > counts[comparable(name)]]
    if twins:
        uses = [_use(name, what, splits) for name in sorted(twins, key=_looks)]
        yield f"{what} that look the same count as different: {'; '.join(uses)}"
    for name in names:
        if name not in twins and _is_hidden(name):
            yield f"{what} with a character that nobody sees: {_use(name, what, splits)}"


def _looks(name: str) -> str:
    """What a reader sees of `name`, apart from case and spacing."""
    seen = "".join(c for c in name if unicodedata.category(c) not in ("Cf", "Cc"))
    return comparable(seen.translate(TWINS))


def _is_hidden(name: str) -> bool:
    inner = name.strip(JOINERS)
    return inner != name or any(unicodedata.category(c) == "Cf" and c not in JOINERS for c in inner)


def _use(name: str, what: str, splits: Splits) -> str:
    """`name` with the number of its rows and the place of the first one."""
    count, first = 0, ""
    for parts in splits.values():
        for rows in parts:
            here = [i for i, value in enumerate(_column(rows, what)) if str(value) == name]
            first = first or (rows.place(here[0]) if here else "")
            count += len(here)
    return f"{_escaped(name)} ({count} rows; {first})"


def _column(rows: Rows, what: str) -> Sequence[object]:
    columns: Mapping[str, Sequence[object]] = {"labels": rows.labels, "languages": rows.languages}
    return columns[what]


def _escaped(name: str) -> str:
    """`name` as a message shows it: what looks like another character is written as its number."""
    return "'" + "".join(c if c.isprintable() and ord(c) not in TWINS else ascii(c)[1:-1] for c in name) + "'"
