"""Effects on tables made by hand: matched cells, missing runs, families of tests."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.formula.api import ols
from statsmodels.stats.anova import anova_lm

from analysis.statistics.effects.arms import arms_compared, winner
from analysis.statistics.effects.contrasts import COPY_MINUS_DISTILLATION, COPY_X_DISTILLATION
from analysis.statistics.effects.estimates import EFFECT_COLUMNS, claim_parts, copying_and_distilling, effects
from analysis.statistics.effects.variance import variance_shares
from analysis.statistics.intervals import holm

CORE: dict[str, tuple[Any, ...]] = {"init": ("random", "base", "teacher"), "alpha": (1.0, 0.2)}
LANGUAGES = ("deu", "swa", "yor", "zul")
Cell = dict[str, Any]


def noise(*key: object) -> float:
    """The same for the same key, whatever else is in the table."""
    return float(np.random.default_rng(list(repr(key).encode())).standard_normal())


def noisy(level: Callable[[Cell], float]) -> Callable[[Cell, int, str], float]:
    """An accuracy of `level` plus what a language, a seed and a run add."""

    def score(cell: Cell, seed: int, language: str) -> float:
        of_run = 0.01 * noise(*cell.items(), seed) + 0.01 * noise(*cell.items(), seed, language)
        return level(cell) + 0.05 * noise(language) + 0.03 * noise(seed) + of_run

    return score


def table(
    factors: Mapping[str, tuple[Any, ...]],
    score: Callable[[Cell, int, str], float | None],
    seeds: int = 5,
    without: Callable[[Cell], tuple[str, ...]] = lambda cell: (),
) -> pd.DataFrame:
    """A `confirmed` table. No score: no such run. `without`: factors that have no effect in a cell."""
    rows: dict[tuple[str, int, str], dict[str, Any]] = {}
    for values in itertools.product(*factors.values()):
        cell = dict(zip(factors, values, strict=True))
        cell = {name: None if name in without(cell) else level for name, level in cell.items()}
        arm = " ".join(f"{name}={level}" for name, level in cell.items() if level is not None)
        for seed in range(1, seeds + 1):
            scores = {language: score(cell, seed, language) for language in LANGUAGES}
            there = {language: value for language, value in scores.items() if value is not None}
            if there:
                there |= {"macro": float(np.mean(list(there.values()))), "worst": min(there.values())}
            for language, value in there.items():
                identity = {"arm": arm} | cell | {"seed": seed, "language": language, "value": value}
                rows[arm, seed, language] = identity
    return pd.DataFrame(list(rows.values()), columns=["arm", *factors, "seed", "language", "value"])


def row(
    found: pd.DataFrame, effect: str, outcome: str = "macro", estimand: str = "these languages"
) -> pd.Series:
    rows = found.set_index(["effect", "outcome", "estimand"]).loc[[(effect, outcome, estimand)]]
    assert len(rows) == 1
    return rows.iloc[0]


def per_seed(results: pd.DataFrame, outcome: str, **cell: Any) -> np.ndarray:
    """By seed, the mean over the arms of a cell."""
    rows = results[results["language"] == outcome]
    for name, level in cell.items():
        rows = rows[rows[name] == level]
    return rows.groupby("seed")["value"].mean().to_numpy()


TRUE = noisy(lambda cell: 0.4 + 0.2 * (cell["init"] == "teacher") + 0.05 * (cell["alpha"] == 0.2))
INIT = "init: teacher - random"


@pytest.fixture
def core() -> pd.DataFrame:
    return table(CORE, TRUE)


# ---------------------------------------------------------------- main effects


@pytest.mark.parametrize("outcome", ["macro", "worst", "swa"])
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
    assert found["languages"] == (1 if outcome == "swa" else 4)


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


def test_numbers_are_compared_with_the_first_and_the_one_before_and_names_with_all() -> None:
    factors = {"init": ("a", "b", "c", "d"), "data_fraction": (0.01, 0.1, 0.5, 1.0)}
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


# ---------------------------------------------------------------- cells that match


def test_an_arm_in_which_a_factor_has_no_effect_matches_every_level_of_it() -> None:
    """At alpha = 1 there is no temperature: its arm is one, and is compared with both temperatures."""
    factors = CORE | {"temperature": (1.0, 4.0)}
    level = noisy(lambda cell: 0.4 + 0.1 * (cell["temperature"] == 4.0) + 0.05 * (cell["alpha"] == 0.2))
    results = table(factors, level, without=lambda cell: ("temperature",) if cell["alpha"] == 1 else ())
    found = effects(results, factors)
    distilled = row(found, "alpha: 0.2 - 1.0")
    assert distilled["cells"] == 3 * 2
    difference = per_seed(results, "macro", alpha=0.2) - per_seed(results, "macro", alpha=1.0)
    assert distilled["estimate"] == pytest.approx(difference.mean())
    assert row(found, "temperature: 4.0 - 1.0")["cells"] == 3  # none at alpha = 1: both sides are one arm
    assert row(found, INIT)["cells"] == 3  # alpha 1, and two temperatures at 0.2
    assert "alpha x temperature" not in set(found["factor"])


def test_a_cell_that_one_level_lacks_is_no_part_of_the_effect() -> None:
    """The copy without distillation was never confirmed: the init effect is the one at alpha 0.2."""

    def score(cell: Cell, seed: int, language: str) -> float | None:
        return None if (cell["init"], cell["alpha"]) == ("teacher", 1.0) else TRUE(cell, seed, language)

    results = table(CORE, score)
    found = row(effects(results, CORE), INIT)
    distilled = results[results["alpha"] == 0.2]
    d = per_seed(distilled, "macro", init="teacher") - per_seed(distilled, "macro", init="random")
    assert found["estimate"] == pytest.approx(d.mean())
    assert found["cells"] == 1


def missing(*runs: tuple[str, float, int]) -> pd.DataFrame:
    """The core design without some (init, alpha, seed); random init is .3 lower at alpha 1."""

    def score(cell: Cell, seed: int, language: str) -> float | None:
        lower = 0.3 * (cell["init"] == "random") * (cell["alpha"] == 1.0)
        return None if (cell["init"], cell["alpha"], seed) in runs else TRUE(cell, seed, language) - lower

    return table(CORE, score)


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


def row_of_factor(found: pd.DataFrame, factor: str) -> pd.Series:
    return found[found["factor"] == factor].iloc[0]


def row_of_kind(found: pd.DataFrame, kind: str) -> pd.Series:
    return found[found["kind"] == kind].iloc[0]


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
    factors = {"init": ("random", "teacher"), "data_fraction": (0.1, 1.0), "teacher_data": ("full", "same")}
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


def test_three_seeds_come_before_more_cells() -> None:
    lost = [("random", 1.0, 1), ("random", 1.0, 2), ("random", 0.2, 3)]
    found = row(effects(missing(*lost), CORE), INIT)
    assert (found["seeds"], found["cells"]) == (4, 1)  # both cells would share two seeds


def test_a_language_that_one_arm_lacks_is_left_out_of_the_pairs() -> None:
    """`yor` is 0.5 below the others: macro with it on one side alone would be far off."""

    def score(cell: Cell, seed: int, language: str) -> float | None:
        if language == "yor" and cell["init"] == "random":
            return None
        return TRUE(cell, seed, language) - 0.5 * (language == "yor")

    found = effects(table(CORE, score), CORE)
    macro = row(found, INIT)
    assert (macro["languages"], macro["cells"]) == (3, 2)
    assert macro["estimate"] == pytest.approx(0.2, abs=0.02)
    assert row(found, INIT, "worst")["estimate"] == pytest.approx(0.2, abs=0.05)
    assert "yor" not in set(found[found["effect"] == INIT]["outcome"])
    assert row(found, "init: teacher - base", "macro")["languages"] == 4


def test_worst_is_the_lowest_language_of_each_run() -> None:
    """The copy's lowest is 0.1, in zul; random init's is 0.2, in deu."""
    lowest = {"random": {"deu": 0.2}, "teacher": {"zul": 0.1}}

    def score(cell: Cell, seed: int, language: str) -> float:
        return lowest.get(cell["init"], {}).get(language, 0.5) + 0.001 * noise(*cell.items(), seed)

    found = row(effects(table(CORE, score), CORE), INIT, "worst")
    assert found["estimate"] == pytest.approx(-0.1, abs=0.005)


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


# ---------------------------------------------------------------- interactions and claim C1


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


# ---------------------------------------------------------------- families


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


# ---------------------------------------------------------------- is there a winner?


def test_the_best_arm_is_compared_with_all_others_and_corrected_for_all_pairs(core: pd.DataFrame) -> None:
    found = arms_compared(core)
    assert set(found["arm"]) == {"init=teacher alpha=0.2"}
    arms = list(core["arm"].unique())
    macro = {arm: per_seed(core, "macro", arm=arm) for arm in arms}
    pairs = list(itertools.combinations(arms, 2))
    p = holm(np.array([stats.ttest_rel(macro[one], macro[other]).pvalue for one, other in pairs]))
    corrected = {frozenset(pair): value for pair, value in zip(pairs, p, strict=True)}
    for one in found.itertuples():
        d = macro[one.arm] - macro[one.other]
        low, high = stats.ttest_1samp(d, 0).confidence_interval(1 - 0.05 / 15)
        assert (one.estimate, one.low, one.high) == pytest.approx((d.mean(), low, high))
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


@pytest.mark.parametrize(("low", "wins"), [(0.001, True), (-0.001, False), (math.nan, False)])
def test_the_interval_against_the_next_arm_must_be_above_zero_to_win(low: float, wins: bool) -> None:
    """Holm's test rejects both; Bonferroni's interval need not."""
    rows = [("best", "last", 0.3, -0.1, 0.04), ("best", "next", 0.02, low, 0.04)]
    compared = pd.DataFrame(rows, columns=["arm", "other", "estimate", "low", "p_holm"])
    assert winner(compared) == ("best" if wins else None)


# ---------------------------------------------------------------- shares of variance


def macro_rows(results: pd.DataFrame) -> pd.DataFrame:
    return results[results["language"] == "macro"]


def test_shares_are_omega_squared_of_type_two_sums_of_squares() -> None:
    """Against statsmodels' own analysis of variance, on a table that lacks some runs."""
    results = missing(("random", 1.0, 2), ("base", 0.2, 4), ("base", 0.2, 5))
    fit = ols("value ~ C(seed) + C(init) * C(alpha)", macro_rows(results)).fit()
    expected = anova_lm(fit, typ=2)
    error = fit.mse_resid
    total = fit.centered_tss
    found = variance_shares(results, CORE).set_index("term")
    names = {"init": "C(init)", "alpha": "C(alpha)", "init x alpha": "C(init):C(alpha)", "seed": "C(seed)"}
    for term, name in names.items():
        one = expected.loc[name]
        share = max(0.0, (one["sum_sq"] - one["df"] * error) / (total + error))
        assert found.loc[term, "share"] == pytest.approx(share, abs=1e-12)
        assert found.loc[term, "p"] == pytest.approx(one["PR(>F)"])
        assert found.loc[term, "df"] == one["df"]
    assert found.loc["residual", "df"] == fit.df_resid
    assert found["share"].sum() == pytest.approx(1)


def test_a_factor_that_does_nothing_has_no_share() -> None:
    level = noisy(lambda cell: 0.4 + 0.2 * (cell["init"] == "teacher"))
    found = variance_shares(table(CORE, level), CORE).set_index("term")
    assert found.loc["init", "share"] > 0.8
    assert found.loc["alpha", "share"] < 0.01
    assert found.loc["alpha", "p"] > 0.01


def test_a_factor_without_effect_in_some_arms_explains_what_differs_in_the_others() -> None:
    factors = CORE | {"temperature": (1.0, 4.0)}

    def level(cell: Cell) -> float:
        return 0.4 + 0.1 * (cell["alpha"] == 0.2) + {None: 0.0, 1.0: -0.1, 4.0: 0.1}[cell["temperature"]]

    results = table(
        factors, noisy(level), without=lambda cell: ("temperature",) if cell["alpha"] == 1 else ()
    )
    found = variance_shares(results, factors).set_index("term")
    # of nine arms, six are at 0.4 and three at 0.6: temperature +-0.1 in six, alpha 0.1 between three and six
    assert found.loc["temperature", "share"] / found.loc["alpha", "share"] == pytest.approx(3, rel=0.1)
    assert found.loc["temperature", "share"] > 0.5
    assert (found.loc["alpha x temperature", "df"], found.loc["init x temperature", "df"]) == (0, 2)
    assert math.isnan(found.loc["alpha x temperature", "share"])


@pytest.mark.parametrize(("value", "seeds"), [(1 / 3, 3), (0.1, 5), (1.0, 3)])
def test_where_all_runs_tie_rounding_has_no_shares(value: float, seeds: int) -> None:
    """As where all students stay at chance."""
    found = variance_shares(table(CORE, lambda cell, seed, language: value, seeds=seeds), CORE)
    assert found[["share", "p"]].isna().all(axis=None)


def test_without_anything_left_over_there_are_no_shares(core: pd.DataFrame) -> None:
    """One seed and both factors' interaction: nothing says how large chance is."""
    found = variance_shares(core[core["seed"] == 1], CORE).set_index("term")
    assert found["share"].isna().all()
    assert found.loc["residual", "df"] == 0
