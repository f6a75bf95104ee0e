"""The emphasis in an answer: its first sentence in bold, a claim in italics, both marked as in Markdown."""

from __future__ import annotations

import re
from typing import Literal

__all__ = ["Emphasis", "emphasised"]

Emphasis = Literal["", "strong", "em"]

MARKED = re.compile(r"^\*\*(?P<strong>[^*]+)\*\*|\*(?P<em>Claim [^*]+)\*")
"""No other asterisk is a mark: a name may contain asterisks."""


def emphasised(paragraph: str) -> list[tuple[Emphasis, str]]:
    """The parts of `paragraph` in order, each with its emphasis and without its marks."""
    parts: list[tuple[Emphasis, str]] = []
    done = 0
    for found in MARKED.finditer(paragraph):
        kind: Emphasis = "strong" if found["strong"] else "em"
        parts += [("", paragraph[done : found.start()]), (kind, found[kind])]
        done = found.end()
    return [part for part in (*parts, ("", paragraph[done:])) if part[1]]
