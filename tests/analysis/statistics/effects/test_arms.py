"""The best arm against every other arm, and which arms are one arm."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis.statistics.effects.arms import arms_compared, winner
from analysis.statistics.intervals import holm
from tests.analysis.effect_tables import CORE, Cell, noisy, per_seed, table


def test_the_best_arm_is_compared_with_each_other_arm_alone_and_for_all_pairs(
    core: pd.DataFrame,
) -> None:
    found = arms_compared(core)
    assert set(found["arm"]) == {"init=teacher alpha=0.2"}
    arms = list(core["arm"].unique())
    macro = {arm: per_seed(core, "macro", arm=arm) for arm in arms}
    pairs = list(itertools.combinations(arms, 2))
    p = holm(np.array([stats.ttest_rel(macro[one], macro[other]).pvalue for one, other in pairs]))
    corrected = {frozenset(pair): value for pair, value in zip(pairs, p, strict=True)}
    for one in found.itertuples():
        d = macro[one.arm] - macro[one.other]
        test = stats.ttest_1samp(d, 0)
        alone, together = test.confidence_interval(0.95), test.confidence_interval(1 - 0.05 / 15)
        assert (one.estimate, one.low, one.high, one.p) == pytest.approx((d.mean(), *alone, test.pvalue))
        assert (one.low_all, one.high_all) == pytest.approx(tuple(together))
        assert one.p_holm == pytest.approx(corrected[frozenset((one.arm, one.other))])
        assert one.seeds == 5
    assert len(found) == 5


def test_an_arm_far_above_all_others_wins_and_one_of_two_alike_does_not() -> None:
    def far(cell: Cell) -> float:
        return 0.4 + 0.3 * (cell["init"] == "teacher") + 0.1 * (cell["alpha"] == 0.2)

    def alike(cell: Cell) -> float:
        return 0.4 + 0.3 * (cell["init"] == "teacher")

    assert winner(arms_compared(table(CORE, noisy(far)))) == "init=teacher alpha=0.2"
    assert winner(arms_compared(table(CORE, noisy(alike)))) is None


def test_arms_that_share_no_seed_have_no_best_among_them(core: pd.DataFrame) -> None:
    other = (core["arm"] == "init=random alpha=1.0") & (core["seed"] < 5)
    results = core[~other & ((core["arm"] != "init=teacher alpha=0.2") | (core["seed"] < 5))]
    assert len(arms_compared(results)) == 0
    assert winner(arms_compared(results)) is None


def test_the_best_arm_is_chosen_and_compared_on_the_seeds_that_all_arms_share() -> None:
    """A is ahead on seeds 1-3, which C has too, and 0.19 behind B on the others."""
    level = {
        "A": {1: 0.60, 2: 0.601, 3: 0.60} | dict.fromkeys(range(4, 9), 0.40),
        "C": {1: 0.1, 2: 0.1, 3: 0.1},
    }
    factors = {"init": ("A", "B", "C")}

    def score(cell: Cell, seed: int, language: str) -> float | None:
        return 0.59 if cell["init"] == "B" else level[cell["init"]].get(seed)

    found = arms_compared(table(factors, score, seeds=8)).set_index("other")
    assert set(found["arm"]) == {"init=A"}
    assert found.loc["init=B", "estimate"] == pytest.approx(0.031 / 3)
    assert found["seeds"].to_list() == [3, 3]


def test_a_pair_of_arms_is_shown_to_be_alike_by_two_one_sided_tests_for_all_pairs(core: pd.DataFrame) -> None:
    found = arms_compared(core)
    best = per_seed(core, "macro", arm=found["arm"].iloc[0])
    for one in found.itertuples():
        d = best - per_seed(core, "macro", arm=one.other)
        below = stats.ttest_1samp(d, one.equivalent_within, alternative="less").pvalue
        above = stats.ttest_1samp(d, -one.equivalent_within, alternative="greater").pvalue
        assert max(below, above) == pytest.approx(0.05 / 15)


TEACHERS: dict[str, tuple[Any, ...]] = {"init": ("random", "teacher"), "teacher_seed": (0, 1)}


def test_arms_that_differ_by_the_teachers_seed_are_one_arm() -> None:
    """The copies of both teachers tie; their mean is far above random init."""
    level = noisy(lambda cell: 0.4 + 0.2 * (cell["init"] == "teacher"))
    results = table(TEACHERS, level)
    found = arms_compared(results)
    assert (found["arm"].item(), found["other"].item()) == ("init=teacher", "init=random")
    d = per_seed(results, "macro", init="teacher") - per_seed(results, "macro", init="random")
    expected = stats.ttest_1samp(d, 0)
    assert found["estimate"].item() == pytest.approx(d.mean())
    assert found["p_holm"].item() == pytest.approx(expected.pvalue)
    assert winner(found) == "init=teacher"


def test_a_seed_that_one_teacher_lacks_is_no_seed_of_the_arm() -> None:
    def score(cell: Cell, seed: int, language: str) -> float | None:
        return None if (cell["teacher_seed"], seed) == (1, 2) else 0.4 + 0.001 * seed * cell["teacher_seed"]

    assert arms_compared(table(TEACHERS, score))["seeds"].item() == 4


def test_the_best_arm_is_chosen_on_shared_seeds_although_another_is_ahead_on_its_own() -> None:
    """The copy is behind at all three seeds of its rival, and far ahead at two of its own."""
    rival, copy = {1: 0.5, 2: 0.501, 3: 0.502}, {1: 0.4, 2: 0.4, 3: 0.4, 4: 0.9, 5: 0.9}
    factors = {"init": ("random", "base", "teacher")}

    def score(cell: Cell, seed: int, language: str) -> float | None:
        low = 0.3 + 0.001 * seed**2
        return {"random": rival.get(seed), "base": low, "teacher": copy[seed]}[cell["init"]]

    found = arms_compared(table(factors, score)).set_index("other")
    assert set(found["arm"]) == {"init=random"}
    assert found.loc["init=teacher", "estimate"] == pytest.approx(0.101)
    assert found["seeds"].to_list() == [3, 3]


@pytest.mark.parametrize(("p", "wins"), [(0.049, True), (0.051, False), (math.nan, False)])
def test_the_best_arm_wins_if_each_test_alone_is_below_five_per_cent(p: float, wins: bool) -> None:
    rows = [("best", "last", 0.3, 0.04, 0.2), ("best", "next", 0.02, p, 0.2)]
    compared = pd.DataFrame(rows, columns=["arm", "other", "estimate", "p", "p_holm"])
    assert winner(compared) == ("best" if wins else None)


def test_one_of_ten_arms_that_is_clearly_best_wins_with_three_seeds() -> None:
    """Holm over 45 pairs would ask for |t| above 30."""
    factors: dict[str, tuple[Any, ...]] = {"depth": tuple(range(1, 11))}
    results = table(factors, noisy(lambda cell: 0.4 + 0.1 * (cell["depth"] == 7)), seeds=3)
    found = arms_compared(results)
    assert winner(found) == "depth=7"
    assert (found["p_holm"] > 0.05).any()
