"""The best of b trials: against all draws there are, and the band's coverage against simulation."""

from __future__ import annotations

import itertools
import math
import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.record.domain import Domain
from analysis.search.budget import budget_curve, expected_best, median_best, median_best_band
from tests.analysis.tables import search_table

RATE = {"learning_rate": Domain(1e-4, 1e-2, log=True)}
SCORES = st.lists(st.sampled_from([math.nan, 0.1, 0.2, 0.35, 0.5, 0.5, 0.9]), min_size=1, max_size=7)


def best_of_all_draws(values: list[float], b: int) -> list[float]:
    """The best of every draw of b; NaN where none of it has a score."""
    draws = itertools.combinations(values, b)
    return [max((v for v in draw if not math.isnan(v)), default=math.nan) for draw in draws]


@given(values=SCORES)
def test_the_expectation_is_the_mean_over_all_draws_that_hold_a_score(values: list[float]) -> None:
    expected, found = expected_best(np.array(values))
    for b in range(1, len(values) + 1):
        draws = best_of_all_draws(values, b)
        scored = [best for best in draws if not math.isnan(best)]
        assert found[b - 1] == pytest.approx(len(scored) / len(draws))
        mean = statistics.mean(scored) if scored else math.nan
        assert expected[b - 1] == pytest.approx(mean, nan_ok=True)


@given(values=SCORES)
def test_the_median_is_that_of_all_draws(values: list[float]) -> None:
    """The lower one of two, a draw without a score being lower than all with one."""
    median = median_best(np.array(values))
    for b in range(1, len(values) + 1):
        draws = [-math.inf if math.isnan(v) else v for v in best_of_all_draws(values, b)]
        lower = statistics.median_low(draws)
        assert median[b - 1] == pytest.approx(lower if lower > -math.inf else math.nan, nan_ok=True)


def test_of_all_trials_the_best_is_certain() -> None:
    values = np.array([0.3, 0.9, math.nan, 0.5])
    assert expected_best(values)[0][-1] == pytest.approx(0.9)
    assert median_best(values)[-1] == 0.9
    assert expected_best(values)[1] == pytest.approx([3 / 4, 1, 1, 1])


def test_many_trials_are_no_trouble() -> None:
    values = np.random.default_rng(0).permutation(2000) / 2000
    expected, found = expected_best(values)
    assert (np.diff(expected) > -1e-9).all()
    assert expected[[0, -1]] == pytest.approx([values.mean(), values.max()])
    assert found == pytest.approx(np.ones(2000))


@pytest.mark.parametrize("n", [5, 20, 60])
def test_a_band_covers_the_median_of_the_best_of_fresh_trials(n: int) -> None:
    """Scores uniform on 0..1, whose best of b has the median 2^(-1/b). A missing end bounds nothing."""
    rng = np.random.default_rng(n)
    bands = [median_best_band(values) for values in rng.random((1500, n))]
    low, high = (np.array(ends) for ends in zip(*bands, strict=True))
    truth = 0.5 ** (1 / np.arange(1, n + 1))
    for missed in ((low > truth).mean(axis=0), (high < truth).mean(axis=0)):
        assert missed.max() < 0.025 + 4 * math.sqrt(0.025 * 0.975 / 1500)
    missed = (low > truth).mean(axis=0) + (high < truth).mean(axis=0)
    assert missed.max() > 0.01  # exact, so not needlessly wide


def test_a_band_covers_where_scores_tie_and_trials_diverge() -> None:
    """A third of trials diverges, a third scores 0.4, a third 0.8: the best of 1 has the median 0.4."""
    rng = np.random.default_rng(3)
    values = rng.choice([math.nan, 0.4, 0.8], size=(1000, 12))
    bands = np.array([median_best_band(row) for row in values])
    for b, truth in ((1, 0.4), (2, 0.8), (6, 0.8)):
        missed = (bands[:, 0, b - 1] > truth) | (bands[:, 1, b - 1] < truth)
        assert missed.mean() < 0.05 + 4 * math.sqrt(0.05 * 0.95 / 1000)


def test_an_end_that_the_trials_cannot_give_is_missing() -> None:
    """Of eight trials: all eight are below the quantile at 2^(-1/2) with probability 1/16."""
    low, high = median_best_band(np.arange(1, 9) / 10)
    assert low[0] == 0.1
    assert high[0] == 0.8
    assert not np.isnan(low).any()
    assert np.isnan(high[1:]).all()
    low, high = median_best_band(np.array([math.nan, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8]))
    assert np.isnan(low[0])
    assert high[0] == 0.8


def test_a_curve_for_each_arm_over_the_trials_it_spent() -> None:
    search = search_table({"b": [0.5, "pruned", 0.7], "a": [0.2, "diverged"]})
    curves = budget_curve(search, "random", RATE)
    columns = ["arm", "trials", "expected", "found", "median", "low", "high", "adaptive"]
    assert list(curves.columns) == columns
    assert list(zip(curves["arm"], curves["trials"], strict=True)) == [
        ("b", 1),
        ("b", 2),
        ("b", 3),
        ("a", 1),
        ("a", 2),
    ]
    assert curves["expected"].to_list() == pytest.approx([0.6, 1.9 / 3, 0.7, 0.2, 0.2])
    assert curves["found"].to_list() == pytest.approx([2 / 3, 1, 1, 1 / 2, 1])


def test_what_a_pruned_trial_had_reached_does_not_count() -> None:
    search = search_table({"a": [0.5, "pruned"]})
    search.loc[1, "value"] = 0.9
    assert budget_curve(search, "random")["expected"].to_list() == pytest.approx([0.5, 0.5])


@pytest.mark.parametrize(
    ("sampler", "adaptive"),
    [("random", False), ("quasi", False), ("tpe", True), ("grid", True), (None, True)],
)
def test_bands_of_trials_that_were_not_drawn_at_random_are_flagged(
    sampler: str | None, adaptive: bool
) -> None:
    search = search_table({"a": [0.5, 0.6]}).assign(learning_rate=["0.001", "0.002"])
    assert set(budget_curve(search, sampler, RATE)["adaptive"]) == {adaptive}


def test_trials_of_levels_alone_are_drawn_without_replacement_and_have_no_band() -> None:
    """The ledger asks for no point twice. Arm b tunes a range besides; in a it has no effect."""
    search = search_table({"a": [0.5, 0.6], "b": [0.5, 0.6]})
    search = search.assign(batch_size="16", learning_rate=[None, None, "0.001", "0.002"])
    nuisance = RATE | {"batch_size": Domain(levels=(16, 32, 64))}
    adaptive = budget_curve(search, "random", nuisance).groupby("arm")["adaptive"].unique()
    assert adaptive.map(list).to_dict() == {"a": [True], "b": [False]}


def test_where_what_was_tuned_is_not_known_there_is_no_band() -> None:
    search = search_table({"a": [0.5, 0.6]}).assign(learning_rate=["0.001", "0.002"])
    assert set(budget_curve(search, "random")["adaptive"]) == {True}
    assert set(budget_curve(search, "random", {"learning_rate": Domain()})["adaptive"]) == {True}


def test_an_arm_with_pruned_trials_has_no_band() -> None:
    """What they would have scored is not known, and that they were pruned depends on the others."""
    search = search_table({"a": [0.5, "pruned"], "b": [0.5, "diverged"]}).assign(learning_rate="0.001")
    adaptive = budget_curve(search, "random", RATE).groupby("arm")["adaptive"].unique()
    assert adaptive.map(list).to_dict() == {"a": [True], "b": [False]}


def test_without_a_trial_the_table_is_empty() -> None:
    assert len(budget_curve(search_table({}), "tpe")) == 0
