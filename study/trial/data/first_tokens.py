"""The first token of each word of a text: where the word's label is read."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

__all__ = ["first_tokens"]


def first_tokens(words: Sequence[str], spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """(word, token) for each word that has a token, in their order; both are counted from 0.

    words: of a text that has blanks between them; spans: for each token the part of the text that it stands
    for, from and to. A token belongs to the word that has the first character of the part that is no blank.
    """
    text = " ".join(words)
    ends = list(accumulate(len(word) + 1 for word in words))
    found: list[tuple[int, int]] = []
    for token, (start, end) in enumerate(spans):
        while start < end and text[start].isspace():
            start += 1
        if start == end:  # a special token, or the mark of a blank
            continue
        word = bisect_right(ends, start)
        if not found or word > found[-1][0]:
            found.append((word, token))
    return found
