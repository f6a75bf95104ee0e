"""The next trial: arms take turns, nothing is started twice, and a failed trial can be tried again."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState
from sqlalchemy.exc import OperationalError

from study.ledger import patience
from study.ledger.ledger import Ledger
from study.ledger.memory import Remembered, one_transaction
from study.ledger.records import Choice, State, Wanted
from study.planning.plan import Plan
from study.space import Range
from tests.ledger.trials import ARMS, ask, optuna_study, states, wanted

MakePlan = Callable[..., Plan]
OpenLedger = Callable[..., Ledger]

pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")


def test_arms_are_served_in_turn_and_get_equal_budgets(make_plan: MakePlan, open_ledger: OpenLedger) -> None:
    plan = make_plan(**ARMS, trials=3)
    ledger = open_ledger(plan)
    arms = []
    while (record := ledger.ask_search()) is not None:
        arms.append(record.arm)
    assert arms == ["init=random", "init=base", "init=teacher"] * 3


def test_the_arm_with_the_fewest_started_is_next_whatever_has_ended(
    make_plan: MakePlan, open_ledger: OpenLedger
) -> None:
    plan = make_plan(**ARMS, trials=2)
    ledger = open_ledger(plan)
    first = ask(ledger)
    ledger.tell(first, State.FAILED, None, "no")
    assert [ask(ledger).arm for _ in range(3)] == ["init=base", "init=teacher", "init=random"]


def test_a_trial_that_died_inside_its_ask_never_started(make_plan: MakePlan, open_ledger: OpenLedger) -> None:
    """Such a trial counts in no budget, and has no record and no outcome. Other trials use the budget."""
    plan = make_plan(trials=2, confirm_seeds=0)
    ledger = open_ledger(plan)
    dead = ledger.studies.get("demo/search/all").ask()
    dead.suggest_float("learning_rate", 1e-4, 1e-2, log=True)
    again = open_ledger(plan)
    assert states(again) == [TrialState.FAIL]
    assert optuna_study(again).trials[0].user_attrs == {"never_started": True}
    assert again.records() == []
    assert [ask(again).number, ask(again).number, again.ask_search()] == [1, 2, None]


def test_a_confirm_run_that_died_inside_its_ask_is_asked_again(
    make_plan: MakePlan, open_ledger: OpenLedger
) -> None:
    plan = make_plan()
    ledger = open_ledger(plan)
    trial = ledger.studies.get("demo/confirm").ask()
    trial.set_user_attr("arm", "all")
    again = open_ledger(plan)
    record = again.ask_confirm(wanted(plan))
    assert record is not None
    assert (record.number, record.key) == (1, wanted(plan)[0].config.key)
    assert states(again, "confirm") == [TrialState.FAIL, TrialState.RUNNING]


@pytest.mark.parametrize("with_key", [True, False])
def test_a_duplicate_that_was_not_told_is_proposed_again(
    make_plan: MakePlan, open_ledger: OpenLedger, with_key: bool
) -> None:
    """The duplicate may not stay RUNNING, and does not count as a proposal."""
    plan = make_plan(sampler="random", nuisance={"warmup": (0.0, 0.1)}, trials=1)
    ledger = open_ledger(plan)
    original = ask(ledger)
    ledger.tell(original, State.COMPLETE, 0.5)
    dead = ledger.studies.get("demo/search/all").ask()
    dead.suggest_categorical("warmup", (0.0, 0.1))
    dead.set_user_attr("duplicate_of", original.number)
    if with_key:
        dead.set_user_attr("key", original.key)
    again = open_ledger(plan)
    assert states(again) == [TrialState.COMPLETE, TrialState.FAIL]
    assert "never_started" in optuna_study(again).trials[1].user_attrs
    assert [r.key for r in again.records()] == [original.key]


def test_confirm_runs_are_asked_in_order_and_once(make_plan: MakePlan, open_ledger: OpenLedger) -> None:
    plan = make_plan(**ARMS)
    ledger = open_ledger(plan)
    asked = []
    while (record := open_ledger(plan).ask_confirm(wanted(plan))) is not None:
        asked.append((record.arm, record.key))
        assert record.phase == "confirm"
    assert asked == [(one.arm, one.config.key) for one in wanted(plan)]
    assert len(ledger.records()) == 6


def test_confirm_runs_count_in_no_search_budget(make_plan: MakePlan, open_ledger: OpenLedger) -> None:
    plan = make_plan(trials=1)
    ledger = open_ledger(plan)
    ledger.ask_confirm(wanted(plan))
    ask(ledger)
    assert ledger.ask_search() is None


def test_a_larger_budget_adds_trials_and_a_smaller_one_takes_none(
    make_plan: MakePlan, open_ledger: OpenLedger
) -> None:
    ledger = open_ledger(make_plan(**ARMS, trials=1))
    first = [ask(ledger) for _ in range(3)]
    assert ledger.ask_search() is None
    larger = open_ledger(make_plan(**ARMS, trials=2, confirm_seeds=1))
    assert larger.plan is not None
    assert (larger.plan.space.trials, larger.plan.space.confirm_seeds) == (2, 2)
    more = [ask(larger) for _ in range(3)]
    assert larger.ask_search() is None
    assert [r.arm for r in more] == [r.arm for r in first]
    assert not {r.key for r in more} & {r.key for r in first}
    assert open_ledger(make_plan(**ARMS, trials=1)).ask_search() is None


def test_a_larger_budget_goes_on_with_the_suggestions_it_would_have_had(
    make_plan: MakePlan, open_ledger: OpenLedger
) -> None:
    def run(ledger: Ledger) -> list[str]:
        keys = []
        while (record := ledger.ask_search()) is not None:
            ledger.tell(record, State.COMPLETE, record.config.learning_rate)
            keys.append(record.key)
        return keys

    at_once = run(open_ledger(make_plan(trials=7), "one"))
    assert run(open_ledger(make_plan(trials=3))) + run(open_ledger(make_plan(trials=7))) == at_once


def test_a_duplicate_is_answered_from_the_record(make_plan: MakePlan, open_ledger: OpenLedger) -> None:
    """A duplicate has the value and the key of its original, and counts in no budget."""
    plan = make_plan(sampler="random", nuisance={"warmup": (0.0, 0.1, 0.2, 0.3)}, trials=4, confirm_seeds=0)
    ledger = open_ledger(plan)
    while (record := ledger.ask_search()) is not None:
        ledger.tell(record, State.COMPLETE, record.config.warmup)
    study = optuna.load_study(study_name="demo/search/all", storage=ledger.storage)
    duplicates = [trial for trial in study.trials if "duplicate_of" in trial.user_attrs]
    assert len(duplicates) > 0
    assert all(trial.state == TrialState.COMPLETE for trial in duplicates)
    for trial in duplicates:
        original = study.trials[trial.user_attrs["duplicate_of"]]
        assert trial.user_attrs["key"] == original.user_attrs["key"]
        assert (trial.value, trial.params) == (original.value, original.params)
    assert len(ledger.records()) == 4


@pytest.mark.parametrize(
    ("outcome", "state"),
    [
        ("pruned", TrialState.PRUNED),
        ("diverged", TrialState.PRUNED),
        ("failed", TrialState.FAIL),
        (None, TrialState.FAIL),  # its original still runs: it says nothing
    ],
)
def test_a_duplicate_ends_as_its_original_did(
    make_plan: MakePlan, open_ledger: OpenLedger, outcome: Any, state: TrialState
) -> None:
    plan = make_plan(sampler="random", nuisance={"warmup": (0.0, 0.1)}, trials=2, confirm_seeds=0)
    ledger = open_ledger(plan)
    while (record := ledger.ask_search()) is not None:
        if outcome:
            ledger.tell(record, outcome, None)
    study = optuna.load_study(study_name="demo/search/all", storage=ledger.storage)
    duplicates = [trial for trial in study.trials if "duplicate_of" in trial.user_attrs]
    assert {trial.state for trial in duplicates} == {state}


# Retries


def test_failed_trials_alone_are_tried_again_once_with_their_configuration(
    make_plan: MakePlan, open_ledger: OpenLedger
) -> None:
    plan = make_plan(**ARMS, trials=2)
    ledger = open_ledger(plan)
    assert ledger.retry_failed() == []
    records = [ask(ledger) for _ in range(6)]
    for record, outcome in zip(records, ("complete", "failed", "pruned", "diverged", "failed"), strict=False):
        ledger.tell(record, State(outcome), 0.5, "it is so")
    before = {r.key: r for r in ledger.records()}
    retried = ledger.retry_failed()
    assert [r.key for r in retried] == [records[1].key, records[4].key]
    for record, failed in zip(retried, (records[1], records[4]), strict=True):
        assert (record.arm, record.phase, record.config) == (failed.arm, failed.phase, failed.config)
        assert record.running
        assert record.number > failed.number
    after = open_ledger(plan).records()
    assert {r.key for r in after} == before.keys()
    assert [r for r in after if r.key not in {r.key for r in retried}] == [
        r for r in before.values() if r.outcome != "failed"
    ]
    assert ledger.retry_failed() == []  # they run
    assert open_ledger(plan).ask_search() is None  # and are in the budget that they had
    ledger.tell(retried[0], State.COMPLETE, 0.7)
    ledger.tell(retried[1], State.FAILED, None, "again")
    assert [r.key for r in ledger.retry_failed()] == [retried[1].key]
    assert {r.key: r.value for r in ledger.records()}[retried[0].key] == 0.7


def test_a_confirm_run_that_failed_is_tried_again(make_plan: MakePlan, open_ledger: OpenLedger) -> None:
    plan = make_plan()
    ledger = open_ledger(plan)
    failed = ledger.ask_confirm(wanted(plan))
    assert failed is not None
    ledger.tell(failed, State.FAILED, None, "no")
    (again,) = ledger.retry_failed()
    assert (again.key, again.phase, again.config) == (failed.key, "confirm", failed.config)
    next_one = ledger.ask_confirm(wanted(plan))
    assert next_one is not None
    assert next_one.key == wanted(plan)[1].config.key


def test_what_a_retry_finds_is_told_to_the_sampler_with_its_parameters(
    make_plan: MakePlan, open_ledger: OpenLedger
) -> None:
    plan = make_plan(nuisance={"learning_rate": Range(low=1e-4, high=1e-2, log=True), "warmup": (0.0, 0.1)})
    ledger = open_ledger(plan)
    failed = ask(ledger)
    ledger.tell(failed, State.FAILED, None, "no")
    (again,) = ledger.retry_failed()
    ledger.tell(again, State.COMPLETE, 0.5)
    first, second = optuna_study(ledger).trials
    assert (second.params, second.distributions) == (first.params, first.distributions)
    assert second.value == 0.5


def test_a_retry_moves_no_later_suggestion(make_plan: MakePlan, open_ledger: OpenLedger) -> None:
    """No sampler proposes a retry, and a proposal depends on the number of proposals before."""
    plan = make_plan(sampler="quasi")

    def keys(database: str, retry: bool) -> list[str]:
        ledger = open_ledger(plan, database)
        ledger.tell(ask(ledger), State.FAILED, None, "no")
        if retry:
            ledger.retry_failed()
        return [ask(ledger).key for _ in range(3)]

    assert keys("retried", True) == keys("not retried", False)


def test_a_retry_that_was_killed_before_it_was_on_record_can_be_repeated(
    make_plan: MakePlan, open_ledger: OpenLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kill may come before any write of the retry."""
    plan = make_plan(trials=1)
    write, left = Remembered.set_trial_user_attr, 0

    def die(*values: Any, **more: Any) -> None:
        nonlocal left
        if left == 0:
            raise KeyboardInterrupt
        left -= 1
        write(*values, **more)

    for writes in range(4):  # the key is the last
        ledger = open_ledger(plan, f"after {writes}")
        failed = ask(ledger)
        ledger.tell(failed, State.FAILED, None, "no")
        left = writes
        with monkeypatch.context() as patch:
            patch.setattr(Remembered, "set_trial_user_attr", die)
            with pytest.raises(KeyboardInterrupt):
                ledger.retry_failed()
        again = open_ledger(plan, f"after {writes}")
        assert [r.outcome for r in again.records()] == ["failed"]
        (retried,) = again.retry_failed()
        assert retried.key == failed.key
        assert again.ask_search() is None


def test_no_attempt_at_a_retry_has_the_number_of_one_before_it(
    make_plan: MakePlan, open_ledger: OpenLedger
) -> None:
    """Both trials share a folder, and an old attempt may still write there. Deaths are counted anew."""
    ledger = open_ledger(make_plan())
    failed = ask(ledger)
    for _ in range(4):
        ledger.begin_attempt(failed)
        ledger.count_death(failed, 0)
    ledger.tell(failed, State.FAILED, None, "no")
    (again,) = ledger.retry_failed()
    assert ledger.begin_attempt(again) == 5
    assert ledger.count_death(again, 0) == 1


@pytest.mark.parametrize("committed", [True, False])
def test_a_retry_while_the_database_goes_away_starts_each_trial_once(
    make_plan: MakePlan, open_ledger: OpenLedger, monkeypatch: pytest.MonkeyPatch, committed: bool
) -> None:
    """The transaction of a retry raises, and may have been committed all the same."""
    plan = make_plan(trials=2)
    ledger = open_ledger(plan)
    failed = [ask(ledger), ask(ledger)]
    for record in failed:
        ledger.tell(record, State.FAILED, None, "no")
    answers = iter([False, True])  # the first one is lost

    @contextlib.contextmanager
    def transaction(storage: Remembered) -> Iterator[None]:
        answered = next(answers, True)
        with one_transaction(storage):
            yield
            if not answered and not committed:
                raise away()
        if not answered:
            raise away()

    monkeypatch.setattr("study.ledger.book.one_transaction", transaction)
    monkeypatch.setattr(patience, "PAUSE", (0.001, 0.01))
    retried = ledger.retry_failed()
    assert [record.key for record in retried] == [record.key for record in failed]
    assert [record.running for record in retried] == [True, True]
    assert states(ledger) == [TrialState.FAIL] * 2 + [TrialState.RUNNING] * 2
    assert [ledger.begin_attempt(record) for record in retried] == [2, 2]
    assert open_ledger(plan).records() == ledger.records()


def away() -> OperationalError:
    return OperationalError("COMMIT", {}, ConnectionError("server closed the connection unexpectedly"))


def test_tunings_are_searched_in_turn_at_seeds_and_points_of_their_own(
    make_plan: MakePlan, open_ledger: OpenLedger
) -> None:
    """Each ask is made by a new process: whatever was killed before, the proposals are the same."""
    plan = make_plan(**ARMS, trials=2, tunings=2, sampler="quasi")
    asked = []
    while (record := open_ledger(plan).ask_search()) is not None:
        asked.append(record)
        open_ledger(plan).tell(record, State.COMPLETE, 0.5)
    arms = ["init=random", "init=base", "init=teacher"]
    assert [(r.arm, r.tuning) for r in asked] == [(arm, k) for _ in range(2) for k in (0, 1) for arm in arms]
    assert {(r.tuning, r.config.seed, r.config.data_seed) for r in asked} == {(0, 0, 0), (1, 1000, 1000)}
    rates = {k: {r.config.learning_rate for r in asked if r.tuning == k} for k in (0, 1)}
    assert [len(of) for of in rates.values()] == [2, 2]  # the same in all arms
    assert not rates[0] & rates[1]
    found = open_ledger(plan).records()
    assert {(r.key, r.tuning) for r in found} == {(r.key, r.tuning) for r in asked}
    alone = make_plan(**ARMS, trials=2, sampler="quasi")
    ledger = open_ledger(alone, "alone")
    firsts = {ask(ledger).key for _ in range(6)}
    assert firsts == {r.key for r in asked if r.tuning == 0}


def test_a_tuning_that_is_added_later_leaves_the_first_as_it_is(
    make_plan: MakePlan, open_ledger: OpenLedger
) -> None:
    ledger = open_ledger(make_plan(trials=2))
    first = [ask(ledger), ask(ledger)]
    assert ledger.ask_search() is None
    more = open_ledger(make_plan(trials=2, tunings=2, exact=("tunings",)))
    added = [ask(more), ask(more)]
    assert more.ask_search() is None
    assert [record.tuning for record in added] == [1, 1]
    assert [record.key for record in more.records()] == [record.key for record in [*first, *added]]


def test_how_a_confirm_run_was_selected_is_read_again_also_after_a_retry(
    make_plan: MakePlan, open_ledger: OpenLedger
) -> None:
    plan = make_plan(tunings=2)
    choice = Choice("parabola", "through three points", "f" * 64)
    config = plan.each_tuning()[1].config(plan.arms()[0], {"learning_rate": 1e-3}, 1001)
    ledger = open_ledger(plan)
    record = ledger.ask_confirm([Wanted("all", config, 1, choice)])
    assert record is not None
    ledger.tell(record, State.FAILED, None, "ValueError: no")
    (again,) = open_ledger(plan).retry_failed()
    (stored,) = open_ledger(plan).records()
    for each in (record, again, stored):
        assert (each.key, each.tuning, each.choice) == (config.key, 1, choice)
