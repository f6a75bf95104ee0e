"""Facts about samplers: what the sampler of a study says about the search trials that it proposed.

This file is the one place of the analysis that knows samplers by their names.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Drawn", "SamplerFacts", "facts_of"]

Drawn = Literal["first", "alike", "apart"]
"""The search trials that a replay takes: the first, or random ones, alike in all arms or apart in each."""


@dataclass(frozen=True)
class SamplerFacts:
    """The defaults are the facts about a sampler that the record does not name.

    drawn: which search trials a replay takes. independent: the trials are drawn independently from one
    distribution, or nearly so, and a band around the median of the best trial holds. band: how exact this
    band is, as part of a sentence. where_tuned: at which points an arm was tuned, as the end of a sentence.
    If each arm has points of its own, the quality of its best trial also depends on luck.
    """

    drawn: Drawn = "first"
    independent: bool = False
    band: str = ""
    where_tuned: str = ""


FACTS = {
    "quasi": SamplerFacts(
        drawn="alike",
        independent=True,
        band="exact for independent draws, and nearly exact for quasi-random draws, which are more even",
        where_tuned=", at evenly spread points that are the same in all arms",
    ),
    "grid": SamplerFacts(drawn="alike", where_tuned=", on a grid that is the same in all arms"),
    "random": SamplerFacts(
        drawn="apart",
        independent=True,
        band="exact for every distribution of the scores",
        where_tuned=", at random points that differ from arm to arm",
    ),
    "tpe": SamplerFacts(where_tuned=", by TPE, at points that differ from arm to arm"),
}


def facts_of(sampler: str | None) -> SamplerFacts:
    """The facts about `sampler`. A name that is not known, or None, has the facts of an adaptive sampler."""
    return FACTS.get(sampler or "", SamplerFacts())
