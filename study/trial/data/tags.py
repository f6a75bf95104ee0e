"""Tags of words: tag sets in BIO, which mark entities, and others, as parts of speech.

In BIO the tag `B-PER` begins an entity of the type PER, `I-PER` continues the entity, and `O` is outside of
all entities (Ramshaw and Marcus 1995). A tag set with the tag `O` is read as BIO.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

__all__ = ["OUTSIDE", "entities", "is_bio", "type_ids", "type_of"]

OUTSIDE = "O"
PREFIXES = ("B-", "I-")


def is_bio(tags: Iterable[str]) -> bool:
    """Whether `tags` mark entities: `O` is one of the tags, or every tag begins with B- or I-."""
    tags = set(tags)
    return OUTSIDE in tags or (bool(tags) and all(tag.startswith(PREFIXES) for tag in tags))


def type_of(tag: str) -> str:
    """The type of a tag of a BIO tag set: `PER` of `B-PER` and of `I-PER`; empty for `O`."""
    return "" if tag == OUTSIDE else tag.partition("-")[2]


def type_ids(tags: Sequence[str]) -> np.ndarray:
    """For each tag the id of its type, int64: B-PER and I-PER have one id, `O` has -1.

    In a tag set that is not BIO each tag is a type of its own.
    """
    if not is_bio(tags):
        return np.arange(len(tags), dtype=np.int64)
    names = sorted({type_of(tag) for tag in tags} - {""})
    place = {name: i for i, name in enumerate(names)} | {"": -1}
    return np.array([place[type_of(tag)] for tag in tags], dtype=np.int64)


def entities(tag_ids: np.ndarray, starts: np.ndarray, tags: Sequence[str]) -> np.ndarray:
    """The entities that `tag_ids` mark: [entities x 3], the first word, the last word, and the type's id.

    tag_ids: the tags of the words of n texts, one text after the other, as ids into the BIO set `tags`;
    starts: n + 1 places, where each text begins, and the end.
    An entity goes on as long as its type follows as I-; a B-, another type, `O` or the text's end is its end.
    An I- without an entity before it begins one. These are the rules of conlleval, which the default mode of
    seqeval has as well.
    """
    if not len(tag_ids):
        return np.zeros((0, 3), dtype=np.int64)
    kinds = type_ids(tags)[tag_ids]
    begins = np.array([tag.startswith("B-") for tag in tags])[tag_ids]
    first_of_text = np.zeros(len(tag_ids) + 1, dtype=bool)
    first_of_text[starts] = True
    goes_on = (kinds >= 0) & ~begins & ~first_of_text[:-1]
    goes_on[1:] &= kinds[1:] == kinds[:-1]
    goes_on[0] = False
    first = np.flatnonzero((kinds >= 0) & ~goes_on)
    ends = np.append(np.flatnonzero(~goes_on), len(tag_ids))
    last = ends[np.searchsorted(ends, first, side="right")] - 1
    return np.stack([first, last, kinds[first]], axis=1)
