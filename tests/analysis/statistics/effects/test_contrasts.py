"""Contrasts: which levels are compared, and which seeds and cells count."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from analysis.record.domain import Value
from analysis.statistics.effects.estimates import copying_and_distilling, effects
from tests.analysis.effect_tables import CORE, INIT, TRUE, missing, noisy, per_seed, row, row_of_kind, table


@pytest.mark.parametrize("outcome", ["macro", "worst"])
def test_a_main_effect_is_a_paired_t_over_seeds_of_the_mean_over_cells(
    core: pd.DataFrame, outcome: str
) -> None:
    d = per_seed(core, outcome, init="teacher") - per_seed(core, outcome, init="random")
    expected = stats.ttest_1samp(d, 0)
    low, high = expected.confidence_interval()
    found = row(effects(core, CORE), INIT, outcome)
    numbers = [found[name] for name in ("estimate", "low", "high", "p")]
    assert numbers == pytest.approx([d.mean(), low, high, expected.pvalue])
    assert (found["seeds"], found["cells"], found["cells_dropped"]) == (5, 2, 0)
    assert found["languages"] == 4
    assert found["texts"] == 0  # over seeds only


def test_numbers_are_compared_with_the_first_and_the_one_before_and_names_with_all() -> None:
    factors: dict[str, tuple[Value, ...]] = {
        "init": ("a", "b", "c", "d"),
        "data_fraction": (0.01, 0.1, 0.5, 1.0),
    }
    found = effects(table(factors, lambda cell, seed, language: 0.01 * seed), factors)
    levels = found[found["kind"] == "main"].groupby("factor")["levels"].unique().map(set)
    assert levels["init"] == {"b - a", "c - a", "d - a", "c - b", "d - b", "d - c"}
    assert levels["data_fraction"] == {"0.1 - 0.01", "0.5 - 0.01", "1.0 - 0.01", "0.5 - 0.1", "1.0 - 0.5"}


@settings(max_examples=5, deadline=None)
@given(st.lists(st.floats(-0.3, 0.3), min_size=5, max_size=5), st.randoms(use_true_random=False))
def test_what_seeds_add_to_all_arms_and_the_order_of_rows_change_nothing(
    shift: list[float], random: Any
) -> None:
    core = table(CORE, TRUE)
    expected = effects(core, CORE).sort_values(["effect", "outcome", "estimand"], ignore_index=True)
    order = list(range(len(core)))
    random.shuffle(order)
    moved = core.assign(value=core["value"] + core["seed"].map(dict(enumerate(shift, 1)))).iloc[order]
    found = effects(moved, CORE).sort_values(["effect", "outcome", "estimand"], ignore_index=True)
    pd.testing.assert_frame_equal(found, expected, rtol=1e-6, atol=1e-9)


def test_a_seed_that_lacks_a_cell_is_left_out_instead_of_averaged_over_the_others() -> None:
    """Cells differ by 0.3, so a seed's mean over one of them would be far off."""
    found = row(effects(missing(("random", 1.0, 2)), CORE), INIT)
    assert (found["seeds"], found["cells"]) == (4, 2)
    assert found["estimate"] == pytest.approx(0.35, abs=0.02)
    assert found["high"] - found["low"] < 0.1


def test_a_cell_with_few_seeds_is_left_out_instead_of_most_seeds() -> None:
    lost = [("random", 1.0, seed) for seed in (1, 2, 3, 4)]
    found = row(effects(missing(*lost), CORE), INIT)
    assert (found["seeds"], found["cells"], found["cells_dropped"]) == (5, 1, 1)
    assert found["estimate"] == pytest.approx(0.2, abs=0.02)


def test_a_cell_of_which_an_arm_was_never_confirmed_is_counted_as_dropped() -> None:
    """Its arm has no row in the table; what was planned tells of it."""
    lost = [("random", 1.0, seed) for seed in range(1, 6)]
    results = missing(*lost)
    planned = table(CORE, TRUE).drop_duplicates("arm").set_index("arm")[list(CORE)]
    found = effects(results, CORE, planned)
    assert (row(found, INIT)["cells"], row(found, INIT)["cells_dropped"]) == (1, 1)
    assert row(found, INIT)["estimate"] == row(effects(results, CORE), INIT)["estimate"]
    assert row(found, "init: teacher - base")["cells_dropped"] == 0
    assert row(found, "alpha: 0.2 - 1.0", "worst")["cells_dropped"] == 1
    assert copying_and_distilling(results, CORE, planned) is None  # it is of that arm
    assert (
        row_of_kind(found, "interaction")["levels"] == "(teacher - base) at 0.2 - at 1.0"
    )  # all four are there


def test_three_seeds_come_before_more_cells() -> None:
    lost = [("random", 1.0, 1), ("random", 1.0, 2), ("random", 0.2, 3)]
    found = row(effects(missing(*lost), CORE), INIT)
    assert (found["seeds"], found["cells"]) == (4, 1)  # both cells would share two seeds


def test_an_interaction_is_the_difference_of_differences_between_extreme_levels() -> None:
    level = noisy(lambda cell: 0.4 + 0.1 * (cell["init"] == "teacher") * (cell["alpha"] == 0.2))
    results = table(CORE, level)
    found = row(effects(results, CORE), "init x alpha: (teacher - random) at 0.2 - at 1.0")
    corner = {
        (init, alpha): per_seed(results, "macro", init=init, alpha=alpha)
        for init in ("teacher", "random")
        for alpha in (0.2, 1.0)
    }
    d = corner["teacher", 0.2] - corner["random", 0.2] - corner["teacher", 1.0] + corner["random", 1.0]
    assert found["estimate"] == pytest.approx(d.mean())
    assert found["p"] == pytest.approx(stats.ttest_1samp(d, 0).pvalue)
    assert found["kind"] == "interaction"
    assert found["estimate"] == pytest.approx(0.1, abs=0.03)


def test_where_extreme_levels_are_not_there_the_next_ones_interact() -> None:
    """Random init has no layer map, so base and teacher are the extremes at which it has an effect."""
    factors = {"init": ("random", "base", "teacher"), "layer_map": ("uniform", "first", "last")}
    random = table(
        factors,
        noisy(lambda cell: 0.5),
        without=lambda cell: ("layer_map",) if cell["init"] == "random" else (),
    )
    found = effects(random, factors)
    assert set(found[found["kind"] == "interaction"]["levels"]) == {"(teacher - base) at last - at uniform"}
    assert row(found, INIT)["cells"] == 3
    assert row(found, "layer_map: last - uniform")["cells"] == 2
