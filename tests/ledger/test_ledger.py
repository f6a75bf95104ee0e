"""The ledger: what was asked, runs and has ended is remembered exactly, whatever was killed between."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState

from study.config import TrialConfig
from study.errors import RequestError, StudyStopped
from study.ledger import patience
from study.ledger.ledger import Ledger
from study.ledger.records import Record, State
from study.planning.plan import Plan
from study.space import Range

MakePlan = Callable[..., Plan]
OpenLedger = Callable[..., Ledger]

pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")

ARMS: dict[str, Any] = {"scientific": {"init": ("random", "base", "teacher")}}


def ask(ledger: Ledger) -> Record:
    record = ledger.ask_search()
    assert record is not None
    return record


def states(ledger: Ledger, study: str = "search/all") -> list[TrialState]:
    return [t.state for t in optuna_study(ledger, study).trials]


def optuna_study(ledger: Ledger, study: str = "search/all") -> optuna.Study:
    return optuna.load_study(study_name=f"{ledger.studies.name}/{study}", storage=ledger.storage)


def wanted(plan: Plan, seeds: int = 2) -> list[tuple[str, TrialConfig]]:
    """Confirm runs of every arm at some point."""
    return [
        (arm.name, plan.config(arm, {"learning_rate": 1e-3}, seed))
        for seed in range(1, seeds + 1)
        for arm in plan.arms()
    ]


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


def test_a_new_process_finds_what_runs_with_its_number_and_key(
    make_plan: MakePlan, open_ledger: OpenLedger
) -> None:
    plan = make_plan(**ARMS)
    ledger = open_ledger(plan)
    running = [ask(ledger) for _ in range(4)]
    ledger.tell(running[1], State.COMPLETE, 0.5)
    again = open_ledger(plan)
    assert [r for r in again.records() if r.running] == [
        r for r in sorted(running, key=lambda r: r.arm != "init=random") if r is not running[1]
    ]
    assert again.ask_search() not in running


def test_a_record_holds_the_whole_configuration(make_plan: MakePlan, open_ledger: OpenLedger) -> None:
    plan = make_plan(nuisance={"alpha": Range(low=0, high=1), "warmup": (0.0, 0.1)}, fixed={"epochs": 2})
    ledger = open_ledger(plan)
    record = ask(ledger)
    config = record.config
    params = optuna_study(ledger).trials[0].params
    assert config == plan.config(plan.arms()[0], params)
    assert (record.key, record.phase, record.arm, record.number) == (config.key, "search", "all", 0)
    assert (config.seed, config.data_seed) == (0, 0)


def test_a_trial_that_died_inside_its_ask_never_started(make_plan: MakePlan, open_ledger: OpenLedger) -> None:
    """It is in no budget, has no record and no outcome; the budget is used up by others."""
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
    assert (record.number, record.key) == (1, wanted(plan)[0][1].key)
    assert states(again, "confirm") == [TrialState.FAIL, TrialState.RUNNING]


@pytest.mark.parametrize("with_key", [True, False])
def test_a_duplicate_that_was_not_told_is_proposed_again(
    make_plan: MakePlan, open_ledger: OpenLedger, with_key: bool
) -> None:
    """It may not stay RUNNING, nor count as a proposal made."""
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


@pytest.mark.parametrize(
    ("outcome", "state", "value"),
    [
        ("complete", TrialState.COMPLETE, 0.25),
        ("pruned", TrialState.PRUNED, None),
        ("diverged", TrialState.PRUNED, None),
        ("failed", TrialState.FAIL, None),
    ],
)
def test_a_trial_ends_with_its_outcome(
    make_plan: MakePlan, open_ledger: OpenLedger, outcome: Any, state: TrialState, value: float | None
) -> None:
    plan = make_plan()
    ledger = open_ledger(plan)
    record = ask(ledger)
    assert record.running
    ledger.report(record, 1, 0.2)
    ledger.tell(record, State(outcome), 0.25, "it is so")
    (ended,) = open_ledger(plan).records()
    assert (ended.outcome, ended.value, ended.why) == (outcome, value, "it is so")
    assert not ended.running
    assert states(ledger) == [state]


def test_told_twice_is_told_once(make_plan: MakePlan, open_ledger: OpenLedger) -> None:
    plan = make_plan()
    ledger = open_ledger(plan)
    record = ask(ledger)
    ledger.tell(record, State.COMPLETE, 0.5)
    before = ledger.records()
    open_ledger(plan).tell(record, State.FAILED, None, "late")
    assert ledger.records() == before


def test_an_outcome_without_an_end_still_runs(make_plan: MakePlan, open_ledger: OpenLedger) -> None:
    """A kill came between the two writes of a tell."""
    plan = make_plan()
    ledger = open_ledger(plan)
    record = ask(ledger)
    ledger.storage.set_trial_user_attr(record.trial_id, "outcome", "complete")
    again = open_ledger(plan)
    assert again.records()[0].running
    again.tell(record, State.COMPLETE, 0.5)
    assert again.records()[0].value == 0.5


def test_confirm_runs_are_asked_in_order_and_once(make_plan: MakePlan, open_ledger: OpenLedger) -> None:
    plan = make_plan(**ARMS)
    ledger = open_ledger(plan)
    asked = []
    while (record := open_ledger(plan).ask_confirm(wanted(plan))) is not None:
        asked.append((record.arm, record.key))
        assert record.phase == "confirm"
    assert asked == [(arm, config.key) for arm, config in wanted(plan)]
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


def test_the_study_has_one_id_for_ever(make_plan: MakePlan, open_ledger: OpenLedger) -> None:
    plan = make_plan()
    first = open_ledger(plan).study_id
    assert len(first) == 32
    assert open_ledger(plan).study_id == first
    assert open_ledger(plan, "other").study_id != first


def test_a_plan_is_on_record_from_the_first_opening(
    make_plan: MakePlan, open_ledger: OpenLedger, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path / 'optuna.db'}"
    assert Ledger(url, "demo").plan is None
    plan = make_plan(**ARMS)
    open_ledger(plan)
    assert Ledger(url, "demo").plan == plan
    with pytest.raises(
        RequestError, match=r"^other: was interrupted before its plan was written; run it again$"
    ):
        Ledger(url, "other").records()


def test_an_opening_killed_before_the_plan_was_written_is_repeated(
    make_plan: MakePlan, open_ledger: OpenLedger, tmp_path: Path
) -> None:
    ledger = Ledger(f"sqlite:///{tmp_path / 'optuna.db'}", "demo")
    ledger.studies.get("demo").set_user_attr("id", "drawn")
    again = open_ledger(make_plan())
    assert again.study_id == "drawn"
    assert again.plan == make_plan()


@pytest.mark.parametrize(
    ("changes", "shown"),
    [
        ({"task": "d" * 64}, "constants.task: aaaaaaaaaaaa..., now dddddddddddd..."),
        ({"model": "e" * 64}, "constants.model: bbbbbbbbbbbb..., now eeeeeeeeeeee..."),
        ({"teacher": "f" * 64}, "constants.teacher: , now ffffffffffff..."),
        ({"fixed": {"steps": 9}}, "space.fixed.steps: None, now 9"),
        ({"reports": 4}, "space.reports: 3, now 4"),
        ({"sampler": "random"}, "space.sampler: tpe, now random"),
        (
            {"nuisance": {"learning_rate": Range(low=1e-4, high=1e-1, log=True)}},
            "space.nuisance.learning_rate.high: 0.01, now 0.1",
        ),
        (
            {"scientific": {"init": ("random", "base")}},
            "space.scientific.init: ['random', 'base', 'teacher'], now ['random', 'base']",
        ),
    ],
)
def test_another_study_under_the_same_name_is_refused_with_the_difference(
    make_plan: MakePlan, open_ledger: OpenLedger, changes: dict[str, Any], shown: str
) -> None:
    open_ledger(make_plan(**ARMS))
    with pytest.raises(RequestError) as error:
        open_ledger(make_plan(**ARMS | changes, trials=50))
    assert str(error.value) == f"study demo was begun otherwise: {shown}; choose another --name"
    plan = open_ledger(make_plan(**ARMS)).plan
    assert plan is not None
    assert plan.space.trials == 4


def test_all_differences_are_shown_in_one_line(make_plan: MakePlan, open_ledger: OpenLedger) -> None:
    open_ledger(make_plan())
    with pytest.raises(RequestError, match=r"^[^\n]*constants.task: [^\n]*; space.pruner: [^\n]*$"):
        open_ledger(make_plan(task="d" * 64, pruner="median"))


def test_hyperparameters_in_another_order_are_the_same_study(
    make_plan: MakePlan, open_ledger: OpenLedger
) -> None:
    """Arms keep the names they have on record."""
    scientific = {"init": ("random", "base"), "alpha": (1.0, 0.5)}
    ledger = open_ledger(make_plan(scientific=scientific, trials=1))
    asked = [ask(ledger)]
    again = open_ledger(make_plan(scientific=dict(reversed(scientific.items())), trials=1))
    while (record := again.ask_search()) is not None:
        asked.append(record)
    assert [r.arm for r in asked] == [
        f"init={init} alpha={alpha}" for init in ("random", "base") for alpha in (1.0, 0.5)
    ]


@pytest.mark.parametrize("url", ["sqlite:////no/such/folder/optuna.db", "nonsense", "nothing://here"])
def test_a_storage_that_cannot_be_opened_is_refused_in_one_line(url: str) -> None:
    with pytest.raises(RequestError, match=r"^--ledger-url .*: \w+: [^\n]*$"):
        Ledger(url, "demo")


def test_a_server_that_stays_away_when_a_study_goes_on_stops_it_and_is_no_wrong_request(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(patience, "PATIENCE", 0.0)
    with pytest.raises(StudyStopped, match=r"^the ledger's database: [^\n]*$"):
        Ledger("postgresql+psycopg://nobody@127.0.0.1:1/none", "demo", waits=True)


# Attempts and retries.


def test_attempts_and_deaths_are_counted_for_each_trial_and_kept(
    make_plan: MakePlan, open_ledger: OpenLedger
) -> None:
    plan = make_plan()
    ledger = open_ledger(plan)
    one, other = ask(ledger), ask(ledger)
    assert [ledger.begin_attempt(one), ledger.begin_attempt(one), ledger.begin_attempt(other)] == [1, 2, 1]
    assert [ledger.count_death(other, 0), ledger.count_death(one, 0)] == [1, 1]
    again = open_ledger(plan)
    assert [again.begin_attempt(one), again.count_death(one, 0), again.begin_attempt(other)] == [3, 2, 2]
    assert again.records() == [one, other]


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
    assert next_one.key == wanted(plan)[1][1].key


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
    """The sampler did not propose it, and what it proposes is a function of how often it was asked."""
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
    """At any of its writes."""
    plan = make_plan(trials=1)
    write, left = optuna.storages.RDBStorage.set_trial_user_attr, 0

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
            patch.setattr(optuna.storages.RDBStorage, "set_trial_user_attr", die)
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
    """They share a folder, in which one of those may still be writing; its deaths are its own."""
    ledger = open_ledger(make_plan())
    failed = ask(ledger)
    for _ in range(4):
        ledger.begin_attempt(failed)
        ledger.count_death(failed, 0)
    ledger.tell(failed, State.FAILED, None, "no")
    (again,) = ledger.retry_failed()
    assert ledger.begin_attempt(again) == 5
    assert ledger.count_death(again, 0) == 1


# Pruning.


def run_reports(ledger: Ledger, record: Record, values: list[float]) -> int | None:
    """Report until the pruner stops the trial; the report at which it did."""
    for index, value in enumerate(values, 1):
        if ledger.report(record, index, value):
            ledger.tell(record, State.PRUNED, None)
            return index
    ledger.tell(record, State.COMPLETE, values[-1])
    return None


@pytest.mark.parametrize("pruner", ["median", "halving", "hyperband"])
def test_weak_trials_are_stopped_and_strong_ones_never(
    make_plan: MakePlan, open_ledger: OpenLedger, pruner: str
) -> None:
    ledger = open_ledger(make_plan(pruner=pruner, trials=20, reports=4, sampler="random"))
    for _ in range(10):
        run_reports(ledger, ask(ledger), [0.5, 0.5, 0.5, 0.5])
    weak = [run_reports(ledger, ask(ledger), [0.1, 0.1, 0.1, 0.1]) for _ in range(5)]
    assert run_reports(ledger, ask(ledger), [0.9, 0.9, 0.9, 0.9]) is None
    assert any(weak)
    assert {r.outcome for r in ledger.records() if r.value == 0.9} == {"complete"}


@pytest.mark.parametrize("pruner", ["none", "median", "halving", "hyperband"])
def test_confirm_runs_are_never_stopped(make_plan: MakePlan, open_ledger: OpenLedger, pruner: str) -> None:
    plan = make_plan(pruner=pruner, reports=4)
    ledger = open_ledger(plan)
    wanted_runs = wanted(plan, seeds=12)
    for quality in range(12, 0, -1):
        record = ledger.ask_confirm(wanted_runs)
        assert record is not None
        assert run_reports(ledger, record, [quality / 20] * 4) is None


def test_a_pruned_trial_is_no_result(make_plan: MakePlan, open_ledger: OpenLedger) -> None:
    ledger = open_ledger(make_plan(pruner="halving", reports=4))
    run_reports(ledger, ask(ledger), [0.5] * 4)
    assert run_reports(ledger, ask(ledger), [0.1] * 4) == 1
    pruned = ledger.records()[-1]
    assert (pruned.outcome, pruned.value) == ("pruned", None)


@pytest.mark.parametrize("pruner", ["median", "halving", "hyperband"])
def test_reports_made_again_after_a_kill_are_decided_as_they_were(
    make_plan: MakePlan, open_ledger: OpenLedger, pruner: str
) -> None:
    """Also where the kill came between the pruner's decision and the trial's end, and others went on."""
    plan = make_plan(pruner=pruner, trials=30, reports=4, sampler="random")
    ledger = open_ledger(plan)
    for _ in range(8):
        run_reports(ledger, ask(ledger), [0.5] * 4)
    weak, answers = [ask(ledger) for _ in range(4)], []
    for record in weak:
        reports = []
        for index in range(1, 5):
            reports.append(ledger.report(record, index, 0.3))
            if reports[-1]:
                break
        answers.append(reports)
    assert any(reports[-1] for reports in answers)
    for _ in range(8):  # had they been there before, the weak ones would have been strong
        run_reports(ledger, ask(ledger), [0.1] * 4)
    again = open_ledger(plan)
    for record, reports in zip(weak, answers, strict=True):
        assert [again.report(record, i, 0.3) for i in range(1, len(reports) + 1)] == reports


@pytest.mark.parametrize("pruner", ["halving", "hyperband"])
def test_a_kill_while_the_pruner_decides_changes_no_decision(
    make_plan: MakePlan, open_ledger: OpenLedger, monkeypatch: pytest.MonkeyPatch, pruner: str
) -> None:
    """A halving pruner marks its rung inside the decision: with the mark alone, a trial would go on."""
    plan = make_plan(pruner=pruner, trials=30, reports=4, sampler="random")

    def die(*values: Any, **more: Any) -> None:
        raise KeyboardInterrupt

    def decisions(database: str, killed_at: tuple[str, ...]) -> list[int | None]:
        ledger = open_ledger(plan, database)
        stopped = []
        for number in range(9):
            record, value = ask(ledger), 0.5 if number % 3 else 0.1
            for write in killed_at:
                with monkeypatch.context() as patch, contextlib.suppress(KeyboardInterrupt):
                    patch.setattr(optuna.storages.RDBStorage, write, die)
                    ledger.report(record, 1, value)
                ledger = open_ledger(plan, database)
            stopped.append(run_reports(ledger, record, [value] * 4))
        return stopped

    undisturbed = decisions("undisturbed", ())
    assert any(undisturbed)
    assert decisions("killed", ("set_trial_user_attr", "set_trial_system_attr")) == undisturbed


@pytest.mark.processes
def test_many_processes_may_open_a_new_ledger_at_once(tmp_path: Path) -> None:
    """A `status` may come in the moment in which a study begins."""
    url = f"sqlite:///{tmp_path / 'optuna.db'}"
    code = (
        "import sys; from study.ledger.ledger import Ledger; "
        "sys.stdin.readline(); Ledger(sys.argv[1], 'demo')"
    )
    opening = [
        subprocess.Popen(
            [sys.executable, "-c", code, url], stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]
    for process in opening:
        assert process.stdin is not None
        process.stdin.write("now\n")
        process.stdin.flush()
    answers = [process.communicate(timeout=120) for process in opening]
    assert [process.returncode for process in opening] == [0] * 4, answers
