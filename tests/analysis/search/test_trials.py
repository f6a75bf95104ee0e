"""The search trials of a record: in order, with their text, and scored only where they ended complete."""

from __future__ import annotations

from typing import Any

import pytest

from analysis.search.trials import search_results


def test_trials_stand_arm_by_arm_in_the_order_they_were_started(finished: Any) -> None:
    table = search_results(finished.read())
    assert list(table.columns) == ["arm", "key", "outcome", "value", "learning_rate"]
    assert list(table["arm"]) == ["init=random"] * 3 + ["init=teacher"] * 3
    rates = ["0.0001", "0.0002", "0.00030000000000000003"]
    assert list(table["learning_rate"]) == rates * 2


def test_only_a_complete_trial_has_a_score(finished: Any) -> None:
    """A pruned one had reached 0.95 when it was stopped."""
    table = search_results(finished.read())
    assert list(table["outcome"]) == ["complete", "complete", "pruned"] * 2
    assert list(table["value"].dropna()) == pytest.approx([0.35, 0.45, 0.55, 0.65])
    assert table.loc[table["outcome"] == "pruned", "value"].isna().all()


def test_a_trial_that_runs_has_not_been_spent_yet(recorder: Any) -> None:
    recorder.trial(0, 0, 0.5, None)
    ended = recorder.trial(0, 1, None, "diverged")
    assert list(search_results(recorder.read())["key"]) == [ended]


def test_a_study_that_has_just_begun_has_none(recorder: Any) -> None:
    table = search_results(recorder.read())
    assert len(table) == 0
    assert list(table.columns)[:4] == ["arm", "key", "outcome", "value"]
