"""The study replayed at less: it agrees with itself and concludes by the report's rules."""

from __future__ import annotations

import itertools
import math
import time
import tracemalloc
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis import replay as replay_module
from analysis.effects import arms_compared, copy_minus_distillation, winner
from analysis.intervals import holm, paired_t
from analysis.replay import _holm, _paired_t, replay, winner_and_claim
from tests.analysis.tables import confirmed_table, search_table

INITS = {"init": ("random", "teacher")}
GRID = {"init": ("random", "base", "teacher"), "alpha": (0.2, 1.0)}

at_random = partial(replay, adaptive=False)


def copy_wins(levels: dict[str, Any], seed: int) -> float:
    """By 0.1, give or take what a seed adds."""
    return (0.5 if levels["init"] == "teacher" else 0.4) + 0.001 * seed * (levels["init"] == "teacher")


def best_first(arms: list[str], *scores: float | str) -> pd.DataFrame:
    return search_table({arm: list(scores) for arm in arms})


def same(table: pd.DataFrame) -> dict[tuple[int, int], float]:
    return table.set_index(["trials_per_arm", "seeds"])["same"].to_dict()


def test_the_whole_study_concludes_what_it_concluded() -> None:
    rng = np.random.default_rng(1)
    results = confirmed_table(GRID, lambda levels, seed: float(rng.normal(0.5, 0.01)))
    arms = results["arm"].unique()
    search = search_table({arm: rng.uniform(0.3, 0.6, 4).tolist() for arm in arms})
    table = at_random(search, results, GRID, replays=50)
    assert list(table.columns) == ["trials_per_arm", "seeds", "share_of_trials", "same"]
    assert list(zip(table["trials_per_arm"], table["seeds"], strict=True)) == list(
        itertools.product((1, 2, 3, 4), (2, 3, 4, 5))
    )
    assert table.iloc[-1]["same"] == table.iloc[-1]["share_of_trials"] == 1
    assert table["same"].between(0, 1).all()


def test_trials_are_counted_in_both_phases() -> None:
    results = confirmed_table(INITS, copy_wins, seeds=3)
    search = search_table({"init=random": [0.4, 0.5, 0.6, 0.7], "init=teacher": [0.4, "diverged"]})
    shares = at_random(search, results, INITS).set_index(["trials_per_arm", "seeds"])["share_of_trials"]
    assert shares[1, 2] == pytest.approx((1 + 1 + 2 * 2) / 12)
    assert shares[3, 2] == pytest.approx((3 + 2 + 2 * 2) / 12)
    assert shares[4, 3] == 1


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


def test_trials_that_learnt_from_those_before_them_are_taken_in_order() -> None:
    """The third trial is what the search had learnt: at random it is as likely in any small budget."""
    results = confirmed_table(INITS, copy_wins)
    search = search_table({"init=random": [0.4] * 4, "init=teacher": [0.0, 0.0, 0.5, 0.0]})
    found = same(replay(search, results, INITS, adaptive=True))
    assert [found[b, 5] for b in (1, 2, 3, 4)] == [0, 0, 1, 1]


def test_of_an_adaptive_search_seeds_are_still_drawn() -> None:
    results = confirmed_table(INITS, lambda levels, seed: seed / 10 + 0.01 * (levels["init"] == "teacher"))
    given: list[np.ndarray] = []

    def conclude(macro: np.ndarray) -> np.ndarray:
        given.append(macro)
        return np.zeros(len(macro), dtype=int)

    search = search_table({"init=random": [0.2, 0.5], "init=teacher": [0.1, 0.5]})
    replay(search, results, INITS, conclude, adaptive=True)
    two_seeds = given[1]
    assert len({tuple(pair) for pair in np.sort(two_seeds[:, 0], axis=1).round(3)}) == 10
    gaps = two_seeds[:, 1] - two_seeds[:, 0]
    assert gaps == pytest.approx(np.full((200, 2), 0.01 - 0.4 + 0.3))


def test_the_shift_is_the_gap_on_validation() -> None:
    """Of what the default rule is given: each arm's confirm scores, and those minus 0.3."""
    results = confirmed_table(INITS, copy_wins, seeds=2)
    search = search_table({"init=random": [0.7, 0.7], "init=teacher": [0.9, 0.6]})
    given: list[np.ndarray] = []

    def conclude(macro: np.ndarray) -> np.ndarray:
        given.append(macro)
        return np.zeros(len(macro), dtype=int)

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
        return np.zeros(len(macro), dtype=int)

    at_random(best_first(["init=random", "init=teacher"], 0.5), results, INITS, conclude, replays=300)
    _, two, *_ = given
    assert two.shape == (300, 2, 2)
    assert two[:, 1] - two[:, 0] == pytest.approx(np.full((300, 2), 0.01))
    assert len({tuple(pair) for pair in np.sort(two[:, 0], axis=1).round(3)}) == 10  # all pairs of 5 seeds
    assert (two[:, 0, 0] != two[:, 0, 1]).all()


def test_an_arm_whose_draw_holds_no_complete_trial_has_no_runs() -> None:
    results = confirmed_table(INITS, copy_wins, seeds=2)
    search = search_table({"init=random": [0.4, 0.4], "init=teacher": [0.5, "pruned"]})
    given: list[np.ndarray] = []

    def conclude(macro: np.ndarray) -> np.ndarray:
        given.append(macro)
        return np.zeros(len(macro), dtype=int)

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


def test_draws_are_the_same_every_time() -> None:
    rng = np.random.default_rng(2)
    results = confirmed_table(INITS, lambda levels, seed: float(rng.normal(0.5, 0.01)))
    search = search_table({arm: rng.uniform(0.3, 0.6, 6).tolist() for arm in results["arm"].unique()})
    once, again, other = (at_random(search, results, INITS, replays=60, seed=seed) for seed in (0, 0, 1))
    pd.testing.assert_frame_equal(once, again)
    assert not once["same"].equals(other["same"])


def test_one_seed_or_no_run_cannot_be_replayed() -> None:
    search = best_first(["init=random", "init=teacher"], 0.5)
    assert len(at_random(search, confirmed_table(INITS, copy_wins, seeds=1), INITS)) == 0
    assert len(at_random(search, confirmed_table(INITS, lambda levels, seed: None), INITS)) == 0
    assert len(at_random(search[:0], confirmed_table(INITS, copy_wins), INITS)) == 0


def test_many_budgets_are_thinned_out() -> None:
    search = best_first(["init=random", "init=teacher"], *[0.5] * 100)
    budgets = at_random(search, confirmed_table(INITS, copy_wins, seeds=2), INITS)["trials_per_arm"].unique()
    assert len(budgets) <= 12
    assert {budgets[0], budgets[-1]} == {1, 100}


@pytest.mark.parametrize("spread", [0.0005, 0.01, 0.1])
def test_the_conclusion_is_the_reports(spread: float) -> None:
    """Its winner, and the sign of its claim C1, of studies with and without missing runs."""
    rng = np.random.default_rng(int(spread * 1e5))
    seen = set()
    for study in range(15):
        quality = {"random": 0.3, "base": 0.5, "teacher": 0.5 + 0.02 * (study % 3)}
        weight = (-0.1, 0.0, 0.4)[study % 3]

        def score(levels: dict[str, Any], seed: int, of: Any = (study, quality, weight)) -> float | None:
            number, inits, weight = of
            lacks = number >= 8 and rng.random() < 0.1
            value = inits[levels["init"]] + weight * (1 - levels["alpha"]) + rng.normal(0, spread)
            return None if lacks else float(value)

        results = confirmed_table(GRID, score)
        arms = list(dict.fromkeys(results["arm"]))
        wide = results[results["language"] == "macro"].pivot(index="arm", columns="seed", values="value")
        code = int(winner_and_claim(results, GRID)(wide.reindex(arms).to_numpy()[None])[0])
        name = winner(arms_compared(results))
        claim = copy_minus_distillation(results, GRID)
        assert claim is not None
        row = claim.set_index(["outcome", "estimand"]).loc[("macro", "these languages")]
        sign = int(math.copysign(1, row["estimate"])) if row["p"] < 0.05 else 0
        assert code == 3 * (arms.index(name) if name else -1) + sign
        seen.add((name is not None, sign))
    assert len(seen) > 1


def test_an_arm_that_is_ahead_for_want_of_its_rivals_runs_does_not_win() -> None:
    """The copy's mean is 0.56 and random init's 0.5, of three seeds; at those three the copy is behind."""
    rival = {1: 0.5, 2: 0.501, 3: 0.502}
    copy = {1: 0.4, 2: 0.4, 3: 0.4, 4: 0.9, 5: 0.9}
    results = confirmed_table(
        INITS, lambda levels, seed: (copy if levels["init"] == "teacher" else rival).get(seed)
    )
    compared = arms_compared(results)
    assert winner(compared) == "init=random"
    macro = np.array([[*rival.values(), math.nan, math.nan], [*copy.values()]])
    assert winner_and_claim(results, INITS)(macro[None]) == [0]


def test_tests_are_those_of_the_intervals() -> None:
    rng = np.random.default_rng(5)
    differences = rng.normal(0.3, 1, (8, 5, 4))
    differences[rng.random(differences.shape) < 0.5] = math.nan
    mean, p = _paired_t(differences)
    assert 0 < np.isnan(p).sum() < p.size
    corrected = _holm(p)
    for row in range(8):
        tests = [paired_t(d[np.isfinite(d)]) for d in differences[row]]
        assert mean[row] == pytest.approx([t.estimate for t in tests], nan_ok=True)
        assert p[row] == pytest.approx([t.p for t in tests], nan_ok=True)
        assert corrected[row] == pytest.approx(holm(p[row]), nan_ok=True)


def test_replays_that_are_compared_in_parts_conclude_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    macro = rng.normal(0.5, 0.01, (50, 6, 4)) + np.array([0, 0, 0, 0, 0.1, 0.15])[:, None]
    results = confirmed_table(GRID, lambda levels, seed: 0.5)
    conclude = winner_and_claim(results, GRID)
    at_once = conclude(macro)
    assert len(set(at_once)) == 2  # a winner in some, none in others
    monkeypatch.setattr(replay_module, "TEMPORARY", 7 * 15 * 4 * 8)  # seven replays of fifteen pairs
    assert np.array_equal(conclude(macro), at_once)
    monkeypatch.setattr(replay_module, "TEMPORARY", 1)
    assert np.array_equal(conclude(macro), at_once)


def test_many_arms_are_compared_in_bounded_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """All replays at once would take 12 MB for each of several arrays."""
    macro = np.random.default_rng(0).normal(0.5, 0.01, (60, 100, 5))
    monkeypatch.setattr(replay_module, "TEMPORARY", 2**20)
    results = confirmed_table({"depth": tuple(range(100))}, lambda levels, seed: 0.5)
    conclude = winner_and_claim(results, {"depth": tuple(range(100))})
    tracemalloc.start()
    conclude(macro)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * 2**20


def test_a_study_of_twelve_arms_is_replayed_in_seconds() -> None:
    factors = {"init": ("random", "base", "teacher"), "alpha": (0.0, 0.2, 0.5, 1.0)}
    rng = np.random.default_rng(0)
    results = confirmed_table(factors, lambda levels, seed: float(rng.normal(0.5, 0.01)))
    search = search_table({arm: rng.uniform(0.3, 0.6, 8).tolist() for arm in results["arm"].unique()})
    started = time.process_time()
    assert len(at_random(search, results, factors, replays=200)) == 8 * 4
    assert time.process_time() - started < 5
