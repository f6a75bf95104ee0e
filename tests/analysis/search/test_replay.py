"""The study replayed at less: it agrees with itself, and draws what a smaller study would have had."""

from __future__ import annotations

import itertools
import time
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.search.replay import Draws, replay
from analysis.statistics.conclusion import Conclude
from analysis.statistics.effects.runs import Factors
from tests.analysis.tables import confirmed_table, search_table

INITS = {"init": ("random", "teacher")}
GRID = {"init": ("random", "base", "teacher"), "alpha": (0.2, 1.0)}


def at_random(
    search: pd.DataFrame,
    results: pd.DataFrame,
    factors: Factors,
    conclude: Conclude | None = None,
    replays: int = 200,
    seed: int = 0,
) -> pd.DataFrame:
    """Replays of search trials that are drawn apart in each arm."""
    return replay(search, results, factors, Draws("apart", replays, seed), conclude)


def copy_wins(levels: dict[str, Any], seed: int) -> float:
    """By 0.1, give or take what a seed adds."""
    return (0.5 if levels["init"] == "teacher" else 0.4) + 0.001 * seed * (levels["init"] == "teacher")


def best_first(arms: list[str], *scores: float | str) -> pd.DataFrame:
    return search_table({arm: list(scores) for arm in arms})


def same(table: pd.DataFrame) -> dict[tuple[int, int], float]:
    return table.set_index(["trials_per_arm", "seeds"])["same"].to_dict()


def test_the_whole_study_concludes_what_it_concluded() -> None:
    rng = np.random.default_rng(1)
    results = confirmed_table(
        GRID, lambda levels, seed: float(rng.normal(0.5 + 0.1 * (levels["init"] == "teacher"), 0.01))
    )
    arms = results["arm"].unique()
    search = search_table({arm: rng.uniform(0.3, 0.6, 4).tolist() for arm in arms})
    table = at_random(search, results, GRID, replays=50)
    assert list(table.columns) == ["trials_per_arm", "seeds", "share_of_trials", "replays", "same"]
    assert list(zip(table["trials_per_arm"], table["seeds"], strict=True)) == list(
        itertools.product((1, 2, 3, 4), (3, 4, 5))
    )
    assert table.iloc[-1]["same"] == table.iloc[-1]["share_of_trials"] == 1
    assert table["same"].between(0, 1).all()


def test_with_fewer_seeds_than_the_audit_lets_pass_nothing_would_have_been_concluded() -> None:
    """So such replays are none; but a study that has no more itself is replayed with what it has."""
    search = best_first(["init=random", "init=teacher"], 0.5, 0.5)
    for seeds, replayed in ((5, {3, 4, 5}), (3, {3}), (2, {2})):
        results = confirmed_table(INITS, copy_wins, seeds=seeds)
        assert set(at_random(search, results, INITS)["seeds"]) == replayed


def test_trials_are_counted_in_both_phases() -> None:
    results = confirmed_table(INITS, copy_wins, seeds=4)
    search = search_table({"init=random": [0.4, 0.5, 0.6, 0.7], "init=teacher": [0.4, "diverged"]})
    shares = at_random(search, results, INITS).set_index(["trials_per_arm", "seeds"])["share_of_trials"]
    assert shares[1, 3] == pytest.approx((1 + 1 + 2 * 3) / 14)
    assert shares[3, 3] == pytest.approx((3 + 2 + 2 * 3) / 14)
    assert shares[4, 4] == 1


def test_a_clear_study_needs_no_search_where_all_trials_score_alike() -> None:
    results = confirmed_table(INITS, copy_wins)
    table = at_random(best_first(["init=random", "init=teacher"], 0.5, 0.5, 0.5), results, INITS)
    assert set(table["same"]) == {1.0}


def test_a_conclusion_that_hangs_on_one_trial_is_drawn_as_often_as_that_trial() -> None:
    """The copy is 0.1 ahead; without the one trial that its search found it is 0.4 behind."""
    results = confirmed_table(INITS, copy_wins)
    search = search_table({"init=random": [0.4] * 4, "init=teacher": [0.0, 0.0, 0.5, 0.0]})
    found = same(at_random(search, results, INITS, replays=2000))
    for b in (1, 2, 3, 4):
        assert found[b, 5] == pytest.approx(b / 4, abs=0.05)


def test_of_points_that_all_arms_tried_replays_hold_the_same_in_every_arm() -> None:
    """One point of four is good, for either init; whoever draws it alone wins."""
    results = confirmed_table(INITS, copy_wins)
    search = search_table({arm: [0.0, 0.0, 0.5, 0.0] for arm in ("init=random", "init=teacher")})
    alike = same(replay(search, results, INITS, Draws("alike", 500)))
    assert set(alike.values()) == {1.0}
    apart = same(replay(search, results, INITS, Draws("apart", 500)))
    assert apart[1, 5] == pytest.approx(1 - 3 / 16, abs=0.06)


def test_an_arm_that_has_fewer_of_the_points_gives_those_that_it_has() -> None:
    """The copy lacks the fourth point; its third is the good one, for which two of three have to be drawn."""
    results = confirmed_table(INITS, copy_wins)
    search = search_table({"init=random": [0.4] * 4, "init=teacher": [0.0, 0.0, 0.5]})
    found = same(replay(search, results, INITS, Draws("alike", 2000)))
    for b, share in ((1, 1 / 3), (2, 2 / 3), (3, 1), (4, 1)):
        assert found[b, 5] == pytest.approx(share, abs=0.05)


def test_trials_that_learnt_from_those_before_them_are_taken_in_order() -> None:
    """The third trial is what the search had learnt: at random it is as likely in any small budget."""
    results = confirmed_table(INITS, copy_wins)
    search = search_table({"init=random": [0.4] * 4, "init=teacher": [0.0, 0.0, 0.5, 0.0]})
    found = same(replay(search, results, INITS, Draws("first")))
    assert [found[b, 5] for b in (1, 2, 3, 4)] == [0, 0, 1, 1]


def test_of_an_adaptive_search_seeds_are_still_drawn() -> None:
    results = confirmed_table(INITS, lambda levels, seed: seed / 10 + 0.01 * (levels["init"] == "teacher"))
    given: list[np.ndarray] = []

    def conclude(macro: np.ndarray) -> np.ndarray:
        given.append(macro)
        return np.ones((len(macro), 1), dtype=int)

    search = search_table({"init=random": [0.2, 0.5], "init=teacher": [0.1, 0.5]})
    table = replay(search, results, INITS, Draws("first"), conclude)
    three_seeds = given[1]
    assert len({tuple(drawn) for drawn in np.sort(three_seeds[:, 0], axis=1).round(3)}) == 10
    gaps = three_seeds[:, 1] - three_seeds[:, 0]
    assert gaps == pytest.approx(np.full((10, 3), 0.01 - 0.4 + 0.3))
    assert table.set_index(["trials_per_arm", "seeds"])["replays"].to_dict() == {
        (b, s): {3: 10, 4: 5, 5: 1}[s] for b in (1, 2) for s in (3, 4, 5)
    }


def test_where_there_are_too_many_choices_of_seeds_they_are_drawn_of_an_adaptive_search_too() -> None:
    results = confirmed_table(INITS, copy_wins, seeds=5)
    search = best_first(["init=random", "init=teacher"], 0.4, 0.5)
    table = replay(search, results, INITS, Draws("first", 7))
    assert list(table["replays"]) == [7, 5, 1] * 2


def test_the_shift_is_the_gap_on_validation() -> None:
    """Of what the default rule is given: each arm's confirm scores, and those minus 0.3."""
    results = confirmed_table(INITS, copy_wins, seeds=2)
    search = search_table({"init=random": [0.7, 0.7], "init=teacher": [0.9, 0.6]})
    given: list[np.ndarray] = []

    def conclude(macro: np.ndarray) -> np.ndarray:
        given.append(macro)
        return np.ones((len(macro), 1), dtype=int)

    at_random(search, results, INITS, conclude, replays=40)
    whole, one, two = given
    assert whole[0] == pytest.approx(np.array([[0.4, 0.4], [0.501, 0.502]]))
    drawn = np.sort(one, axis=2)
    assert set(drawn[:, 1, 0].round(6)) == {0.501, 0.201}
    assert drawn[:, 0] == pytest.approx(np.full((40, 2), 0.4))
    assert np.sort(two, axis=2) == pytest.approx(np.broadcast_to(whole, (40, 2, 2)))


def test_seeds_are_drawn_alike_in_all_arms() -> None:
    results = confirmed_table(INITS, lambda levels, seed: seed / 10 + 0.01 * (levels["init"] == "teacher"))
    given: list[np.ndarray] = []

    def conclude(macro: np.ndarray) -> np.ndarray:
        given.append(macro)
        return np.ones((len(macro), 1), dtype=int)

    at_random(best_first(["init=random", "init=teacher"], 0.5), results, INITS, conclude, replays=300)
    _, three, *_ = given
    assert three.shape == (300, 2, 3)
    assert three[:, 1] - three[:, 0] == pytest.approx(np.full((300, 3), 0.01))
    drawn = np.sort(three[:, 0], axis=1).round(3)
    assert len({tuple(seeds) for seeds in drawn}) == 10  # all sets of 3 of 5 seeds
    assert (np.diff(drawn, axis=1) > 0).all()


def test_an_arm_whose_draw_holds_no_complete_trial_has_no_runs() -> None:
    results = confirmed_table(INITS, copy_wins, seeds=2)
    search = search_table({"init=random": [0.4, 0.4], "init=teacher": [0.5, "pruned"]})
    given: list[np.ndarray] = []

    def conclude(macro: np.ndarray) -> np.ndarray:
        given.append(macro)
        return np.ones((len(macro), 1), dtype=int)

    at_random(search, results, INITS, conclude, replays=200)
    lacking = np.isnan(given[1]).all(axis=2)
    assert not lacking[:, 0].any()
    assert 0.35 < lacking[:, 1].mean() < 0.65
    assert np.isfinite(given[2]).all()


def test_what_a_pruned_trial_had_reached_selects_nothing() -> None:
    results = confirmed_table(INITS, copy_wins)
    search = search_table({"init=random": [0.4, 0.4], "init=teacher": [0.5, "pruned"]})
    search.loc[search["outcome"] == "pruned", "value"] = 0.9
    assert same(at_random(search, results, INITS, replays=1000))[1, 5] == pytest.approx(0.5, abs=0.06)


def test_a_study_that_shows_nothing_has_nothing_to_agree_on() -> None:
    """Few seeds show little, so replays that show nothing would agree with such a study most of the time."""
    alike = confirmed_table(
        INITS, lambda levels, seed: 0.5 + (-1) ** seed * 0.1 * (levels["init"] == "random")
    )
    search = best_first(["init=random", "init=teacher"], 0.5, 0.5)
    assert at_random(search, alike, INITS)["same"].isna().all()
    assert at_random(search, confirmed_table(INITS, copy_wins), INITS)["same"].notna().all()


def test_what_the_study_does_not_show_is_no_part_of_the_agreement() -> None:
    """Of two claims the study shows the first. Replays show the first half of the time, the second always."""
    results = confirmed_table(INITS, copy_wins)
    search = search_table({"init=random": [0.4] * 4, "init=teacher": [0.0, 0.0, 0.5, 0.0]})
    whole = 0.5 + 0.003

    def conclude(macro: np.ndarray) -> np.ndarray:
        good = macro[:, 1].mean(axis=1) > 0.4
        of_study = len(macro) == 1 and macro.mean() == pytest.approx((0.4 + whole) / 2)
        return np.stack([good, np.full(len(macro), 0 if of_study else 2)], axis=1).astype(int)

    found = same(at_random(search, results, INITS, conclude, replays=2000))
    for b in (1, 2, 3, 4):
        assert found[b, 5] == pytest.approx(b / 4, abs=0.05)


def test_low_power_is_not_agreement() -> None:
    """The study shows its winner with five seeds; with three, few replays do."""
    ahead = [0.01, 0.03, 0.05, 0.02, 0.06]
    results = confirmed_table(
        INITS, lambda levels, seed: 0.5 + ahead[seed - 1] * (levels["init"] == "teacher")
    )
    found = same(at_random(best_first(["init=random", "init=teacher"], 0.5), results, INITS))
    assert found[1, 5] == 1
    assert 0 < found[1, 3] < 0.3


def test_where_alpha_is_fixed_the_slope_is_replayed_and_not_the_winner() -> None:
    """The copy's lead grows as data shrinks, by what one good trial finds; the best arm is at all data."""
    factors = {"init": ("random", "teacher"), "data_fraction": (0.01, 0.1, 1.0)}

    def score(levels: dict[str, Any], seed: int) -> float:
        less = -float(np.log10(levels["data_fraction"]))
        return 0.5 - 0.1 * less + (0.05 + 0.001 * seed) * less * (levels["init"] == "teacher")

    results = confirmed_table(factors, score)
    search = search_table(
        {
            arm: [0.0, 0.0, 0.5, 0.0] if arm == "init=teacher data_fraction=0.01" else [0.4] * 4
            for arm in results["arm"].unique()
        }
    )
    found = same(at_random(search, results, factors, replays=2000))
    for b in (1, 2, 3, 4):
        assert found[b, 5] == pytest.approx(b / 4, abs=0.05)


def test_draws_are_the_same_every_time() -> None:
    rng = np.random.default_rng(2)
    results = confirmed_table(
        INITS, lambda levels, seed: float(rng.normal(0.5 + 0.1 * (levels["init"] == "teacher"), 0.01))
    )
    search = search_table({arm: rng.uniform(0.3, 0.6, 6).tolist() for arm in results["arm"].unique()})
    once, again, other = (at_random(search, results, INITS, replays=60, seed=seed) for seed in (0, 0, 1))
    pd.testing.assert_frame_equal(once, again)
    assert not once["same"].equals(other["same"])


def test_one_seed_or_no_run_cannot_be_replayed() -> None:
    search = best_first(["init=random", "init=teacher"], 0.5)
    assert len(at_random(search, confirmed_table(INITS, copy_wins, seeds=1), INITS)) == 0
    assert len(at_random(search, confirmed_table(INITS, lambda levels, seed: None), INITS)) == 0
    assert len(at_random(search[:0], confirmed_table(INITS, copy_wins), INITS)) == 0


def test_of_one_arm_there_is_nothing_to_conclude_or_replay() -> None:
    """Nor of arms that differ by the teacher's seed alone."""
    for factors in ({"depth": (3,)}, {"teacher_seed": (0, 1)}):
        results = confirmed_table(factors, lambda levels, seed: 0.5 + seed / 100)
        search = best_first(list(results["arm"].unique()), 0.4, 0.5)
        assert len(at_random(search, results, factors)) == 0


def test_many_budgets_are_thinned_out() -> None:
    search = best_first(["init=random", "init=teacher"], *[0.5] * 100)
    budgets = at_random(search, confirmed_table(INITS, copy_wins, seeds=2), INITS)["trials_per_arm"].unique()
    assert len(budgets) <= 12
    assert {budgets[0], budgets[-1]} == {1, 100}


def test_a_study_of_twelve_arms_is_replayed_in_seconds() -> None:
    factors = {"init": ("random", "base", "teacher"), "alpha": (0.0, 0.2, 0.5, 1.0)}
    rng = np.random.default_rng(0)
    results = confirmed_table(factors, lambda levels, seed: float(rng.normal(0.5, 0.01)))
    search = search_table({arm: rng.uniform(0.3, 0.6, 8).tolist() for arm in results["arm"].unique()})
    started = time.process_time()
    assert len(at_random(search, results, factors, replays=200)) == 8 * 3
    assert time.process_time() - started < 5
