"""Effects, pairs and claim C4 of a sweep: the planted ones come out, with intervals that hold them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.sweep.effects import advantage_by_data, effects, interactions
from analysis.sweep.model import fit
from analysis.sweep.population import Population
from tests.analysis.planted_sweep import FACTORS, LINK, NOTHING, SATURATING, planted, true_mean


def population_of(truth: Any, trials: int = 128, noise: float = 0.02, seed: int = 0) -> Population:
    values, scores = planted(truth, trials, np.random.default_rng(seed), noise)
    model = fit(FACTORS, values, pd.DataFrame({"macro": scores}), "macro")
    assert model is not None
    return Population(model, "macro")


@pytest.fixture(scope="module")
def exact() -> Population:
    """A sweep without noise whose truth the model can be."""
    return population_of(LINK, noise=1e-9)


def test_effects_without_noise_are_the_planted_ones(exact: Population) -> None:
    found = effects(exact, ["macro"])
    for row in found.itertuples():
        true = true_mean(LINK, {row.factor: row.at}) - true_mean(LINK, {row.factor: row.against})
        assert row.estimate == pytest.approx(true, abs=0.004), row.factor
    pairs = list(found[["factor", "against", "at"]].itertuples(index=False, name=None))
    assert ("init", "random", "teacher") in pairs
    assert ("data_fraction", 0.02, 1.0) in pairs
    assert not found["factor"].eq("learning_rate").any()


def test_pairs_without_noise_are_the_planted_ones(exact: Population) -> None:
    found = interactions(exact, "macro").set_index(["factor", "by"])
    row = found.loc[("init", "data_fraction")]

    def copied(share: float) -> float:
        one, other = ({"init": init, "data_fraction": share} for init in ("teacher", "random"))
        return true_mean(LINK, one) - true_mean(LINK, other)

    assert (row["at_low"], row["at_high"]) == pytest.approx((copied(0.02), copied(1.0)), abs=0.004)
    assert row["estimate"] == pytest.approx(row["at_high"] - row["at_low"])


def test_claim_c4_is_the_change_of_the_copys_advantage_for_a_tenth_of_the_data(exact: Population) -> None:
    pair = interactions(exact, "macro").set_index(["factor", "by"]).loc[("init", "data_fraction")]
    (row,) = advantage_by_data(exact, ["macro"]).to_dict("records")
    assert row["decades"] == pytest.approx(math.log10(50))
    assert row["estimate"] == pytest.approx(-pair["estimate"] / math.log10(50))


def test_where_nothing_acts_nothing_is_shown() -> None:
    population = population_of(NOTHING)
    assert effects(population, ["macro"])["p_holm"].min() > 0.05
    assert interactions(population, "macro")["p_holm"].min() > 0.05


def test_p_values_are_corrected_over_all_differences_on_a_score() -> None:
    found = effects(population_of(SATURATING), ["macro"])
    assert (found["p_holm"] >= found["p"]).all()
    assert found["p_holm"].min() == pytest.approx(found["p"].min() * len(found))


def test_each_setting_is_at_its_own_best_learning_rate() -> None:
    """Planted: copied students are best at a lower rate."""
    population = population_of(SATURATING)
    best = {init: population.best({"init": init})["learning_rate"] for init in ("random", "teacher")}
    assert float(best["teacher"]) < float(best["random"])
    rates = np.array(FACTORS[-1].grid(13), dtype=float)
    for init, rate in best.items():
        held = [
            population.model.mean(population.at({"init": init, "learning_rate": r}), "macro") for r in rates
        ]
        assert (
            max(h.estimate for h in held)
            <= population.model.mean(population.at({"init": init}), "macro").estimate
        )
        assert rate == rates[int(np.argmax([h.estimate for h in held]))]


@pytest.mark.slow
@pytest.mark.parametrize("truth", [NOTHING, SATURATING], ids=["nothing", "saturating"])
def test_intervals_hold_the_planted_effects(truth: Any) -> None:
    """In 9 of 10 at least, over all effects of 20 sweeps."""
    held = []
    for seed in range(20):
        for row in effects(population_of(truth, seed=seed), ["macro"]).itertuples():
            true = true_mean(truth, {row.factor: row.at}) - true_mean(truth, {row.factor: row.against})
            held.append(row.low <= true <= row.high)
    assert np.mean(held) >= 0.9
