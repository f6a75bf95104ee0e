"""How wide a text is in LaTeX, and columns that fit into a text column of 16 cm.

The widths are those of Computer Modern at 10 points, which is `\\small` in a document of 10 or 11 points. The
metrics are in the font that comes with matplotlib, so no LaTeX is needed. A letter that the font lacks counts
as wide, so a computed width is an upper bound.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.font_manager import get_font

__all__ = ["SEPARATION", "TEXT_WIDTH", "Column", "fitted", "pieces", "text_width", "wrapped"]

CM = 72.27 / 2.54  # TeX's points
TEXT_WIDTH = 16 * CM
"""The width of a text column, in points."""

ROOM = TEXT_WIDTH - 2.0
"""The width that tables are made for: pairs of letters may lie further apart than their widths say."""

SIZE = 10.0
SEPARATION = 4.0
"""The space on either side of a column (\\tabcolsep), in points."""

LONGEST = 24
"""A word of more letters may break after so many."""

NARROWEST = 60.0
"""A column of text becomes no narrower than this, in points, unless its texts are."""

MINUS, WIDE_ASCII, WIDE = 0.78, 0.9, 1.05
"""Widths as shares of the size: the minus of a number, and an ASCII or another letter that the font lacks."""

OTHERS = {"_": 0.55} | dict.fromkeys("\\{}$&#%^~<>|\"'`", WIDE_ASCII)
"""The font has other signs at the places of these letters."""


@dataclass(frozen=True)
class Column:
    """natural: the width without a line break. narrowest: the width if lines break. Both are in points."""

    natural: float
    narrowest: float

    @classmethod
    def of(cls, head: str, cells: Sequence[str], numeric: bool) -> Column:
        """The column of these texts. The head may always break, a number never."""
        widest = max((text_width(cell) for cell in cells), default=0.0)
        words = max((text_width(piece) for piece in pieces(head)), default=0.0)
        natural = max(widest, words)
        if numeric:
            return cls(natural, natural)
        broken = max((text_width(piece) for cell in cells for piece in pieces(cell)), default=0.0)
        return cls(natural, min(natural, max(broken, words, NARROWEST)))


def text_width(text: str) -> float:
    """The width of `text` in one line, in points. A hyphen before a digit is a minus."""
    minuses = len(re.findall(r"(?<![\w.])-(?=\d)", text))
    return SIZE * (sum(map(_advance, text)) + minuses * (MINUS - _advance("-")))


def pieces(text: str) -> list[str]:
    """The parts of `text` between which a line may break: after a space, `=` or `_`, and in long words."""
    found = []
    for word in re.findall(r"[^\s=_]*[=_]|[^\s=_]+", text):
        found += [word[at : at + LONGEST] for at in range(0, len(word), LONGEST)]
    return found


def wrapped(head: str, width: float) -> list[str]:
    """The pieces of a head in lines of at most `width`; a piece that is wider has a line of its own."""
    lines = [""]
    for word in head.split():
        for number, piece in enumerate(pieces(word)):
            longer = f"{lines[-1]} {piece}" if number == 0 and lines[-1] else f"{lines[-1]}{piece}"
            if not lines[-1] or text_width(longer) <= width:
                lines[-1] = longer
            else:
                lines.append(piece)
    return lines


def fitted(columns: Sequence[Column]) -> list[tuple[list[int], list[float]]]:
    """Blocks of columns, each within `TEXT_WIDTH`: (the numbers of the columns, their widths in points).

    Every block begins with the first column, so that its rows have names. A table whose columns fit is one
    block. Columns of text become narrower before a table is split.
    """
    blocks: list[list[int]] = [[0]]
    for number in range(1, len(columns)):
        block = [*blocks[-1], number]
        if _needed([columns[each].narrowest for each in block]) > ROOM and len(blocks[-1]) > 1:
            blocks.append([0, number])
        else:
            blocks[-1] = block
    return [(block, _widths([columns[each] for each in block])) for block in blocks]


def _widths(columns: Sequence[Column]) -> list[float]:
    """Natural widths if they fit; otherwise the room is shared by what the columns would gain."""
    gains = [column.natural - column.narrowest for column in columns]
    spare = ROOM - _needed([column.narrowest for column in columns])
    share = min(1.0, max(0.0, spare) / sum(gains)) if sum(gains) else 1.0
    return [column.narrowest + share * gain for column, gain in zip(columns, gains, strict=True)]


def _needed(widths: Sequence[float]) -> float:
    return sum(widths) + 2 * SEPARATION * (len(widths) - 1)


@cache
def _advance(letter: str) -> float:
    """The width of a letter as a share of the size."""
    if letter in OTHERS:
        return OTHERS[letter]
    font = _font()
    if ord(letter) not in font.get_charmap():
        return WIDE_ASCII if letter.isascii() else WIDE
    font.set_size(100, 72)
    return float(font.load_char(ord(letter)).linearHoriAdvance) / 65536 / 100


@cache
def _font() -> Any:
    return get_font(str(Path(matplotlib.get_data_path(), "fonts", "ttf", "cmr10.ttf")))
