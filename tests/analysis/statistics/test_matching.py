"""Cells that groups share: an average compares what was asked about and nothing else."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from analysis.record.domain import Value
from analysis.statistics.effects.estimates import effects
from analysis.statistics.matching import at_every_level, matched, means_by_seed, shared_macro
from tests.analysis.tables import confirmed_table

FACTORS = {"init": ("random", "teacher"), "alpha": (0.2, 1.0), "loss": ("kl", "mse")}


def test_a_row_without_a_factor_stands_at_each_of_its_levels() -> None:
    table = pd.DataFrame({"loss": ["kl", None], "alpha": [0.2, 1.0], "value": [0.5, 0.7]})
    every = at_every_level(table, {"loss": ("kl", "mse"), "alpha": (0.2, 1.0)})
    assert sorted(map(tuple, every[["alpha", "loss", "value"]].to_numpy())) == [
        (0.2, "kl", 0.5),
        (1.0, "kl", 0.7),
        (1.0, "mse", 0.7),
    ]


def test_every_cell_of_other_arms_counts_once() -> None:
    """Labels only is one arm and distillation two: at alpha 0.2 the two losses, 0.2 and 0.4; at 1, 0.9."""
    results = confirmed_table(
        FACTORS, lambda levels, seed: {"kl": 0.2, "mse": 0.4, None: 0.9}[levels["loss"]], seeds=1
    )
    macro = results[results["language"] == "macro"]
    assert len(macro) == 6
    means = means_by_seed(matched(macro, FACTORS, ["init"]), ["init"])
    assert means.loc["teacher", 1] == pytest.approx((0.2 + 0.4 + 0.9) / 3)


def test_an_arm_without_a_factor_pairs_with_each_of_its_levels() -> None:
    """A random student has no layer map: what it is compared with is the mean over the copies'."""
    factors = {"init": ("random", "teacher"), "layer_map": ("uniform", "first")}
    score = {None: 0.1, "uniform": 0.5, "first": 0.7}
    results = confirmed_table(factors, lambda levels, seed: score[levels["layer_map"]], seeds=1)
    rows = matched(results[results["language"] == "macro"], factors, ["init"])
    assert rows["cell"].nunique() == 2
    assert means_by_seed(rows, ["init"])[1].to_dict() == pytest.approx({"random": 0.1, "teacher": 0.6})


def test_cells_and_their_effect_are_those_of_the_effects() -> None:
    factors: dict[str, tuple[Value, ...]] = {
        "init": ("random", "teacher"),
        "layer_map": ("uniform", "first"),
        "alpha": (0.2, 0.5, 1.0),
        "loss": ("kl", "mse"),
    }
    scores = iter(range(1000))
    results = confirmed_table(factors, lambda levels, seed: next(scores) ** 1.5 / 1000, seeds=3)
    macro = results[results["language"] == "macro"]
    rows = matched(macro, factors, ["init"])
    means = means_by_seed(rows, ["init"])
    effect = effects(macro.assign(language="deu"), factors).set_index(["effect", "outcome"])
    ours = (means.loc["teacher"] - means.loc["random"]).mean()
    row = effect.loc[("init: teacher - random", "macro")].iloc[0]
    assert ours == pytest.approx(row["estimate"])
    assert rows["cell"].nunique() == row["cells"] == 10


def test_a_cell_that_one_group_lacks_counts_in_none() -> None:
    def score(levels: dict[str, object], seed: int) -> float | None:
        lacks = levels["init"] == "random" and levels["alpha"] == 1.0
        return None if lacks else 0.5 if levels["alpha"] == 0.2 else 0.9

    table = confirmed_table({"init": ("random", "teacher"), "alpha": (0.2, 1.0)}, score, seeds=1)
    rows = matched(table[table["language"] == "macro"], {k: FACTORS[k] for k in ("init", "alpha")}, ["init"])
    assert set(rows["alpha"]) == {0.2}
    assert means_by_seed(rows, ["init"])[1].to_dict() == {"random": 0.5, "teacher": 0.5}


def test_a_group_without_any_run_takes_no_cell_from_the_others() -> None:
    factors = {"init": ("random", "base", "teacher"), "alpha": (0.2, 1.0)}
    table = confirmed_table(factors, lambda levels, seed: None if levels["init"] == "base" else 0.5, seeds=1)
    rows = matched(table[table["language"] == "macro"], factors, ["init"])
    assert set(rows["alpha"]) == {0.2, 1.0}
    assert set(rows["init"]) == {"random", "teacher"}


def test_where_no_cell_is_in_every_group_those_that_lack_the_most_common_one_are_left_out() -> None:
    factors = {"init": ("random", "base", "teacher"), "alpha": (0.2, 1.0)}
    runs = {("random", 0.2), ("base", 1.0), ("teacher", 1.0), ("teacher", 0.2)}
    table = confirmed_table(
        factors, lambda levels, seed: 0.5 if (levels["init"], levels["alpha"]) in runs else None, seeds=1
    )
    rows = matched(table[table["language"] == "macro"], factors, ["init"])
    found = set(zip(rows["init"], rows["alpha"], strict=True))
    assert found == {("random", 0.2), ("teacher", 0.2)}  # as many have alpha 1.0: the first counts


def test_of_no_rows_none_match() -> None:
    table = confirmed_table(FACTORS, lambda levels, seed: 0.5, seeds=1).iloc[:0]
    assert len(matched(table, FACTORS, ["init"])) == 0
    assert len(matched(table, FACTORS, [])) == 0
    assert len(shared_macro(table)) == 0


def test_a_seed_that_lacks_a_cell_is_missing() -> None:
    factors = {"init": ("random", "teacher"), "alpha": (0.2, 1.0)}

    def score(levels: dict[str, object], seed: int) -> float | None:
        return None if levels == {"init": "teacher", "alpha": 0.2} and seed == 2 else 0.5

    table = confirmed_table(factors, score, seeds=2)
    means = means_by_seed(matched(table[table["language"] == "macro"], factors, ["init"]), ["init"])
    assert math.isnan(means.loc["teacher", 2])
    assert means.drop(index="teacher").notna().all(axis=None)
