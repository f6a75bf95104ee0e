"""The embedded token task: who, when and where in the texts of phrasebook, as BIO tags of their words.

The texts are made from the grammars of `phrasebook`, and cut into words. A person is who, a day or a time is
when, a city, a room or a hotel is where. As in `phrasebook`, the sentence frames of validation and test are
not in training. The fillers are: of fillers that it has never seen, the small embedded encoder finds a
quarter, which is too little to compare students by.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

import numpy as np

from study.trial.data.phrasebook.grammar import Piece, language_pieces
from study.trial.data.phrasebook.task import grammars
from study.trial.data.task import SPLITS, Split, Task

__all__ = ["phrasebook_slots", "tagged"]

TYPES = {
    "person": "who",
    "day": "when",
    "time": "when",
    "city": "where",
    "room": "where",
    "hotel": "where",
}
TAGS = tuple(sorted(["O", *(f"{prefix}-{name}" for prefix in "BI" for name in set(TYPES.values()))]))


def phrasebook_slots(seed: int = 0) -> Task:
    """The task `phrasebook_slots`; `seed` decides which parts are held out and which texts are drawn."""
    of_language = {code: language_pieces(one, code, seed, False) for code, one in grammars().items()}
    tag_ids = {tag: i for i, tag in enumerate(TAGS)}
    splits = {}
    for split in SPLITS:
        rows = [
            (tagged(pieces), language)
            for language, of_split in enumerate(of_language.values())
            for pieces, _ in of_split[split]
        ]
        splits[split] = Split.of_words(
            [words for (words, _), _ in rows],
            np.array([tag_ids[tag] for (_, tags), _ in rows for tag in tags], dtype=np.int64),
            np.array([language for _, language in rows], dtype=np.int64),
        )
    return Task("phrasebook_slots", TAGS, tuple(of_language), splits, kind="token")


def tagged(pieces: Sequence[Piece]) -> tuple[list[str], list[str]]:
    """The words of the text of `pieces`, and their tags.

    Blanks end a word, and punctuation around a word is a word for each mark. A word that only begins or ends
    in a slot has the slot's tag: Georgian and Basque write endings at names.
    """
    text = "".join(part for part, _ in pieces)
    slot_at = [number if TYPES.get(slot) else -1 for number, (part, slot) in enumerate(pieces) for _ in part]
    words, tags, before = [], [], -1
    for start, end in _words(text):
        inside = [number for number in slot_at[start:end] if number >= 0]
        words.append(text[start:end])
        if not inside:
            tags.append("O")
            continue
        prefix = "I" if inside[0] == before else "B"
        before = inside[0]
        tags.append(f"{prefix}-{TYPES[pieces[before][1]]}")
    return words, tags


def _words(text: str) -> list[tuple[int, int]]:
    """The words of `text` as (start, end)."""
    found, start = [], 0
    for chunk in text.split(" "):
        first, last = start, start + len(chunk)
        start = last + 1
        front, back = [], []
        while first < last and _is_mark(text[first]):
            front.append((first, first + 1))
            first += 1
        while first < last and _is_mark(text[last - 1]):
            back.append((last - 1, last))
            last -= 1
        found += [*front, *([(first, last)] if first < last else []), *reversed(back)]
    return found


def _is_mark(character: str) -> bool:
    return unicodedata.category(character)[0] in "PS"
