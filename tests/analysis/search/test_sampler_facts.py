"""Facts about samplers: every sampler that a study can have is known, and an unknown one claims nothing."""

from __future__ import annotations

import pytest

from analysis.search.sampler_facts import SamplerFacts, facts_of
from study.planning.samplers import samplers


@pytest.mark.parametrize("sampler", [None, "", "cmaes"])
def test_of_an_unknown_sampler_nothing_is_claimed(sampler: str | None) -> None:
    assert facts_of(sampler) == SamplerFacts(drawn="first", independent=False, band="", where_tuned="")


@pytest.mark.parametrize("sampler", samplers())
def test_a_sampler_whose_trials_are_independent_has_a_band_and_no_other_has_one(sampler: str) -> None:
    facts = facts_of(sampler)
    assert facts.where_tuned.startswith(", ")
    assert facts.independent == bool(facts.band) == (sampler in ("random", "quasi"))
    assert (facts.drawn == "first") == (sampler in ("tpe", "nsga2"))
