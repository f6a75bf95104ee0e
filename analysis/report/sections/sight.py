"""Marks of languages that students are not trained on, for the rows of tables and figures."""

from __future__ import annotations

from collections.abc import Iterable

from analysis.verdict.results import Results

__all__ = ["UNSEEN", "marked"]

UNSEEN = " (u): unseen, no student is trained on the language. (u, some): the students of some arms are not."
"""What the marks mean."""


def marked(languages: Iterable[str], results: Results) -> list[str]:
    """`languages`, with a mark behind each that some or all arms have not seen."""
    arms = results.record.arms
    names = []
    for language in map(str, languages):
        without = sum(language in results.unseen.get(arm, ()) for arm in arms)
        mark = "" if not without else " (u)" if without == len(arms) else " (u, some)"
        names.append(language + mark)
    return names
