"""The interval of a contrast: seeds and texts crossed, and what is done where texts are not on record."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis.statistics.effects.arms import arms_compared
from analysis.statistics.effects.estimates import effects
from analysis.statistics.effects.precision import (
    interval_for,
    interval_of,
    intervals_of_languages,
    new_languages_of,
)
from analysis.statistics.effects.texts import Spread
from analysis.statistics.fractions import fraction_interaction
from analysis.statistics.intervals import new_languages, paired_t
from tests.analysis.calibrated import contrasts_of
from tests.analysis.effect_tables import row
from tests.analysis.scenarios import FLAT, INIT, LOW_RESOURCE, TWO
from tests.analysis.simulate import Studies, simulate

D = np.array([0.01, 0.03, 0.02, 0.05])
OF_SEEDS = D.var(ddof=1) / 4


def half(interval: object) -> float:
    return float(interval.high - interval.low) / 2  # type: ignore[attr-defined]


def study(**more: object) -> Studies:
    scenario = replace(FLAT, factors=TWO, seeds=4, languages=4, texts=(60, 30), **more)  # type: ignore[arg-type]
    return simulate(scenario, 1, np.random.default_rng(5))


def test_without_texts_it_is_the_paired_t_over_seeds() -> None:
    assert interval_for(D, None) == paired_t(D)
    assert interval_for(D, None).texts == 0


def test_the_parts_of_seeds_and_texts_add_and_so_do_their_degrees_of_freedom() -> None:
    found = interval_for(D, Spread(shared=2 * OF_SEEDS, whole=3 * OF_SEEDS, df=60, texts=80))
    assert found.estimate == pytest.approx(D.mean())
    assert (found.n, found.texts) == (4, 80)
    assert found.df == pytest.approx(4 / (1 / 3 + 3 / 60))
    assert half(found) == pytest.approx(stats.t.ppf(0.975, found.df) * np.sqrt(3 * OF_SEEDS))


@pytest.mark.parametrize(
    ("shared", "whole", "expected"), [(-0.5, 0.2, 1.0), (0.1, 5.0, 5.0), (0.5, 0.6, 1.5)]
)
def test_a_variance_is_at_least_either_part_with_its_residual(
    shared: float, whole: float, expected: float
) -> None:
    spread = Spread(shared * OF_SEEDS, whole * OF_SEEDS, df=3, texts=4)
    found = interval_for(D, spread)
    assert found.df == pytest.approx(3)
    assert half(found) == pytest.approx(half(paired_t(D)) * np.sqrt(expected))


def test_seeds_that_agree_have_an_interval_if_their_texts_do_not() -> None:
    assert np.isnan(interval_for(np.full(4, 0.1), None).low)
    found = interval_for(np.full(4, 0.1), Spread(1e-4, 1.2e-4, df=30, texts=31))
    assert found.low < 0.1 < found.high


def test_new_languages_are_never_narrower_than_these() -> None:
    """If languages are alike and seeds differ, the interval for new languages has more degrees of freedom."""
    narrower = 0
    for seed in range(40):
        found = simulate(replace(FLAT, factors=TWO, seeds=3), 1, np.random.default_rng(seed))
        paired = contrasts_of(found)[INIT].paired(found.values[0])
        assert paired is not None
        these = interval_of(paired)
        narrower += half(new_languages(paired.differences)) < half(these)
        assert half(new_languages_of(paired, these)) >= half(these)
    assert narrower > 5


def test_languages_of_one_contrast_share_what_their_seeds_show() -> None:
    found = study()
    contrast, runs = contrasts_of(found)[INIT], found.runs(0)
    each = [contrast.on_languages(runs, [language]) for language in range(4)]
    shared = intervals_of_languages(each)
    for one, interval in zip(each, shared, strict=True):
        assert one is not None
        assert interval is not None
        alone = interval_of(one)
        assert interval.estimate == alone.estimate
        assert interval.df > alone.df
        assert interval.texts == alone.texts > 0


def test_the_tables_have_the_intervals_of_the_arrays() -> None:
    """From the answers of the record, to effects, worst, each language and the comparison of arms."""
    found = study(arm_language=0.05)
    results, correct, runs = found.table(0), found.answers(0), found.runs(0)
    table = effects(results, TWO, correct=correct)
    contrast = contrasts_of(found)[INIT]
    macro, worst = contrast.on_languages(runs, range(4)), contrast.on_the_lowest(runs, range(4))
    assert macro is not None
    assert worst is not None
    for outcome, paired in (("macro", macro), ("worst", worst)):
        told, expected = row(table, INIT, outcome), interval_of(paired)
        assert (told["low"], told["high"]) == pytest.approx((expected.low, expected.high))
        assert told["texts"] == expected.texts
    assert row(table, INIT)["texts"] == 180
    assert row(table, INIT, "l00")["texts"] == 60
    assert row(table, INIT, estimand="new languages")["texts"] == 180
    (pair,) = arms_compared(results, correct=correct).to_dict("records")
    assert pair["high"] - pair["low"] == pytest.approx(row(table, INIT)["high"] - row(table, INIT)["low"])
    assert pair["texts"] == 180


def test_without_the_texts_of_one_run_intervals_are_over_seeds_only() -> None:
    found = study()
    correct = dict(found.answers(0))
    del correct["init=teacher", 2]
    with_gap, without = (effects(found.table(0), TWO, correct=one) for one in (correct, None))
    pd.testing.assert_frame_equal(with_gap, without)
    assert (with_gap["texts"] == 0).all()


def test_the_slope_of_claim_c4_is_over_its_texts_too() -> None:
    scenario = replace(FLAT, factors=LOW_RESOURCE, seeds=4, languages=3, texts=(60, 30))
    found = simulate(scenario, 1, np.random.default_rng(5))
    slope = contrasts_of(found)["C4"].on_languages(found.runs(0), range(3))
    assert slope is not None
    expected = interval_of(slope)
    (told,) = fraction_interaction(found.table(0), LOW_RESOURCE, correct=found.answers(0)).to_dict("records")
    assert (told["low"], told["high"]) == pytest.approx((expected.low, expected.high))
    assert told["texts"] == 60 + 30 + 60
    (only_seeds,) = fraction_interaction(found.table(0), LOW_RESOURCE).to_dict("records")
    assert only_seeds["texts"] == 0
    assert told["high"] != pytest.approx(only_seeds["high"])


def test_an_arm_of_several_teachers_has_the_texts_of_all_its_runs() -> None:
    """Arms that differ only in the seed of the teacher are one arm, their mean."""
    factors = TWO | {"teacher_seed": (0, 1)}
    found = simulate(replace(FLAT, factors=factors, texts=(60,)), 1, np.random.default_rng(5))
    (pair,) = arms_compared(found.table(0), correct=found.answers(0)).to_dict("records")
    contrast = contrasts_of(found)[INIT].on_languages(found.runs(0), range(8))
    assert contrast is not None
    expected = interval_of(contrast)  # the effect of init is over both teachers as well
    assert pair["high"] - pair["low"] == pytest.approx(expected.high - expected.low)
    assert pair["texts"] == expected.texts == 480
