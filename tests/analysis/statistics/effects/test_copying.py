"""Claim C1: copying against distilling in magnitude, over four arms that agree in all other factors."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from analysis.statistics.effects.copying import CONTRASTS, PARTS, Copying, copying_of, magnitude
from analysis.statistics.effects.estimates import EFFECT_COLUMNS, MAGNITUDE, copying_and_distilling, effects
from analysis.statistics.effects.runs import runs_of
from analysis.statistics.intervals import holm, paired_t
from tests.analysis.effect_tables import CORE, INIT, missing, noisy, per_seed, row, table

SCORE = Callable[[dict[str, Any]], float]


def found_of(results: pd.DataFrame, factors: dict[str, tuple[Any, ...]] = CORE) -> Copying:
    found = copying_of(runs_of(results, factors), factors)
    assert found is not None
    return found


def of_two_inits(results: pd.DataFrame) -> pd.DataFrame:
    return results[results["init"] != "base"]


def effect(copying: float, distilling: float, crossed: float = 0.0) -> SCORE:
    """What a cell scores: `crossed` is for students that are both copied and distilled."""

    def score(cell: dict[str, Any]) -> float:
        copied, distilled = cell["init"] == "teacher", cell["alpha"] < 1
        return 0.5 + copying * copied + distilling * distilled + crossed * (copied and distilled)

    return score


def test_the_means_and_the_effects_are_those_of_four_arms(core: pd.DataFrame) -> None:
    found = found_of(core)
    arms = itertools.product(("random", "teacher"), (1.0, 0.2))
    means = [per_seed(core, "macro", init=init, alpha=alpha).mean() for init, alpha in arms]
    assert found.means == pytest.approx(means)
    both = effects(of_two_inits(core), CORE)
    assert found.intervals["copying"].estimate == pytest.approx(row(both, INIT)["estimate"])
    assert found.intervals["copying"].low == pytest.approx(row(both, INIT)["low"])
    assert found.intervals["distilling"].estimate == pytest.approx(row(both, "alpha: 0.2 - 1.0")["estimate"])
    d = per_seed(core, "macro", init="teacher", alpha=0.2) - per_seed(core, "macro", init="random", alpha=0.2)
    assert found.intervals["copying, distilled"].p == pytest.approx(stats.ttest_1samp(d, 0).pvalue)


def test_each_effect_is_the_mean_of_its_parts_and_their_sums_add_up() -> None:
    weights = {name: np.array(of_arms) for name, of_arms in CONTRASTS.items()}
    for name in ("copying", "distilling"):
        parts = [weights[part] for part in PARTS if part.startswith(name)]
        assert weights[name] == pytest.approx(np.mean(parts, axis=0))
    assert weights["copying - distilling"] == pytest.approx(weights["copying"] - weights["distilling"])
    assert weights["copying + distilling"] == pytest.approx(weights["copying"] + weights["distilling"])


@pytest.mark.parametrize(
    ("copying", "distilling", "shown"),
    [
        (0.10, 0.02, "copying"),
        (0.10, -0.02, "copying"),
        (-0.10, 0.02, "copying"),
        (0.02, 0.10, "distilling"),
        (0.0, -0.11, "distilling"),
        (0.10, 0.10, "equal"),
        (0.10, -0.10, "equal"),
        (0.0, 0.0, "equal"),
    ],
)
def test_an_effect_that_hurts_counts_by_its_size(copying: float, distilling: float, shown: str) -> None:
    """Copying that is worth nothing and distilling that costs 11 points do not support claim C1."""
    rng = np.random.default_rng(3)
    score = effect(copying, distilling)
    found = found_of(table(CORE, lambda cell, *_: score(cell) + float(rng.normal(0, 1e-3))))
    assert found.magnitude.estimate == pytest.approx(abs(copying) - abs(distilling), abs=0.003)
    assert found.shown == shown


def test_parts_with_opposite_signs_allow_no_claim_on_their_mean() -> None:
    rng = np.random.default_rng(3)
    score = effect(-0.05, 0.0, crossed=0.3)
    found = found_of(table(CORE, lambda cell, *_: score(cell) + float(rng.normal(0, 1e-3))))
    assert [found.sign(part) for part in PARTS] == [-1, 1, 0, 1]
    assert found.opposed("copying")
    assert not found.opposed("distilling")
    assert found.shown is None


def test_seeds_and_cells_that_lack_runs_are_lacking_in_every_number() -> None:
    found = found_of(missing(("random", 1.0, 2), ("base", 0.2, 4), ("base", 0.2, 5)))
    assert {interval.n for interval in found.intervals.values()} == {4}  # base has no part in it
    one, other = found.intervals["copying"].estimate, found.intervals["distilling"].estimate
    assert found.intervals["copying - distilling"].estimate == pytest.approx(one - other)
    random, random_distilled, copied, copied_distilled = found.means
    assert one == pytest.approx((copied - random + copied_distilled - random_distilled) / 2)
    assert found.seeds == 4


@pytest.mark.parametrize(
    ("more", "inert"),
    [
        ({}, ()),
        ({"loss": ("kl", "mse")}, ("loss",)),
        ({"loss": ("kl", "mse"), "temperature": (1.0, 2.0, 4.0)}, ("loss", "temperature")),
        ({"depth": (2, 4)}, ()),
    ],
)
def test_if_copying_and_distilling_do_the_same_the_number_is_zero(more: Any, inert: Any) -> None:
    """Both together give 0.1, one of them nothing, and base nothing; loss acts below alpha 1 alone."""
    factors = CORE | more
    results = table(
        factors,
        noisy(lambda cell: 0.5 + 0.1 * (cell["init"] == "teacher" and cell["alpha"] < 1)),
        without=lambda cell: inert if cell["alpha"] == 1.0 else (),
    )
    found = found_of(results, factors)
    assert found.magnitude.estimate == pytest.approx(0, abs=0.01)
    for name in ("copying", "distilling"):
        assert found.intervals[name].estimate == pytest.approx(0.05, abs=0.01)
    assert found.intervals["copying x distilling"].estimate == pytest.approx(0.1, abs=0.02)
    assert found.averaged_over == tuple(name for name in more if len(more[name]) > 1)


def test_several_alphas_below_one_count_alike() -> None:
    """Also if one of them has more cells."""
    factors = CORE | {"alpha": (0.0, 0.5, 1.0), "loss": ("kl", "mse")}
    results = table(
        factors,
        noisy(lambda cell: 0.5 + 0.2 * (cell["init"] == "teacher") - 0.1 * cell["alpha"]),
        without=lambda cell: ("loss",) if cell["alpha"] == 1.0 else (),
    )
    results = results[~((results["alpha"] == 0.5) & (results["loss"] == "mse"))]
    found = found_of(results, factors)
    copied = per_seed(results, "macro", init="teacher", alpha=1.0).mean()
    distilled = [per_seed(results, "macro", init="random", alpha=alpha).mean() for alpha in (0.0, 0.5)]
    assert found.intervals["copying - distilling"].estimate == pytest.approx(copied - np.mean(distilled))
    assert found.alphas == (0.0, 0.5)


@pytest.mark.parametrize(
    "factors",
    [
        {"alpha": (1.0, 0.2)},
        {"init": ("random", "teacher")},
        {"init": ("base", "teacher"), "alpha": (1.0, 0.2)},
        {"init": ("random", "teacher"), "alpha": (0.5, 0.2)},
    ],
)
def test_without_both_sides_of_the_claim_there_is_no_number(factors: dict[str, tuple[Any, ...]]) -> None:
    results = table(factors, noisy(lambda cell: 0.5))
    assert copying_of(runs_of(results, factors), factors) is None
    assert copying_and_distilling(results, factors) is None


def test_one_seed_shows_nothing(core: pd.DataFrame) -> None:
    found = found_of(core[core["seed"] == 1])
    assert math.isfinite(found.magnitude.estimate)
    assert math.isnan(found.magnitude.low)
    assert found.shown is None


def test_the_table_has_the_numbers_of_the_claim_each_kind_a_family(core: pd.DataFrame) -> None:
    claim = copying_and_distilling(core, CORE)
    assert claim is not None
    assert list(claim.columns) == EFFECT_COLUMNS
    macro = claim[(claim["outcome"] == "macro") & (claim["estimand"] == "these languages")]
    assert list(macro["kind"]) == ["mean", "part", "part", "mean", "part", "part", "crossed", "claim"]
    assert macro["by_seed"].map(np.mean).tolist() == pytest.approx(macro["estimate"].tolist())
    assert macro["by_seed"].map(len).tolist() == macro["seeds"].tolist()
    for _, family in macro.groupby("kind"):
        assert family["p_holm"].to_numpy(float) == pytest.approx(holm(family["p"].to_numpy(float)))
    found, last = found_of(core), macro.iloc[-1]
    assert (last["effect"], last["estimate"]) == (MAGNITUDE, found.magnitude.estimate)
    assert (last["low"], last["high"], last["p"]) == (
        found.magnitude.low,
        found.magnitude.high,
        found.magnitude.p,
    )
    assert set(claim["averaged_over"]) == {""}  # init and alpha are its sides


SOME = st.lists(st.floats(-1, 1), min_size=3, max_size=6)


@given(SOME, st.floats(-1, 1), st.floats(-1, 1))
def test_the_interval_of_a_magnitude_holds_its_estimate_and_is_that_of_the_opposite_if_reversed(
    noise: list[float], u: float, v: float
) -> None:
    values = np.array(noise) - np.mean(noise)
    one, other = paired_t(values + u), paired_t(values[::-1] + v)
    found = magnitude(one, other)
    if math.isnan(one.low) or math.isnan(other.low):
        assert math.isnan(found.low)
        return
    assert found.low <= found.estimate <= found.high
    exchanged = magnitude(paired_t(-(values + u)), other)  # copying and distilling change places
    assert exchanged.estimate == pytest.approx(-found.estimate, abs=1e-12)
    if abs(found.estimate) > 1e-9:
        assert (exchanged.low, exchanged.high) == pytest.approx((-found.high, -found.low), abs=1e-12)
    excludes_zero = found.low > 0 or found.high < 0
    assert excludes_zero == (found.p < 0.05) or abs(found.p - 0.05) < 1e-9
