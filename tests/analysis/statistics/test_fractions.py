"""Curves over the data fraction, and the number that says whether the copy's advantage grows (C4)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from analysis.record.domain import Value
from analysis.statistics.fractions import fraction_curves, fraction_interaction
from tests.analysis.tables import confirmed_table

FRACTIONS = (0.01, 0.1, 1.0)
PLAIN: dict[str, tuple[Value, ...]] = {"init": ("random", "teacher"), "data_fraction": FRACTIONS}
BOTH: dict[str, tuple[Value, ...]] = {
    "init": ("random", "base", "teacher"),
    "data_fraction": FRACTIONS,
    "teacher_data": ("full", "same"),
}


def advantage(levels: dict[str, Any], seed: int) -> float:
    """What the copy adds: 0.1, and a seed's share of 0.01 for each tenfold less data."""
    tenfold = -math.log10(levels["data_fraction"])
    slope = 0.05 if levels.get("teacher_data") == "full" else 0.01
    growth = slope + 0.01 * seed
    return 0.1 + growth * tenfold if levels["init"] == "teacher" else 0.0


def test_a_point_is_the_mean_over_seeds_with_a_t_interval() -> None:
    table = confirmed_table(PLAIN, lambda levels, seed: levels["data_fraction"] / 2 + seed / 100, seeds=4)
    curves = fraction_curves(table, PLAIN)
    assert list(curves.columns) == [
        "init",
        "teacher_data",
        "data_fraction",
        "estimate",
        "low",
        "high",
        "seeds",
        "texts",
    ]
    assert list(curves["init"]) == ["random"] * 3 + ["teacher"] * 3
    assert list(curves["data_fraction"]) == [*FRACTIONS, *FRACTIONS]
    assert curves["teacher_data"].isna().all()
    point = curves.iloc[1]
    expected = stats.t.interval(0.95, 3, 0.075, stats.sem([0.06, 0.07, 0.08, 0.09]))
    assert (point["low"], point["high"]) == pytest.approx(expected)
    assert point["estimate"] == pytest.approx(0.075)
    assert point["seeds"] == 4


def test_a_teacher_of_all_data_and_one_of_the_sample_have_curves_of_their_own() -> None:
    """Which meet at all of the data, where they are one arm."""
    table = confirmed_table(BOTH, lambda levels, seed: 0.3 + advantage(levels, seed), seeds=3)
    assert table[table["data_fraction"] == 1.0]["teacher_data"].isna().all()
    curves = fraction_curves(table, BOTH).set_index(["init", "teacher_data", "data_fraction"])["estimate"]
    assert list(curves.index[:6]) == [("random", kind, f) for kind in ("full", "same") for f in FRACTIONS]
    assert curves["teacher", "full", 0.01] == pytest.approx(0.3 + 0.1 + 2 * 0.07)
    assert curves["teacher", "same", 0.01] == pytest.approx(0.3 + 0.1 + 2 * 0.03)
    assert curves["teacher", "full", 1.0] == curves["teacher", "same", 1.0] == pytest.approx(0.4)


def test_other_factors_are_averaged() -> None:
    factors = PLAIN | {"alpha": (0.2, 1.0)}
    table = confirmed_table(factors, lambda levels, seed: levels["alpha"], seeds=2)
    curves = fraction_curves(table, factors)
    assert len(curves) == 6
    assert curves["estimate"].to_list() == pytest.approx([0.6] * 6)


def test_a_point_without_runs_is_no_point() -> None:
    def score(levels: dict[str, Any], seed: int) -> float | None:
        return None if levels == {"init": "random", "data_fraction": 0.01} else 0.5

    curves = fraction_curves(confirmed_table(PLAIN, score, seeds=2), PLAIN)
    assert list(zip(curves["init"], curves["data_fraction"], strict=True)) == [
        ("random", 0.1),
        ("random", 1.0),
        *(("teacher", fraction) for fraction in FRACTIONS),
    ]


def test_of_one_seed_there_is_a_point_without_an_interval() -> None:
    curves = fraction_curves(confirmed_table(PLAIN, lambda levels, seed: 0.5, seeds=1), PLAIN)
    assert curves["estimate"].to_list() == [0.5] * 6
    assert curves[["low", "high"]].isna().all(axis=None)


def test_without_the_factor_there_is_no_curve_and_no_interaction() -> None:
    factors = {"init": ("random", "teacher")}
    table = confirmed_table(factors, lambda levels, seed: 0.5)
    assert len(fraction_curves(table, factors)) == 0
    assert len(fraction_interaction(table, factors)) == 0
    assert len(fraction_interaction(table.drop(columns="init"), {})) == 0


def test_without_inits_there_is_one_curve_and_no_interaction() -> None:
    factors = {"data_fraction": FRACTIONS}
    table = confirmed_table(factors, lambda levels, seed: levels["data_fraction"])
    curves = fraction_curves(table, factors)
    assert curves["estimate"].to_list() == pytest.approx(FRACTIONS)
    assert curves["init"].isna().all()
    assert len(fraction_interaction(table, factors)) == 0


def test_the_interaction_is_the_growth_of_the_advantage_per_tenfold_less_data() -> None:
    table = confirmed_table(BOTH, lambda levels, seed: 0.3 + advantage(levels, seed), seeds=3)
    rows = fraction_interaction(table, BOTH).set_index("teacher_data")
    assert list(rows.index) == ["full", "same"]
    assert rows.loc["full", "estimate"] == pytest.approx(0.07)
    assert rows.loc["same", "estimate"] == pytest.approx(0.03)
    half = stats.t.ppf(0.975, 2) * 0.01 / math.sqrt(3)  # the seeds' slopes are 0.01 apart
    assert rows.loc["full", "low"] == pytest.approx(0.07 - half)
    assert rows.loc["full", "high"] == pytest.approx(0.07 + half)
    assert rows["seeds"].to_list() == [3, 3]
    assert rows["fractions"].to_list() == [3, 3]
    assert rows["decades"].to_list() == pytest.approx([2, 2])


def test_an_advantage_that_shrinks_with_the_data_is_negative() -> None:
    def score(levels: dict[str, Any], seed: int) -> float:
        return 0.3 + levels["data_fraction"] * (0.1 if levels["init"] == "teacher" else 0) + seed / 1000

    assert fraction_interaction(confirmed_table(PLAIN, score), PLAIN)["estimate"].item() < 0


@settings(max_examples=10, deadline=None)
@given(shift=st.integers(0, 2**32))
def test_what_both_inits_share_does_not_matter(shift: int) -> None:
    """A harder sample at one seed and fraction is as hard for both."""
    noise = np.random.default_rng(shift).normal(size=(3, 6))

    def score(levels: dict[str, Any], seed: int) -> float:
        return float(advantage(levels, seed) + noise[FRACTIONS.index(levels["data_fraction"]), seed])

    plain = fraction_interaction(confirmed_table(PLAIN, advantage), PLAIN)
    shifted = fraction_interaction(confirmed_table(PLAIN, score), PLAIN)
    numbers = ["estimate", "low", "high"]
    assert shifted[numbers].to_numpy() == pytest.approx(plain[numbers].to_numpy())


def test_a_seed_that_lacks_a_fraction_does_not_count() -> None:
    """Its slope would be over other fractions than the rest."""

    def score(levels: dict[str, Any], seed: int) -> float | None:
        lacks = levels == {"init": "teacher", "data_fraction": 0.01} and seed == 3
        return None if lacks else 0.3 + advantage(levels, seed)

    row = fraction_interaction(confirmed_table(PLAIN, score, seeds=3), PLAIN).iloc[0]
    assert row["seeds"] == 2
    assert row["estimate"] == pytest.approx(0.01 + 0.015)


def test_a_fraction_that_one_init_lacks_is_left_out() -> None:
    def score(levels: dict[str, Any], seed: int) -> float | None:
        lacks = levels == {"init": "random", "data_fraction": 0.01}
        return None if lacks else 0.3 + advantage(levels, seed)

    row = fraction_interaction(confirmed_table(PLAIN, score, seeds=3), PLAIN).iloc[0]
    assert row["fractions"] == 2
    assert row["estimate"] == pytest.approx(0.03)


def test_of_one_fraction_there_is_no_slope() -> None:
    def score(levels: dict[str, Any], seed: int) -> float | None:
        return 0.5 if levels["data_fraction"] == 1.0 or levels["init"] == "random" else None

    assert len(fraction_interaction(confirmed_table(PLAIN, score), PLAIN)) == 0


def test_without_a_seed_at_every_fraction_there_is_no_slope() -> None:
    """Half of the seeds were run at each fraction."""

    def score(levels: dict[str, Any], seed: int) -> float | None:
        return 0.5 if (levels["data_fraction"] == 1.0) == (seed <= 2) else None

    assert len(fraction_interaction(confirmed_table(PLAIN, score, seeds=4), PLAIN)) == 0


def lacking_cells(levels: dict[str, Any], seed: int) -> float | None:
    """alpha 0.2 was run at 1% and 10% at random init, alpha 1.0 at all but 1%: no cell is at every point."""
    lacks = levels["init"] == "random" and (levels["alpha"], levels["data_fraction"]) in (
        (0.2, 1.0),
        (1.0, 0.01),
    )
    return None if lacks else 0.3 + advantage(levels, seed)


def test_where_no_cell_has_every_point_the_curves_are_over_the_cell_that_most_have() -> None:
    factors = PLAIN | {"alpha": (0.2, 1.0)}
    curves = fraction_curves(confirmed_table(factors, lacking_cells, seeds=3), factors)
    points = list(zip(curves["init"], curves["data_fraction"], strict=True))
    assert points == [("random", 0.01), ("random", 0.1), *(("teacher", f) for f in FRACTIONS)]


def test_where_no_cell_has_every_fraction_the_slope_is_over_the_most_that_one_has() -> None:
    factors = PLAIN | {"alpha": (0.2, 1.0)}
    row = fraction_interaction(confirmed_table(factors, lacking_cells, seeds=3), factors).iloc[0]
    assert (row["fractions"], row["cells"], row["averaged_over"]) == (2, 1, "")
    assert row["estimate"] == pytest.approx(0.03)


def test_the_slope_averages_over_matched_cells_and_says_so() -> None:
    factors = BOTH | {"alpha": (0.2, 1.0)}
    table = confirmed_table(
        factors, lambda levels, seed: 0.3 + advantage(levels, seed) * levels["alpha"], seeds=3
    )
    rows = fraction_interaction(table, factors)
    assert rows["estimate"].to_list() == pytest.approx([0.07 * 0.6, 0.03 * 0.6])
    assert rows["averaged_over"].to_list() == ["alpha", "alpha"]
    assert rows["cells"].to_list() == [2, 2]


def test_curves_and_slope_are_over_the_languages_that_all_arms_share() -> None:
    """Random init lacks yor, the lower language, at 1%: its macro there is 0.2 higher than with it."""
    table = confirmed_table(PLAIN, lambda levels, seed: 0.5 + seed / 1000, seeds=3)
    gone = (table["init"] == "random") & (table["data_fraction"] == 0.01)
    lacking = table[~(gone & (table["language"] == "yor"))].copy()
    lacking.loc[gone & (lacking["language"] == "macro"), "value"] += 0.2
    assert fraction_interaction(lacking, PLAIN)["estimate"].item() == pytest.approx(0)
    curves = fraction_curves(lacking, PLAIN)
    assert curves["estimate"].to_list() == pytest.approx([0.702] * 6)  # deu alone


def test_a_run_that_lacks_a_language_of_its_arm_has_no_macro() -> None:
    table = confirmed_table(PLAIN, lambda levels, seed: 0.5, seeds=3)
    first = (table["arm"] == table["arm"].iloc[0]) & (table["seed"] == 1) & (table["language"] == "yor")
    assert fraction_curves(table[~first], PLAIN)["seeds"].to_list() == [2, 3, 3, 3, 3, 3]


def test_a_slope_that_is_none_within_the_margin_is_told() -> None:
    noise = iter(np.random.default_rng(1).normal(0, 0.002, 1000))
    row = fraction_interaction(confirmed_table(PLAIN, lambda levels, seed: 0.5 + next(noise)), PLAIN).iloc[0]
    low, high = row["low"], row["high"]
    assert low < 0 < high
    assert row["equivalent_within"] == pytest.approx(
        abs(row["estimate"]) + (high - row["estimate"]) * stats.t.ppf(0.95, 4) / stats.t.ppf(0.975, 4)
    )


def test_the_slope_is_over_the_shares_that_fractions_came_to() -> None:
    """1% that was 10% is one factor of ten below all, not two."""
    table = confirmed_table(PLAIN, lambda levels, seed: 0.3 + advantage(levels, seed), seeds=3)
    nominal = fraction_interaction(table, PLAIN).iloc[0]
    shares = {0.01: 0.1, 0.1: math.sqrt(0.1), 1.0: 1.0}  # half of each step on the logarithmic axis
    seen = fraction_interaction(table, PLAIN, shares=shares).iloc[0]
    assert seen["estimate"] == pytest.approx(2 * nominal["estimate"])
    assert (nominal["decades"], seen["decades"]) == (pytest.approx(2), pytest.approx(1))


def test_fractions_that_are_one_sample_have_no_slope() -> None:
    levels: dict[str, tuple[Value, ...]] = {"init": ("random", "teacher"), "data_fraction": (0.01, 0.1)}
    table = confirmed_table(levels, advantage, seeds=3)
    assert len(fraction_interaction(table, levels)) == 1
    assert len(fraction_interaction(table, levels, shares={0.01: 0.2, 0.1: 0.2})) == 0
