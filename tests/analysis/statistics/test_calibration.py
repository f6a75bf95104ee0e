"""Intervals and tests against simulated studies, the noisy tuning step included, whose truth is known.

`python -m tests.benchmarks.calibration` is the longer form, with more scenarios. A share of n studies strays
by up to three standard errors, sqrt(p (1 - p) / n), from what it estimates.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis.record.design import confirmed
from analysis.record.domain import Value
from analysis.statistics.conclusion import DISTILLING, DOWN, UP, conclusion
from analysis.statistics.effects.estimates import effects
from analysis.statistics.fractions import fraction_interaction
from analysis.statistics.intervals import MARGIN
from analysis.verdict.audit import audit
from tests.analysis.calibrated import (
    Statistic,
    contrasts_of,
    coverage,
    f_tests,
    in_new_languages,
    language_claimed,
    macro,
    main_effect_claimed,
    of_a_language,
    rates,
    shown_equal,
    sign_concluded,
    steps,
    winners,
    without_texts,
    worst,
)
from tests.analysis.scenarios import (
    FLAT,
    INIT,
    LOW_RESOURCE,
    OF_ONE_ARM,
    POWER,
    PRECISE,
    RECORDS,
    SIX_FRACTIONS,
    STEPS,
    TEACHERS,
    TWO,
    above,
    of_two_effects,
)
from tests.analysis.simulate import Scenario, Studies, simulate
from tests.analysis.simulated_record import in_records, simulate_record
from tests.analysis.tuned import judged
from tests.analysis.tuned import studies as tuned_studies
from tests.analysis.tuned_cells import CELLS

pytestmark = pytest.mark.long  # simulates thousands of studies

DIVERGING = RECORDS["a record, 5 seeds"]


def studies(scenario: Scenario, n: int = 4000) -> Studies:
    return simulate(scenario, n, np.random.default_rng(1))


def strays(p: float, n: int) -> float:
    return 3 * math.sqrt(p * (1 - p) / n)


@pytest.mark.parametrize("seeds", [3, 5, 10])
def test_intervals_for_these_languages_cover(seeds: int) -> None:
    found = coverage(studies(Scenario(seeds=seeds)), INIT)
    assert 0.93 < found["covered"] < 0.97
    assert abs(found["bias"]) < 3


@pytest.mark.parametrize(("seeds", "languages"), [(5, 6), (5, 12), (10, 6), (10, 12)])
def test_intervals_for_new_languages_cover(seeds: int, languages: int) -> None:
    found = coverage(studies(Scenario(seeds=seeds, languages=languages), 2000), INIT, in_new_languages)
    assert 0.93 < found["covered"] < 0.97 + strays(0.97, 2000)


@pytest.mark.parametrize(
    "scenario",
    [
        *(Scenario(seeds=3, languages=languages) for languages in (3, 6, 52)),
        Scenario(arm_language=0, arm_seed=0),
    ],
    ids=["3 languages", "6 languages", "52 languages", "5 seeds, neither differs"],
)
def test_where_they_are_conservative_intervals_for_new_languages_are_not_far_too_wide(
    scenario: Scenario,
) -> None:
    """With three seeds, and where neither seeds nor languages differ: the price of covering at least 93%, and
    of never being narrower than the interval for these languages.
    """
    covered = coverage(studies(scenario, 2000), INIT, in_new_languages)["covered"]
    assert 0.93 - strays(0.93, 2000) < covered < 0.995


@pytest.mark.parametrize(
    ("scenario", "effect", "statistic"),
    [
        (Scenario(), INIT, worst),
        (Scenario(seeds=3, lost=0.1), INIT, worst),
        (Scenario(), INIT, of_a_language),
        (Scenario(LOW_RESOURCE), "C4", macro),
    ],
    ids=["worst language", "worst language, lost runs", "one language", "claim C4"],
)
def test_intervals_cover_in_the_worst_and_in_each_language_and_for_the_slope(
    scenario: Scenario, effect: str, statistic: Statistic
) -> None:
    found = coverage(studies(scenario, 1000), effect, statistic)
    assert 0.95 - strays(0.95, 1000) < found["covered"] < 0.95 + strays(0.95, 1000)
    assert abs(found["bias"]) < 3


ON_TEXTS = replace(FLAT, factors=TWO, texts=(100,), difficulty=OF_ONE_ARM)


@pytest.mark.parametrize(
    ("statistic", "scenario", "n"),
    [
        (macro, ON_TEXTS, 400),
        (macro, replace(ON_TEXTS, seeds=10), 400),
        (macro, replace(ON_TEXTS, texts=(20, 300)), 400),
        (of_a_language, ON_TEXTS, 400),
        (of_a_language, replace(ON_TEXTS, seeds=10, texts=(20, 300)), 400),
        (worst, replace(ON_TEXTS, seeds=10), 150),
    ],
    ids=["macro", "10 seeds", "macro, unequal", "a language", "20 texts, 10 seeds", "worst, 10 seeds"],
)
def test_intervals_over_seeds_and_texts_cover_and_over_seeds_only_they_do_not(
    statistic: Statistic, scenario: Scenario, n: int
) -> None:
    """Two arms that are equal, whose students err on texts of their own: of these texts, not of all texts."""
    found = studies(scenario, n)
    crossed, before = (coverage(found, INIT, by) for by in (statistic, without_texts(statistic)))
    assert 0.95 - strays(0.95, n) < crossed["covered"]
    assert crossed["claimed"] < 0.05 + strays(0.05, n)
    assert abs(crossed["bias"]) < 3
    assert before["covered"] < 0.85


def test_texts_do_not_make_equal_arms_winners() -> None:
    two = studies(replace(ON_TEXTS, seeds=10), 300)
    assert winners(two)["winner"] < 0.05 + strays(0.05, 300)
    assert winners(replace(two, correct=()))["winner"] > 0.3


def test_languages_share_their_variances_and_their_intervals_are_narrower_and_cover() -> None:
    """Over 3 seeds, without texts; alone a language has 2 degrees of freedom."""
    found = studies(replace(FLAT, factors=TWO, seeds=3), 1000)
    shared, alone = (coverage(found, INIT, by) for by in (of_a_language, without_texts(of_a_language)))
    assert 0.95 - strays(0.95, 1000) < shared["covered"] < 0.98
    assert shared["width"] < 0.8 * alone["width"]


def test_intervals_for_these_languages_do_not_cover_new_ones() -> None:
    """The two estimands differ, and the simulation can tell: the calibration tests can fail."""
    scenario = Scenario(arm_language=0.05)
    contrast = contrasts_of(found := studies(scenario, 1000))[INIT]
    covered = 0
    for values, new in zip(found.values, found.new, strict=True):
        paired = contrast.paired(values)
        assert paired is not None
        low, high = stats.ttest_1samp(paired.differences.mean(axis=1), 0).confidence_interval()
        covered += low <= paired.weights @ new <= high
    assert covered < 700


def test_percentile_bootstrap_intervals_do_not_cover() -> None:
    """Why they are not used: about .75 / .84 / .91 at 3 / 5 / 10 seeds were measured where .95 was meant."""
    found = studies(Scenario(seeds=3), 1000)
    contrast = contrasts_of(found)[INIT]
    draws = np.random.default_rng(2).integers(0, 3, (1000, 3))
    covered = 0
    for values, these in zip(found.values, found.these, strict=True):
        paired = contrast.paired(values)
        assert paired is not None
        low, high = np.quantile(paired.differences.mean(axis=1)[draws].mean(axis=1), [0.025, 0.975])
        covered += low <= paired.weights @ these <= high
    assert 650 < covered < 850


@pytest.mark.parametrize("seeds", [3, 10])
def test_without_a_difference_at_most_one_study_in_twenty_claims_one(seeds: int) -> None:
    """Neither that the best arm is above any other, nor a main effect."""
    flat = studies(replace(FLAT, seeds=seeds), 1000)
    allowed = 0.05 + strays(0.05, 1000)
    assert winners(flat)["better"] < allowed
    assert main_effect_claimed(flat) < allowed
    assert sign_concluded(flat) < allowed  # claim C1
    assert sign_concluded(studies(replace(FLAT, factors=TEACHERS, seeds=seeds))) < 0.05 + strays(0.05, 4000)


@pytest.mark.parametrize("effects", [(0.05, 0.05), (0.05, -0.05)])
def test_of_two_effects_of_one_size_one_is_named_the_larger_in_one_study_in_twenty(
    effects: tuple[float, float],
) -> None:
    """Claim C1; that one of them lowers accuracy makes it no smaller."""
    found = sign_concluded(studies(replace(FLAT, quality=of_two_effects(*effects)), 1000))
    assert 0.05 - strays(0.05, 1000) < found < 0.05 + strays(0.05, 1000)


def test_where_distilling_costs_accuracy_and_copying_does_nothing_copying_is_not_the_larger_effect() -> None:
    costly = studies(replace(FLAT, quality=of_two_effects(0.0, -0.11)), 500)
    codes = conclusion(costly.table(0), costly.scenario.factors).of(costly.values.mean(axis=3))
    assert (codes == DISTILLING + DOWN).mean() > 0.9
    assert not np.isin(codes, (UP, DOWN)).any()


def test_of_two_equal_arms_one_is_named_the_winner_in_one_study_in_twenty() -> None:
    """The hardest case: of more arms the luckiest would have to be above all others."""
    two = winners(studies(replace(FLAT, factors=TWO), 1000))
    assert 0.05 - strays(0.05, 1000) < two["winner"] < 0.05 + strays(0.05, 1000)


def test_without_a_difference_at_most_one_study_in_twenty_claims_one_in_any_language() -> None:
    """And of the shares of variance, over the three terms' F tests together."""
    assert language_claimed(studies(FLAT, 1000), INIT) < 0.05 + strays(0.05, 1000)
    found = f_tests(studies(replace(FLAT, seeds=3, languages=1), 80))
    terms = [found[term] for term in ("init", "alpha", "init x alpha")]
    assert np.mean(terms) < 0.05 + strays(0.05, 3 * 80)


@pytest.mark.parametrize(("statistic", "spread"), [(macro, 0.0), (in_new_languages, 0.004)])
def test_a_difference_as_large_as_the_margin_is_taken_for_none_in_one_study_in_twenty(
    statistic: Statistic, spread: float
) -> None:
    """And none at all is shown to be none: the runs are precise enough for it."""
    precise = replace(PRECISE, arm_language=spread)
    at_margin, none = (
        shown_equal(statistic(studies(replace(precise, quality=above(size, init="teacher")), n), INIT))
        for size, n in ((MARGIN, 1000), (0.0, 200))
    )
    assert at_margin < 0.05 + strays(0.05, 1000)
    assert none > 0.9


def test_of_two_equal_arms_far_above_the_others_none_wins() -> None:
    found = winners(studies(replace(FLAT, quality=above(0.2, init="teacher")), 500))
    assert found["winner"] < 0.05 + strays(0.05, 500)
    assert found["better"] > 0.9  # above the four others, which is true


def test_a_planted_interaction_is_found_with_the_power_of_its_size() -> None:
    """The copy gains 0.06 more at 1% of the data. Four arms, each with its own error over runs and languages,
    so that the difference has variance 4 (arm_seed^2 + rest^2 / L) in each of five seeds.
    """
    scenario = Scenario(
        factors=LOW_RESOURCE,
        curvature=0,
        arm_language=0,
        quality=above(0.06, init="teacher", data_fraction=0.01),
    )
    found = coverage(studies(scenario, 2000), POWER)
    assert isinstance(scenario.arm_seed, float)
    error = math.sqrt(4 * (scenario.arm_seed**2 + scenario.rest**2 / scenario.languages) / 5)
    critical = stats.t.ppf(0.975, 4)
    power = stats.nct.sf(critical, 4, 0.06 / error) + stats.nct.cdf(-critical, 4, 0.06 / error)
    assert 0.8 < power < 0.99
    assert found["claimed"] == pytest.approx(power, abs=strays(power, 2000))


@pytest.mark.parametrize(
    "scenario",
    [Scenario(lost=0.15), Scenario(failed=0.4), Scenario(trials=2, lost=0.1)],
    ids=["lost runs", "failed trials", "two trials and lost runs"],
)
def test_runs_lost_at_random_do_not_bias(scenario: Scenario) -> None:
    """Random init is far lower at alpha 1, so that an average over other cells would be far off."""

    def quality(cell: dict[str, Value]) -> float:
        return -0.3 * (cell["init"] == "random") * (cell["alpha"] == 1.0)

    found = coverage(studies(replace(scenario, quality=quality), 2000), INIT)
    assert abs(found["bias"]) < 3
    assert 0.93 < found["covered"] < 0.97


def test_a_noisy_search_leaves_differences_that_are_no_error_of_the_intervals() -> None:
    """Arms that are equal at their best values differ at those that two trials find, and this is claimed."""
    tuned = replace(FLAT, curvature=0.02, sampler="random")
    few, many = (coverage(studies(replace(tuned, trials=trials), 1000), INIT) for trials in (2, 64))
    assert few["claimed"] > 0.3 > 0.1 > many["claimed"]
    assert 0.93 < few["covered"] < 0.97


def test_a_noisy_search_names_winners_among_arms_that_are_equal_at_their_best() -> None:
    """Of two arms the one whose search was luckier, in far more than one study in twenty with few trials."""
    two = replace(FLAT, factors=TWO, curvature=0.02, sampler="random")
    few, more, many = (winners(studies(replace(two, trials=n), 200))["winner"] for n in (2, 4, 64))
    assert few > 0.3 > more > 0.1
    assert many < 0.05 + strays(0.05, 200)


def test_the_same_evenly_spread_points_in_all_arms_leave_less_to_luck() -> None:
    """With two search trials; with eight it is mostly validation's noise that misleads either."""
    two = replace(FLAT, factors=TWO, curvature=0.02, trials=2)
    spread, drawn = (winners(studies(replace(two, sampler=s), 1000))["winner"] for s in ("quasi", "random"))
    assert spread < 0.65 * drawn


@pytest.mark.parametrize("name", ["real widths", "narrower", "cliffs"])
def test_tuning_is_not_taken_for_an_effect(name: str) -> None:
    """Arms are equal at their best rates, and the widths of their optima differ: best against best is 0."""
    cell, n = CELLS[name], 60
    today, mended = (
        judged(tuned_studies(cell, n, interpolated, np.random.default_rng(1)), tuning)
        for interpolated, tuning in ((False, False), (True, True))
    )
    for claim in ("C1", "effect", "winner"):
        assert mended[claim] < 0.07 + strays(0.07, n)
    for held in ("covered", "pair"):
        assert mended[held] > 0.93 - strays(0.93, n)
        assert today[held] < 0.9  # the best tried rates, and intervals over seeds alone: the cells are hard
    assert mended["width"] < 3 * today["width"]


def test_a_study_as_a_table_gives_what_its_array_gives() -> None:
    found = studies(Scenario(lost=0.1), 3)
    table = effects(found.table(0), found.scenario.factors)
    for name, contrast in contrasts_of(found).items():
        if name != "C1":
            paired = contrast.paired(found.values[0])
            assert paired is not None
            rows = table[(table["effect"] == name) & (table["outcome"] == "macro")]
            assert rows["estimate"].to_numpy() == pytest.approx([paired.differences.mean()] * 2)


@pytest.mark.parametrize(("outcome", "statistic"), [("worst", worst), ("l00", of_a_language)])
def test_the_table_of_effects_has_the_intervals_of_worst_and_of_a_language(
    outcome: str, statistic: Statistic
) -> None:
    found = studies(Scenario(lost=0.1), 3)
    table = effects(found.table(0), found.scenario.factors)
    (row,) = table[(table["effect"] == INIT) & (table["outcome"] == outcome)].to_dict("records")
    interval, _ = next(iter(statistic(found, INIT)))
    assert (row["low"], row["high"], row["p"]) == pytest.approx((interval.low, interval.high, interval.p))


def test_the_answer_of_low_resource_has_the_interval_of_the_slope() -> None:
    found = studies(Scenario(SIX_FRACTIONS, lost=0.02), 3)
    intervals = list(macro(found, "C4"))
    assert len(intervals) == 3
    for study, (interval, _) in enumerate(intervals):
        (row,) = fraction_interaction(found.table(study), SIX_FRACTIONS).to_dict("records")
        assert (row["low"], row["high"], row["p"]) == pytest.approx((interval.low, interval.high, interval.p))


@pytest.mark.parametrize(
    "name", [f"5 seeds, 90% at about report 5 of {n}, a copy's at half" for n in (60, 4)]
)
def test_intervals_of_the_steps_to_a_score_cover(name: str) -> None:
    """Claim C5, each init's own final score; of 150 intervals. With 4 reports a run a straight line between
    two of them would put the ratio of steps up by .38 of a standard error.
    """
    scenario, reports = STEPS[name]
    found = rates(steps(studies(scenario, 150), INIT, reports=reports))
    assert found["covered"] > 0.95 - strays(0.95, 150)
    assert abs(found["bias"]) < 3  # standard errors of the mean of all, .25 of one estimate's


def test_intervals_cover_through_selection_and_divergence() -> None:
    """Which runs diverge depends on their learning rate; of 12 intervals fewer than 9 cover once in 400."""
    rng = np.random.default_rng(1)
    found = rates(in_records([simulate_record(DIVERGING, rng) for _ in range(12)], INIT))
    assert found["covered"] * found["studies"] >= 9
    assert abs(found["bias"]) < 3


def test_what_diverged_or_failed_is_counted_and_is_no_score() -> None:
    rng = np.random.default_rng(2)
    records = [simulate_record(DIVERGING, rng).record for _ in range(3)]
    for record in records:
        trials, results = record.trials, confirmed(record)
        outcome = trials.set_index("key")["outcome"]
        assert set(outcome[list(record.best.values())]) == {"complete"}
        confirm = trials[trials["phase"] == "confirm"]
        complete, diverged = (confirm[confirm["outcome"] == end] for end in ("complete", "diverged"))
        assert len(results) == len(complete) * (DIVERGING.languages + 2)
        assert results["value"].min() > 0.1
        assert {found.arm for found in audit(record) if found.rule == "survivors"} == set(diverged["arm"])
    ends = pd.concat([record.trials for record in records]).groupby("phase")["outcome"].value_counts()
    assert min(ends["search", "diverged"], ends["confirm", "diverged"], ends["confirm", "failed"]) > 0
