"""The mean of each arm, and its difference from one arm."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis.record.domain import Value
from analysis.statistics.effects.means import (
    arm_means,
    differences_from,
    marginal_means,
    seed_means,
    shared_languages,
)
from tests.analysis.tables import confirmed_table

FACTORS = {"init": ("random", "base", "teacher")}
MEANS = {"random": 0.4, "base": 0.5, "teacher": 0.7}
LUCK = {"random": 0.02, "base": 0.03, "teacher": -0.01}


def table(missing: tuple[tuple[str, int], ...] = ()) -> pd.DataFrame:
    """Accuracies that grow with the seed, at another rate in each arm."""

    def score(levels: dict[str, str], seed: int) -> float | None:
        init = levels["init"]
        return None if (init, seed) in missing else MEANS[init] + LUCK[init] * seed

    return confirmed_table(FACTORS, score, seeds=4)


def test_the_mean_of_an_arm_has_the_t_interval_over_its_seeds() -> None:
    found = arm_means(table()).set_index("arm")
    values = np.array([0.4 + 0.02 * seed for seed in (1, 2, 3, 4)])
    half = stats.t.ppf(0.975, 3) * values.std(ddof=1) / 2
    row = found.loc["init=random"]
    assert (row["estimate"], row["low"], row["high"]) == pytest.approx(
        (values.mean(), values.mean() - half, values.mean() + half)
    )
    assert list(found["seeds"]) == [4, 4, 4]


def test_a_difference_is_paired_by_seed() -> None:
    found = differences_from(table(), "init=random").set_index("arm")
    assert list(found.index) == ["init=base", "init=teacher"]
    values = np.array([0.1 + 0.01 * seed for seed in (1, 2, 3, 4)])
    half = stats.t.ppf(0.975, 3) * values.std(ddof=1) / 2
    row = found.loc["init=base"]
    assert (row["estimate"], row["low"], row["high"]) == pytest.approx(
        (values.mean(), values.mean() - half, values.mean() + half)
    )


def test_a_difference_is_over_the_seeds_of_both_arms_and_a_mean_over_all_seeds_of_the_arm() -> None:
    lacking = table(missing=(("base", 1), ("random", 4)))
    assert arm_means(lacking).set_index("arm")["seeds"].to_dict() == {
        "init=random": 3,
        "init=base": 3,
        "init=teacher": 4,
    }
    row = differences_from(lacking, "init=random").set_index("arm").loc["init=base"]
    assert row["seeds"] == 2
    assert row["estimate"] == pytest.approx(0.1 + 0.01 * 2.5)


def test_one_seed_has_no_interval() -> None:
    found = arm_means(table(missing=tuple(("base", seed) for seed in (1, 2, 3)))).set_index("arm")
    assert found.loc["init=base"].isna().to_dict() == {
        "estimate": False,
        "low": True,
        "high": True,
        "seeds": False,
        "texts": False,
    }


def test_seeds_are_those_of_the_means() -> None:
    seeds = seed_means(table())
    assert len(seeds) == 12
    means = arm_means(table()).set_index("arm")["estimate"]
    assert seeds.groupby("arm")["value"].mean().to_dict() == pytest.approx(means.to_dict())


def test_arms_without_a_language_in_common_have_no_mean() -> None:
    results = table()
    results = results[(results["arm"] != "init=base") | (results["language"] == "deu")]
    assert shared_languages(results) == ["deu"]
    results = results[(results["arm"] == "init=base") | (results["language"] != "deu")]
    assert shared_languages(results) == []
    assert arm_means(results).empty
    assert seed_means(results).empty


def test_means_that_are_drawn_are_over_the_languages_that_all_arms_share() -> None:
    """The copy alone was tested on an easy language: that lifts its recorded macro, and no point."""
    factors: dict[str, tuple[Value, ...]] = {"init": ("random", "teacher"), "depth": (2, 4)}
    results = confirmed_table(factors, lambda levels, seed: 0.5, seeds=3)
    copies = results[(results["init"] == "teacher") & (results["language"] == "macro")]
    easy = copies.assign(language="eng", value=1.0)
    results.loc[copies.index, "value"] = 0.75
    means = marginal_means(pd.concat([results, easy]), factors, ["init", "depth"])
    assert means["estimate"].tolist() == pytest.approx([0.5] * 4)


def test_a_mean_over_cells_has_the_interval_of_the_mean_of_each_seed() -> None:
    factors: dict[str, tuple[Value, ...]] = {"init": ("random", "teacher"), "depth": (2, 4)}
    noise = iter(np.random.default_rng(3).normal(0, 0.02, 1000))
    results = confirmed_table(factors, lambda levels, seed: 0.5 + next(noise), seeds=4)
    macro = results[results["language"] == "macro"]
    for row in marginal_means(results, factors, ["init"]).itertuples():
        of_seeds = macro[macro["init"] == row.init].groupby("seed")["value"].mean()
        low, high = stats.t.interval(0.95, 3, of_seeds.mean(), stats.sem(of_seeds))
        assert (row.estimate, row.low, row.high) == pytest.approx((of_seeds.mean(), low, high))
        assert (row.seeds, row.texts) == (4, 0)
