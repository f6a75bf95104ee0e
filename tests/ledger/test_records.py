"""Records: what is read from a stored trial, and which trial is the record of its key."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import optuna
import pytest
from optuna.trial import FrozenTrial, TrialState

from study.config import TrialConfig
from study.ledger.records import OUTCOMES, Record, Records, State
from study.planning.plan import Plan


@pytest.fixture
def config(make_plan: Callable[..., Plan]) -> TrialConfig:
    plan = make_plan()
    return plan.config(plan.arms()[0], {"learning_rate": 1e-3})


def stored(config: TrialConfig, state: TrialState = TrialState.RUNNING, **attributes: Any) -> FrozenTrial:
    """Return a trial as Optuna stores it, without the attributes that are None."""
    value = 0.5 if state == TrialState.COMPLETE else None
    made = optuna.trial.create_trial(state=state, value=value)
    started = {"key": config.key, "arm": "all", "config": config.model_dump_json(), "driver": "me"}
    made.user_attrs = {name: one for name, one in (started | attributes).items() if one is not None}
    made.number, made._trial_id = 3, 7
    return made


def test_outcomes_are_the_states_in_which_a_trial_has_ended() -> None:
    assert {state for state in State if state.ended} == set(OUTCOMES)
    assert set(State) - set(OUTCOMES) == {State.RUNNING, State.SCHEDULED}
    assert [str(state) for state in OUTCOMES] == ["complete", "pruned", "diverged", "failed"]  # on record


def test_a_running_trial_is_read_with_all_that_its_ask_has_stored(config: TrialConfig) -> None:
    record = Record.read("search", stored(config))
    assert (record.key, record.phase, record.arm, record.driver) == (config.key, "search", "all", "me")
    assert (record.number, record.trial_id, record.config) == (3, 7, config)
    assert record.running
    assert (record.outcome, record.value, record.why) == (None, None, None)


@pytest.mark.parametrize(
    ("state", "outcome", "value"),
    [
        (TrialState.COMPLETE, "complete", 0.5),
        (TrialState.PRUNED, "diverged", None),
        (TrialState.FAIL, "failed", None),
    ],
)
def test_a_trial_that_has_ended_is_read_with_its_outcome(
    config: TrialConfig, state: TrialState, outcome: str, value: float | None
) -> None:
    record = Record.read("confirm", stored(config, state, outcome=outcome, why="it is so"))
    assert (record.outcome, record.value, record.why) == (State(outcome), value, "it is so")
    assert not record.running


def test_an_outcome_counts_only_once_the_trial_has_ended(config: TrialConfig) -> None:
    """A kill may come between outcome and end. An end without an outcome counts as failed."""
    assert Record.read("search", stored(config, outcome="complete")).running
    assert Record.read("search", stored(config, TrialState.FAIL)).outcome == State.FAILED


def test_a_key_that_was_tried_again_has_the_record_of_its_newest_trial(config: TrialConfig) -> None:
    records = Records(["one", "two"])
    failed = stored(config, TrialState.FAIL, outcome="failed")
    retried = stored(config, retry_of=3)
    retried.number = 4
    records.read("one", "search", [failed, retried])
    (record,) = records
    assert (record.number, record.running) == (4, True)
    assert records.get(config.key) is record
    assert (records.started("one"), records.started("two")) == (1, 0)
    ended = replace(record, outcome=State.COMPLETE, value=0.7)
    records.put("one", ended)
    assert list(records) == [ended]
    assert records.get(config.key) is ended


def test_only_what_the_sampler_proposed_counts_as_a_proposal(config: TrialConfig) -> None:
    """A duplicate counts. A retry does not count, and a trial that never started does not."""
    records = Records(["one"])
    original = stored(config)
    duplicate = stored(config, TrialState.COMPLETE, duplicate_of=3)
    retried = stored(config, retry_of=3)
    unstarted = stored(config, TrialState.FAIL, key=None, never_started=True)
    records.read("one", "search", [original, duplicate, retried, unstarted])
    assert records.proposed("one") == 2
    assert records.keys() == {config.key}
    records.put_duplicate("one")
    records.put("one", replace(Record.read("search", original), key="another"), proposed=True)
    records.put("one", Record.read("search", original))
    assert records.proposed("one") == 4
    assert records.started("one") == 2


def test_records_come_in_the_order_of_the_studies(config: TrialConfig) -> None:
    records = Records(["one", "two"])
    record = Record.read("search", stored(config))
    for study, key in (("two", "a"), ("one", "b"), ("two", "c")):
        records.put(study, replace(record, key=key))
    assert [each.key for each in records] == ["b", "a", "c"]
    assert records.get("d") is None
