"""The table of effects: outcomes, estimands, families of p values, and claim C1."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis.record.domain import Value
from analysis.statistics.effects.arms import arms_compared, winner
from analysis.statistics.effects.contrasts import COPY_MINUS_DISTILLATION, COPY_X_DISTILLATION
from analysis.statistics.effects.estimates import EFFECT_COLUMNS, claim_parts, copying_and_distilling, effects
from analysis.statistics.effects.variance import variance_shares
from analysis.statistics.intervals import holm
from tests.analysis.effect_tables import (
    CORE,
    INIT,
    LANGUAGES,
    missing,
    noisy,
    per_seed,
    row,
    row_of_kind,
    table,
)


def test_every_effect_has_every_outcome_and_both_estimands(core: pd.DataFrame) -> None:
    found = effects(core, CORE)
    assert list(found.columns) == EFFECT_COLUMNS
    names = ["base - random", "teacher - random", "teacher - base"]
    names = [*(f"init: {name}" for name in names), "alpha: 0.2 - 1.0"]
    names += ["init x alpha: (teacher - random) at 0.2 - at 1.0"]
    assert list(found["effect"].unique()) == names
    of_one = found[found["effect"] == INIT]
    assert list(of_one["outcome"]) == ["macro", "macro", "worst", *LANGUAGES]
    assert (of_one["estimand"] == "new languages").sum() == 1


def test_new_languages_have_the_same_estimate_and_another_interval(core: pd.DataFrame) -> None:
    found = effects(core, CORE)
    these, new = row(found, INIT), row(found, INIT, estimand="new languages")
    assert new["estimate"] == pytest.approx(these["estimate"])
    assert new["low"] != pytest.approx(these["low"], abs=1e-6)


def row_of_factor(found: pd.DataFrame, factor: str) -> pd.Series:
    return found[found["factor"] == factor].iloc[0]


def test_an_effect_says_which_factors_it_averages_over(core: pd.DataFrame) -> None:
    found = effects(core, CORE)
    assert row(found, INIT)["averaged_over"] == "alpha"
    assert row(found, "alpha: 0.2 - 1.0", "swa")["averaged_over"] == "init"
    assert row_of_kind(found, "interaction")["averaged_over"] == ""
    one = core[core["alpha"] == 1.0]
    assert row(effects(one, CORE), INIT)["averaged_over"] == ""
    claim = copying_and_distilling(core, CORE)
    assert claim is not None
    assert set(claim["averaged_over"]) == {""}  # init and alpha are its sides


def test_an_interaction_with_the_data_names_that_it_averages_over_what_the_teacher_saw() -> None:
    """At all of the data the two kinds of teacher are one arm."""
    factors: dict[str, tuple[Value, ...]] = {
        "init": ("random", "teacher"),
        "data_fraction": (0.1, 1.0),
        "teacher_data": ("full", "same"),
    }
    results = table(
        factors,
        noisy(lambda cell: 0.5),
        without=lambda cell: ("teacher_data",) if cell["data_fraction"] == 1.0 else (),
    )
    found = effects(results, factors)
    assert row(found, "init x data_fraction: (teacher - random) at 1.0 - at 0.1")["averaged_over"] == (
        "teacher_data"
    )
    assert row(found, "teacher_data: same - full")["averaged_over"] == "init"


def test_one_seed_gives_estimates_without_intervals(core: pd.DataFrame) -> None:
    results = core[core["seed"] == 1]
    found = effects(results, CORE)
    assert found["estimate"].notna().all()
    assert found[["low", "high", "p", "p_holm", "equivalent_within"]].isna().all(axis=None)
    assert (found["seeds"] == 1).all()
    assert arms_compared(results)["p_holm"].isna().all()
    assert winner(arms_compared(results)) is None


@pytest.mark.parametrize("keep", ["nothing", "one arm"])
def test_where_there_is_nothing_to_compare_the_tables_are_empty(core: pd.DataFrame, keep: str) -> None:
    results = core[core["arm"] == "init=base alpha=1.0"] if keep == "one arm" else core.iloc[:0]
    assert list(effects(results, CORE).columns) == EFFECT_COLUMNS
    assert len(effects(results, CORE)) == 0
    assert copying_and_distilling(results, CORE) is None
    assert len(arms_compared(results)) == 0
    assert winner(arms_compared(results)) is None
    assert variance_shares(results, CORE)["share"].isna().all()


def of_two_inits(results: pd.DataFrame) -> pd.DataFrame:
    return results[results["init"] != "base"]


@pytest.mark.parametrize("estimand", ["these languages", "new languages"])
def test_copying_minus_distilling_is_the_difference_of_the_two_main_effects_of_its_inits(
    core: pd.DataFrame, estimand: str
) -> None:
    claim = copying_and_distilling(core, CORE)
    assert claim is not None
    assert list(claim.columns) == EFFECT_COLUMNS
    found = effects(of_two_inits(core), CORE)
    name = claim["effect"].iloc[0]
    init, distilled = row(found, INIT, estimand=estimand), row(found, "alpha: 0.2 - 1.0", estimand=estimand)
    one = row(claim, name, estimand=estimand)
    assert one["estimate"] == pytest.approx(init["estimate"] - distilled["estimate"])
    assert one["low"] < 0.15 < one["high"]
    assert (one["cells"], one["cells_dropped"]) == (1, 0)
    d = per_seed(core, "macro", init="teacher", alpha=1.0) - per_seed(core, "macro", init="random", alpha=0.2)
    assert row(claim, name)["p"] == pytest.approx(stats.ttest_1samp(d, 0).pvalue)
    both = claim[(claim["outcome"] == "macro") & (claim["estimand"] == estimand)]
    assert list(both["factor"]) == [COPY_MINUS_DISTILLATION, COPY_X_DISTILLATION]
    assert both["p_holm"].to_numpy() == pytest.approx(holm(both["p"].to_numpy()))


def test_the_two_effects_of_the_claim_are_of_the_same_runs_as_its_number() -> None:
    whole = missing()
    found = effects(of_two_inits(whole), CORE)
    both = row(found, INIT)["estimate"], row(found, "alpha: 0.2 - 1.0")["estimate"]
    of_whole = claim_parts(whole, CORE)
    assert of_whole is not None
    assert of_whole[:2] == pytest.approx(both)
    assert of_whole.alphas == (0.2,)
    lacking = missing(("random", 1.0, 2), ("base", 0.2, 4), ("base", 0.2, 5))
    claim = copying_and_distilling(lacking, CORE)
    parts = claim_parts(lacking, CORE)
    assert claim is not None
    assert parts is not None
    assert claim["seeds"].iloc[0] == 4  # base has no part in it
    assert parts.init - parts.distillation == pytest.approx(claim["estimate"].iloc[0])
    assert claim_parts(whole, {"init": CORE["init"]}) is None


@pytest.mark.parametrize(
    ("more", "inert"),
    [
        ({}, ()),
        ({"loss": ("kl", "mse")}, ("loss",)),
        ({"loss": ("kl", "mse"), "temperature": (1.0, 2.0, 4.0)}, ("loss", "temperature")),
        ({"depth": (2, 4)}, ()),
    ],
)
def test_where_copying_and_distilling_do_the_same_the_claim_is_zero(more: Any, inert: Any) -> None:
    """Both together give 0.1, the one or the other none, and base nothing; loss acts below alpha 1 alone."""
    factors = CORE | more
    results = table(
        factors,
        noisy(lambda cell: 0.5 + 0.1 * (cell["init"] == "teacher" and cell["alpha"] < 1)),
        without=lambda cell: inert if cell["alpha"] == 1.0 else (),
    )
    claim = copying_and_distilling(results, factors)
    parts = claim_parts(results, factors)
    assert claim is not None
    assert parts is not None
    assert claim["estimate"].iloc[0] == pytest.approx(0, abs=0.01)
    assert parts[:2] == pytest.approx((0.05, 0.05), abs=0.01)
    assert row_of_factor(claim, COPY_X_DISTILLATION)["estimate"] == pytest.approx(0.1, abs=0.02)


def test_several_alphas_below_one_count_alike() -> None:
    """Also where one of them has more cells."""
    factors = CORE | {"alpha": (0.0, 0.5, 1.0), "loss": ("kl", "mse")}
    results = table(
        factors,
        noisy(lambda cell: 0.5 + 0.2 * (cell["init"] == "teacher") - 0.1 * cell["alpha"]),
        without=lambda cell: ("loss",) if cell["alpha"] == 1.0 else (),
    )
    results = results[~((results["alpha"] == 0.5) & (results["loss"] == "mse"))]
    claim = copying_and_distilling(results, factors)
    assert claim is not None
    copied = per_seed(results, "macro", init="teacher", alpha=1.0).mean()
    distilled = [per_seed(results, "macro", init="random", alpha=alpha).mean() for alpha in (0.0, 0.5)]
    assert claim["estimate"].iloc[0] == pytest.approx(copied - np.mean(distilled))
    assert claim["cells"].iloc[0] == 3
    parts = claim_parts(results, factors)
    assert parts is not None
    assert parts.alphas == (0.0, 0.5)


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
    assert copying_and_distilling(table(factors, noisy(lambda cell: 0.5)), factors) is None


def test_languages_are_one_family_within_an_effect(core: pd.DataFrame) -> None:
    found = effects(core, CORE)
    rows = found[(found["effect"] == INIT) & found["outcome"].isin(LANGUAGES)]
    assert rows["p_holm"].to_numpy() == pytest.approx(holm(rows["p"].to_numpy()))
    assert (rows["p_holm"] > rows["p"]).any()


@pytest.mark.parametrize("outcome", ["macro", "worst"])
def test_main_effects_are_one_family_and_interactions_another(core: pd.DataFrame, outcome: str) -> None:
    found = effects(core, CORE)
    found = found[(found["outcome"] == outcome) & (found["estimand"] == "these languages")]
    for kind, members in (("main", 4), ("interaction", 1)):
        rows = found[found["kind"] == kind]
        assert len(rows) == members
        assert rows["p_holm"].to_numpy() == pytest.approx(holm(rows["p"].to_numpy()))
