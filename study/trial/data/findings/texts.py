"""Texts that stand where they should not: with several labels, in several languages, more than once.

None of this is refused, because good data sets have some of it: it weakens a result, and makes no other one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import combinations

from study.trial.data.rows import Rows, Splits, shown

__all__ = ["text_notes"]

COPIED = 0.5
"""The share of a language's texts from which on they are taken for copies of another language's texts."""
FEW = 3  # texts of a language, from which on they are compared with those of other languages
MOST = 5  # languages or pairs of languages that one split has notes on

Place = tuple[Rows, int]
Key = tuple[str, str]
"""Language and comparable form of a text."""


def text_notes(splits: Splits) -> Iterator[str]:
    """Notes on the texts of each split, each in one line that names the first row that is meant."""
    for name, parts in splits.items():
        places: dict[Key, list[Place]] = {}
        for rows in parts:
            for i, key in enumerate(zip(rows.languages, rows.forms, strict=True)):
                places.setdefault(key, []).append((rows, i))
        several = [found for found in places.values() if len(found) > 1]
        yield from _several_labels(name, several)
        if name == "test":
            yield from _repeated(name, several)
        if name != "validation":
            yield from _one_label(name, parts)
        yield from _copies(name, places)


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
            f"{name}: {_texts(len(several))} more than once in a language, {sum(map(len, several))} rows, and "
            f"each row counts; the first: {_first(several[0][0])}"
        )


def _one_label(name: str, parts: Sequence[Rows]) -> Iterator[str]:
    labels: dict[str, Counter[str]] = {}
    for rows in parts:
        for language, label in zip(rows.languages, rows.labels, strict=True):
            labels.setdefault(language, Counter())[str(label)] += 1
    alone = [(language, *next(iter(found.items()))) for language, found in labels.items() if len(found) == 1]
    alone = sorted(found for found in alone if found[2] > 1)
    if alone:
        each = [f"{language} ({rows} rows of {shown(label)})" for language, label, rows in alone[:MOST]]
        yield f"{name}, {parts[0].origin}: one label alone in {', '.join(each)}{_more(alone)}"


def _copies(name: str, places: dict[Key, list[Place]]) -> Iterator[str]:
    """Languages whose texts are another language's: of each language the other language with the most."""
    languages = sorted({language for language, _ in places})
    bit = {language: 1 << n for n, language in enumerate(languages)}
    masks: dict[str, int] = {}
    for language, form in places:
        masks[form] = masks.get(form, 0) | bit[language]
    total = Counter(language for language, _ in places)
    common: Counter[tuple[str, str]] = Counter()
    for mask, count in Counter(masks.values()).items():  # there are few sets of languages, and many texts
        if mask & (mask - 1):
            for pair in combinations([name for name in languages if bit[name] & mask], 2):
                common[pair] += count
    found: dict[str, tuple[int, str]] = {}
    for (a, b), count in common.items():
        for one, other in ((a, b), (b, a)):
            if count >= max(FEW, COPIED * total[one]) and total[one] <= total[other]:
                found[one] = max(found.get(one, (0, "")), (count, other))
    copies = [(a, n, b) for a, (n, b) in sorted(found.items()) if found.get(b) != (n, a) or a > b]
    for language, count, other in copies[:MOST]:
        both = bit[language] | bit[other]
        first = next(p[0] for key, p in places.items() if key[0] == language and masks[key[1]] & both == both)
        yield (
            f"{name}: {count} of the {total[language]} texts of {language} are texts of {other} as well; "
            f"the first: {_first(first)}"
        )
    if len(copies) > MOST:
        more = ", ".join(language for language, _, _ in copies[MOST:])
        yield f"{name}: so are the texts of {more}"


def _label(place: Place) -> str:
    rows, i = place
    return str(rows.labels[i])


def _first(place: Place) -> str:
    rows, i = place
    return f"{rows.place(i)}, {shown(rows.texts[i])}"


def _texts(count: int) -> str:
    return f"{count} texts stand" if count != 1 else "1 text stands"


def _more(found: Sequence[object]) -> str:
    return f", and {len(found) - MOST} more" if len(found) > MOST else ""
