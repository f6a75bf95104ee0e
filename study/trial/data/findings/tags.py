"""What is odd about the tags of a token task: BIO errors, and tag types that a language or a split lacks.

None of this is refused, because good data sets have some of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from study.trial.data.rows import Rows, Splits, shown
from study.trial.data.tags import OUTSIDE, is_bio, type_of

__all__ = ["tag_notes"]

SHOWN = 5  # languages or tags that a note names


def tag_notes(splits: Splits, labels: Sequence[str]) -> Iterator[str]:
    """Notes on the tags of each split, each in one line; the rows are spelled (`Rows.spelled`)."""
    bio = is_bio(labels)
    for split, parts in splits.items():
        if bio:
            yield from _without_beginning(split, parts)
            if split != "train":
                yield from _without_entities(split, parts)
    yield from _untrained(splits)
    yield from _uneven_types(splits["train"], bio)


def _without_beginning(split: str, parts: Sequence[Rows]) -> Iterator[str]:
    found, first = 0, ""
    for rows in parts:
        for i, tags in enumerate(rows.tags or ()):
            before = OUTSIDE
            for k, tag in enumerate(tags):
                if tag.startswith("I-") and type_of(tag) != type_of(before):
                    found += 1
                    first = (
                        first or f"{rows.place_of_word(i, k)}, {shown((rows.words or [])[i][k])} has {tag}"
                    )
                before = tag
    if found:
        yield (
            f"{split}: {found} I- tags follow no tag of their type, and each begins an entity all the same; "
            f"the first: {first}"
        )


def _without_entities(split: str, parts: Sequence[Rows]) -> Iterator[str]:
    there: dict[str, bool] = {}
    for rows in parts:
        for language, tags in zip(rows.languages, rows.tags or (), strict=True):
            there[language] = there.get(language, False) or any(tag != OUTSIDE for tag in tags)
    if lacking := sorted(language for language, entities in there.items() if not entities):
        yield f"{split}: no entity in {', '.join(lacking)}: no F1 there"


def _untrained(splits: Splits) -> Iterator[str]:
    trained = {tag for rows in splits["train"] for tags in rows.tags or () for tag in tags}
    for split, parts in splits.items():
        odd = [tag for rows in parts for tags in rows.tags or () for tag in tags if tag not in trained]
        if odd:
            names = ", ".join(sorted(set(odd))[:SHOWN])
            yield f"{split}: {len(odd)} words have tags that training lacks ({names}): no student learns them"


def _uneven_types(parts: Sequence[Rows], bio: bool) -> Iterator[str]:
    types: dict[str, set[str]] = {}
    for rows in parts:
        for language, tags in zip(rows.languages, rows.tags or (), strict=True):
            types.setdefault(language, set()).update(type_of(tag) if bio else tag for tag in tags)
    every = set().union(*types.values()) - {""}
    lacking = {language: every - there for language, there in sorted(types.items()) if every - there}
    if lacking:
        each = [f"{language} lacks {', '.join(sorted(lost))}" for language, lost in lacking.items()]
        more = f" and {len(each) - SHOWN} more languages" if len(each) > SHOWN else ""
        yield f"train: languages have different tags: {'; '.join(each[:SHOWN])}{more}"
