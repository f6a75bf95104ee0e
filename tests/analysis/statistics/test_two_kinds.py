"""Two kinds of runs: some at chance while their siblings learn; arms of one kind are left alone."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.statistics.two_kinds import runs_by_kind, split_at_chance
from tests.analysis.collapsed import ARMS, found_in
from tests.analysis.tables import confirmed_table

INITS = {"init": ("random", "base", "teacher")}


@pytest.mark.parametrize(
    ("scores", "top"),
    [
        ([0.45, 0.1, 0.47, 0.44, 0.46], 0.1),
        ([0.1, 0.11, 0.09, 0.45, 0.46], 0.11),
        ([0.45, 0.44, 0.1], 0.1),
        ([0.1, 0.11, 0.1, 0.09], None),  # all at chance
        ([0.45, 0.30, 0.47, 0.44], None),  # a worse run that is far from chance
        ([0.45, 0.35, 0.25, 0.16, 0.1], None),  # a spread without a gap
        ([0.1, 0.13, 0.13], None),  # hardly above chance
        ([0.1, 0.45], None),  # two runs have no rule
    ],
)
def test_the_largest_gap_splits_runs_at_chance_from_runs_that_learned(
    scores: list[float], top: float | None
) -> None:
    assert split_at_chance(np.array(scores), 0.1) == top
    assert split_at_chance(np.array(scores[::-1]), 0.1) == top


def test_a_task_of_two_labels_has_a_high_chance() -> None:
    """So half the accuracy of the others is no mark of chance: if chance is on record, it decides."""
    scores = np.array([0.5, 0.8, 0.81, 0.79])
    assert split_at_chance(scores, 0.5) == 0.5
    assert split_at_chance(scores, None) is None
    assert split_at_chance(np.array([0.1, 0.8, 0.81, 0.79]), None) == 0.1


def test_an_arm_that_is_no_better_than_the_runs_at_chance_has_no_success() -> None:
    of_arms = {
        "random": [0.1, 0.1, 0.09, 0.1, 0.1],
        "base": [0.3, 0.32, 0.3, 0.31, 0.29],
        "teacher": [0.1, 0.45, 0.44, 0.46, 0.45],
    }
    results = confirmed_table(INITS, lambda levels, seed: of_arms[levels["init"]][seed - 1])
    runs = runs_by_kind(results, 0.1)
    assert runs.groupby("arm")["low"].sum().to_dict() == {"init=random": 5, "init=base": 0, "init=teacher": 1}
    assert set(runs.loc[runs["two_kinds"], "arm"]) == {"init=teacher"}
    alike = runs_by_kind(results[results["arm"] != "init=teacher"], 0.1)
    assert not alike[["low", "two_kinds"]].any(axis=None)


@pytest.mark.parametrize("name", [name for name in ARMS if "10 seeds" not in name])
def test_the_rule_keeps_both_error_rates(name: str) -> None:
    arm = ARMS[name]
    found = found_in(arm, 1000, np.random.default_rng(2))
    if arm.lost:
        assert found["of both kinds"] > 0.93
        assert found["covered"] < 0.95
    else:
        assert found["fires"] < 0.03


def test_intervals_over_two_kinds_of_runs_cover_too_little() -> None:
    found = found_in(ARMS["one in ten at chance, 35 points below, 5 seeds"], 2000, np.random.default_rng(3))
    assert found["covered"] < 0.76


def test_no_run_is_no_kind() -> None:
    empty = confirmed_table(INITS, lambda levels, seed: None)
    assert len(runs_by_kind(empty, 0.1)) == 0
