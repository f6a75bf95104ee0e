"""The table of effects: outcomes, estimands, and families of p values."""

from __future__ import annotations

import pandas as pd
import pytest

from analysis.record.domain import Value
from analysis.statistics.effects.arms import arms_compared, winner
from analysis.statistics.effects.estimates import EFFECT_COLUMNS, effects
from analysis.statistics.effects.variance import variance_shares
from analysis.statistics.intervals import holm
from tests.analysis.effect_tables import (
    CORE,
    INIT,
    LANGUAGES,
    noisy,
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
    assert len(arms_compared(results)) == 0
    assert winner(arms_compared(results)) is None
    assert variance_shares(results, CORE)["share"].isna().all()


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
