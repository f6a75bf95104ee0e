"""Texts that stand where they should not: with several labels, in several languages, more than once.

None of this is refused, because good data sets have some of it: it weakens a result, and makes no other one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations

from study.trial.data.rows import Rows, Splits, shown

__all__ = ["text_notes"]

COPIED = 0.5
"""The share of a language's texts from which on they are taken for copies of another language's texts."""
FEW = 3  # texts of a language, from which on they are compared with those of other languages
MOST = 5  # languages or pairs of languages that one split has notes on

Place = tuple[Rows, int]
Firsts = Mapping[str, Mapping[str, int]]
"""By language, the comparable form of each text; and the number of the first row that has this form."""


def text_notes(splits: Splits) -> Iterator[str]:
    """Notes on the texts of each split, each in one line that names the first row that is meant."""
    for name, parts in splits.items():
        places = _Places(parts)
        firsts: dict[str, dict[str, int]] = {}
        again: dict[tuple[str, str], list[int]] = {}
        number = 0
        for rows in parts:
            for language, form in zip(rows.languages, rows.forms, strict=True):
                first = firsts.setdefault(language, {}).setdefault(form, number)
                if first != number:
                    again.setdefault((language, form), [first]).append(number)
                number += 1
        several = [[places.at(number) for number in found] for found in again.values()]
        yield from _several_labels(name, several)
        if name == "test":
            yield from _repeated(name, several)
        if name != "validation":
            yield from _one_label(name, parts)
        yield from _copies(name, firsts, places)


class _Places:
    """The rows of all parts of a split, numbered from 0."""

    def __init__(self, parts: Sequence[Rows]) -> None:
        self.parts = parts

    def at(self, number: int) -> Place:
        for rows in self.parts:
            if number < len(rows):
                return rows, number
            number -= len(rows)
        raise IndexError(number)


def _several_labels(name: str, several: Sequence[list[Place]]) -> Iterator[str]:
    torn = [found for found in several if len({_label(place) for place in found}) > 1]
    if torn:
        first = torn[0]
        labels = " and ".join(shown(label) for label in sorted({_label(place) for place in first})[:3])
        yield (
            f"{name}: {_texts(len(torn))} with several labels, {sum(map(len, torn))} rows; the first: "
            f"{_first(first[0])}, has {labels}"
        )


def _repeated(name: str, several: Sequence[list[Place]]) -> Iterator[str]:
    if several:
        yield (
            f"{name}: {_texts(len(several))} more than once in a language, {sum(map(len, several))} rows, "
            f"and each row counts; the first: {_first(several[0][0])}"
        )


def _one_label(name: str, parts: Sequence[Rows]) -> Iterator[str]:
    labels: Counter[tuple[str, str]] = Counter()
    for rows in parts:
        labels.update(zip(rows.languages, map(str, rows.labels), strict=True))
    of_language = Counter(language for language, _ in labels)
    alone = sorted(
        (language, count, label)
        for (language, label), count in labels.items()
        if of_language[language] == 1 and count > 1
    )
    if alone:
        each = [f"{language} ({rows} rows of {shown(label)})" for language, rows, label in alone[:MOST]]
        more = f", and in {len(alone) - MOST} more languages" if len(alone) > MOST else ""
        origin = next(rows.origin for rows in parts if alone[0][0] in rows.languages)
        yield f"{name}, {origin}: one label alone in {', '.join(each)}{more}"


def _copies(name: str, firsts: Firsts, places: _Places) -> Iterator[str]:
    """Languages whose texts are another language's: of each language the other language with the most."""
    bit = {language: 1 << n for n, language in enumerate(sorted(firsts))}
    masks: dict[str, int] = {}
    for language, forms in firsts.items():
        for form in forms:
            masks[form] = masks.get(form, 0) | bit[language]
    common: Counter[tuple[str, str]] = Counter()
    for mask, count in Counter(masks.values()).items():  # there are few sets of languages, and many texts
        if mask & (mask - 1):
            for pair in combinations([language for language in bit if bit[language] & mask], 2):
                common[pair] += count
    found: dict[str, tuple[int, str]] = {}
    for (a, b), count in common.items():
        for one, other in ((a, b), (b, a)):
            if count >= max(FEW, COPIED * len(firsts[one])) and len(firsts[one]) <= len(firsts[other]):
                known = found.get(one)
                if known is None or (-count, other) < (-known[0], known[1]):
                    found[one] = (count, other)
    copies = [(a, n, b) for a, (n, b) in sorted(found.items()) if found.get(b) != (n, a) or a > b]
    for language, count, other in copies[:MOST]:
        first = min(number for form, number in firsts[language].items() if form in firsts[other])
        yield (
            f"{name}: {count} of the {len(firsts[language])} texts of {language} are texts of {other} "
            f"as well; the first: {_first(places.at(first))}"
        )
    if len(copies) > MOST:
        more = ", ".join(language for language, _, _ in copies[MOST:])
        yield f"{name}: so are texts of other languages in {more}"


def _label(place: Place) -> str:
    rows, i = place
    return str(rows.labels[i])


def _first(place: Place) -> str:
    rows, i = place
    return f"{rows.place(i)}, {shown(rows.texts[i])}"


def _texts(count: int) -> str:
    return f"{count} texts stand" if count != 1 else "1 text stands"
