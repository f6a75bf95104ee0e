"""Facts about samplers: what the sampler of a study says about the search trials that it proposed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from study.planning.samplers import samplers

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


EXACT = "exact for every distribution of the scores"
NEARLY = "exact for independent draws, and nearly exact for quasi-random draws, which are more even"


def facts_of(sampler: str | None) -> SamplerFacts:
    """The facts about `sampler`, from the engine's registry of samplers.

    A name that is not in the registry, or None, has the facts of an adaptive sampler.
    """
    known = samplers().get(sampler or "")
    if known is None:
        return SamplerFacts()
    independent = not (known.adaptive or known.needs_levels)
    return SamplerFacts(
        drawn="first" if known.adaptive else "alike" if known.same_points else "apart",
        independent=independent,
        band="" if not independent else NEARLY if known.same_points else EXACT,
        where_tuned=f", {known.where}",
    )
