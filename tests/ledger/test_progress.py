"""How far a study is: trials are counted by key, and the counts add up at every moment."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from study.config import TrialConfig
from study.ledger.ledger import Ledger
from study.ledger.progress import budget_note, confirm_wanted, is_finished, summary
from study.ledger.records import Choice, Record, State
from study.planning.plan import Plan
from study.space import Range
from tests.ledger.trials import ask

MakePlan = Callable[..., Plan]
OpenLedger = Callable[..., Ledger]

OUTCOMES = ("complete", "pruned", "diverged", "failed")
COUNTS = (*OUTCOMES, "running", "waiting")


@pytest.fixture(scope="module")
def plan(make_plan: MakePlan) -> Plan:
    """Two arms, four search trials and two confirm runs each: twelve trials."""
    return make_plan(scientific={"init": ("random", "teacher")})


def record(
    plan: Plan, arm: int, number: int, outcome: Any = "complete", value: float = 0.5, seed: int = 0
) -> Record:
    config = plan.config(plan.arms()[arm], {"learning_rate": 1e-4 * (number + 1)}, seed)
    return with_config(plan, arm, config, number, outcome, value)


def with_config(
    plan: Plan,
    arm: int,
    config: TrialConfig,
    number: int,
    outcome: Any = "complete",
    value: float = 0.5,
    choice: Choice | None = None,
) -> Record:
    """The seed shows the phase and the tuning: a search has the first seed of a block."""
    tuning, confirmed = divmod(config.seed - plan.search_seed, 1000)
    return Record(
        key=config.key,
        phase="confirm" if confirmed else "search",
        arm=plan.arms()[arm].name,
        number=number,
        config=config,
        outcome=None if outcome is None else State(outcome),
        value=value if outcome == "complete" else None,
        why="ValueError: no" if outcome == "failed" else None,
        trial_id=number,
        tuning=tuning,
        choice=choice,
    )


def counts(found: dict[str, Any]) -> dict[str, int]:
    return {name: found[name] for name in COUNTS if found[name]}


def test_before_the_first_trial_everything_waits(plan: Plan) -> None:
    found = summary(plan, [])
    assert (found["name"], found["space"], found["planned"]) == ("demo", "demo", 12)
    assert counts(found) == {"waiting": 12}
    assert [(arm["arm"], arm["planned"]) for arm in found["arms"]] == [
        ("init=random", 6),
        ("init=teacher", 6),
    ]
    assert found["best"] is None


def test_every_outcome_is_counted_in_its_arm_and_in_all(plan: Plan) -> None:
    outcomes = ["complete", "pruned", "diverged", "failed"]
    records = [record(plan, 0, n, outcome) for n, outcome in enumerate(outcomes)]
    records += [record(plan, 1, 0), record(plan, 1, 1, None)]
    found = summary(plan, records)
    one_each = dict.fromkeys(outcomes, 1)
    assert counts(found["arms"][0]) == one_each | {"waiting": 2}
    assert counts(found["arms"][1]) == {"complete": 1, "running": 1, "waiting": 4}
    assert counts(found) == one_each | {"complete": 2, "running": 1, "waiting": 6}


def test_without_a_driver_what_was_running_waits(plan: Plan) -> None:
    records = [record(plan, 0, 0), record(plan, 0, 1, None), record(plan, 1, 0, None)]
    found = summary(plan, records, driver=None)
    assert counts(found) == {"complete": 1, "waiting": 11}
    assert [counts(arm) for arm in found["arms"]] == [{"complete": 1, "waiting": 5}, {"waiting": 6}]
    assert counts(summary(plan, records)) == {"complete": 1, "running": 2, "waiting": 9}


def test_the_best_is_named_by_arm_and_over_all(plan: Plan) -> None:
    records = [record(plan, 0, 0, value=0.4), record(plan, 0, 1, value=0.6), record(plan, 1, 0, value=0.5)]
    found = summary(plan, records)
    assert [arm["best"]["value"] for arm in found["arms"]] == [0.6, 0.5]
    assert found["best"] == {
        "key": records[1].key,
        "arm": "init=random",
        "value": 0.6,
        "config": records[1].config.model_dump(),
    }


def test_reasons_are_given_for_what_failed(plan: Plan) -> None:
    failed = record(plan, 0, 1, "failed")
    assert summary(plan, [record(plan, 0, 0), failed])["reasons"] == {failed.key: "ValueError: no"}


def test_confirm_runs_are_each_arms_best_at_fresh_seeds_in_rounds(plan: Plan) -> None:
    search = [record(plan, 0, 0, value=0.4), record(plan, 0, 1, value=0.6), record(plan, 1, 0)]
    found = confirm_wanted(plan, search)
    assert [(one.arm, one.config.seed, one.config.data_seed) for one in found] == [
        ("init=random", 1, 1),
        ("init=teacher", 1, 1),
        ("init=random", 2, 2),
        ("init=teacher", 2, 2),
    ]
    assert found[0].config.learning_rate == search[1].config.learning_rate
    confirmed = record(plan, 0, 1, value=0.99, seed=1)
    assert confirm_wanted(plan, [*search, confirmed]) == found  # what they find moves nothing


def test_an_arm_without_a_complete_trial_has_nothing_to_confirm(plan: Plan) -> None:
    """The arm's confirm runs are planned as long as its search may still find a best."""
    diverged = [record(plan, 0, n, "diverged") for n in range(4)]
    assert summary(plan, diverged)["arms"][0] | {"best": None} == {
        "arm": "init=random",
        "planned": 4,
        "complete": 0,
        "pruned": 0,
        "diverged": 4,
        "failed": 0,
        "running": 0,
        "waiting": 0,
        "best": None,
        "selected": [],
        "unseen": [],
    }
    assert summary(plan, diverged[:3])["arms"][0]["planned"] == 6
    last_runs = [*diverged[:3], record(plan, 0, 3, None)]
    assert summary(plan, last_runs)["arms"][0]["planned"] == 6
    assert summary(plan, diverged)["planned"] == 4 + 6


def test_confirm_runs_of_a_best_that_was_replaced_are_superseded(plan: Plan) -> None:
    old, new = record(plan, 0, 0, value=0.4), record(plan, 0, 1, value=0.6)
    confirmed = [record(plan, 0, 0, seed=seed) for seed in (1, 2)]
    before = summary(plan, [old, *confirmed])
    assert (before["superseded"], before["complete"]) == (0, 3)
    after = summary(plan, [old, new, *confirmed])
    assert (after["superseded"], after["complete"], after["planned"]) == (2, 2, 12)
    again = [record(plan, 0, 1, seed=seed) for seed in (1, 2)]
    assert summary(plan, [old, new, *confirmed, *again])["complete"] == 4


def lowered(plan: Plan, **budgets: int) -> Plan:
    """`plan`, run again with budgets that the user gave."""
    space = plan.space.model_copy(update=budgets)
    return plan.model_copy(update={"space": space, "exact": tuple(budgets)}).continuing(plan)


def test_with_a_budget_below_what_was_started_the_arms_confirm_what_they_have(plan: Plan) -> None:
    search = [record(plan, arm, n, value=n / 10) for arm in (0, 1) for n in range(3)]
    fewer = lowered(plan, trials=2)
    found = summary(fewer, search)
    assert (found["planned"], found["complete"], found["waiting"]) == (2 * (3 + 2), 6, 4)
    assert [one.arm for one in confirm_wanted(fewer, search)] == ["init=random", "init=teacher"] * 2
    confirm = [record(plan, arm, 2, seed=seed) for arm in (0, 1) for seed in (1, 2)]
    assert is_finished(fewer, [*search, *confirm])
    assert not is_finished(plan, [*search, *confirm])
    assert summary(lowered(plan, confirm_seeds=1), [*search, *confirm])["superseded"] == 0
    assert summary(lowered(plan, confirm_seeds=1), search)["planned"] == 2 * (4 + 1)


def test_a_lower_budget_is_told_in_one_line(plan: Plan) -> None:
    search = [record(plan, 0, n) for n in range(3)]
    assert budget_note(lowered(plan, trials=9, confirm_seeds=2), plan, search) is None
    assert budget_note(lowered(plan, trials=3, confirm_seeds=1), plan, search) == (
        "search trials per arm: 3, no longer 4; confirm runs per arm: 1, no longer 2"
    )
    assert budget_note(lowered(plan, trials=1), plan, search) == (
        "search trials per arm: 1, no longer 4; up to 3 were started: nothing new is searched, and all of "
        "them count"
    )


def test_a_budget_that_nobody_gave_lowers_nothing_and_the_ledger_stores_none_of_this(plan: Plan) -> None:
    smaller = plan.model_copy(update={"space": plan.space.model_copy(update={"trials": 1})})
    assert smaller.continuing(plan) == plan
    assert lowered(plan, trials=1).space.trials == 1
    given = plan.model_copy(update={"exact": ("trials",)})
    assert given.model_dump_json() == plan.model_dump_json()


def test_a_finite_arm_plans_no_more_than_its_points(make_plan: MakePlan) -> None:
    plan = make_plan(nuisance={"warmup": (0.0, 0.1)}, trials=9, confirm_seeds=1)
    assert summary(plan, [])["planned"] == 3


@pytest.mark.parametrize("selection", ["best tried", "interpolated"])
@settings(max_examples=30, deadline=None)
@given(st.lists(st.sampled_from([*OUTCOMES, None]), max_size=8), st.integers(0, 2), st.integers(1, 2))
def test_counts_add_up_to_planned_at_any_moment(
    plan: Plan, selection: str, outcomes: list[Any], confirmed: int, tunings: int
) -> None:
    plan = plan.model_copy(update={"selection": selection, "tunings": tunings})
    records = [record(plan, n % 2, n // 2, outcome, value=n / 10) for n, outcome in enumerate(outcomes)]
    arms = [arm.name for arm in plan.arms()]
    for one in confirm_wanted(plan, records)[:confirmed]:
        records.append(with_config(plan, arms.index(one.arm), one.config, 9))
    found = summary(plan, records)
    for each in (found, *found["arms"]):
        assert sum(each[name] for name in COUNTS) == each["planned"]
        assert all(each[name] >= 0 for name in COUNTS)
    for name in ("planned", *COUNTS):
        assert sum(arm[name] for arm in found["arms"]) == found[name]
    assert sum(found[name] for name in (*OUTCOMES, "running")) == len(records)


def test_a_study_is_finished_when_every_planned_trial_has_ended(plan: Plan) -> None:
    """The outcomes do not matter. The same trials do not finish a larger plan."""
    search = [record(plan, arm, n, value=n / 10) for arm in (0, 1) for n in range(4)]
    confirm = [record(plan, arm, 3, seed=seed) for arm in (0, 1) for seed in (1, 2)]
    assert not is_finished(plan, [])
    assert not is_finished(plan, search)
    assert not is_finished(plan, [*search, *confirm[:3]])
    assert not is_finished(plan, [*search, *confirm[:3], record(plan, 1, 3, None, seed=2)])
    assert is_finished(plan, [*search, *confirm])
    assert is_finished(plan, [*search, *confirm[:3], record(plan, 1, 3, "failed", seed=2)])
    larger = plan.model_copy(update={"space": plan.space.model_copy(update={"trials": 5})})
    assert not is_finished(larger, [*search, *confirm])


def test_a_superseded_confirm_run_that_still_runs_keeps_a_study_from_being_finished(plan: Plan) -> None:
    search = [record(plan, arm, n, value=n / 10) for arm in (0, 1) for n in range(4)]
    confirm = [record(plan, arm, 3, seed=seed) for arm in (0, 1) for seed in (1, 2)]
    left = record(plan, 0, 2, None, seed=1)
    assert not is_finished(plan, [*search, *confirm, left])
    assert is_finished(plan, [*search, *confirm, record(plan, 0, 2, seed=1)])


SEARCH = ((1, 0.40), (2, 0.52), (3, 0.61), (4, 0.35))
"""(number of the trial, its score): the best lies between two others."""


def searched(plan: Plan, arm: int = 0) -> list[Record]:
    return [record(plan, arm, number, value=value) for number, value in SEARCH]


def test_a_confirm_run_has_the_interpolated_optimum_and_the_choice_is_on_record(plan: Plan) -> None:
    search = searched(plan)
    first, second = confirm_wanted(plan, search)
    assert 2.5e-4 < first.config.learning_rate < 4.5e-4
    assert first.config.learning_rate not in {r.config.learning_rate for r in search}
    assert second.config == first.config.with_seed(2)
    assert first.choice is not None
    assert (first.choice.rule, first.choice.tried) == ("parabola", search[2].key)
    assert first.choice.fit == "through 0.0003: 0.5200, 0.0004: 0.6100, 0.0005: 0.3500"
    assert confirm_wanted(plan, search[::-1]) == [first, second]


def test_a_summary_has_the_selected_values_of_confirm_runs_that_count(plan: Plan) -> None:
    search = searched(plan)
    wanted = confirm_wanted(plan, search)
    confirmed = [with_config(plan, 0, one.config, 9, choice=one.choice) for one in wanted]
    arm, other = summary(plan, [*search, *confirmed])["arms"]
    (selected,) = arm["selected"]
    assert (selected["tuning"], selected["rule"], selected["tried"]) == (0, "parabola", search[2].key)
    assert selected["values"] == {"learning_rate": wanted[0].config.learning_rate}
    assert arm["best"]["key"] == search[2].key
    assert other["selected"] == []


def test_a_study_that_began_before_selects_the_best_tried_trial(plan: Plan) -> None:
    """A plan that was stored without the field; the keys of its confirm runs stay as they were."""
    stored = plan.model_dump()
    for field in ("selection", "seed_block", "tunings", "reports_start"):
        del stored[field]
    old, search = Plan(**stored), searched(plan)
    wanted = confirm_wanted(old, search)
    assert [one.config.key for one in wanted] == [search[2].config.with_seed(seed).key for seed in (1, 2)]
    assert [one.choice for one in wanted] == [None, None]


def test_with_two_ranges_a_gaussian_process_selects_among_trials_with_the_bests_levels(
    make_plan: MakePlan,
) -> None:
    """A trial with other levels than the best, and a poorer score, does not move the optimum."""
    rate, decay = Range(low=1e-4, high=1e-2, log=True), Range(low=0.0, high=0.1)
    plan = make_plan(nuisance={"learning_rate": rate, "weight_decay": decay, "batch_size": (8, 16)}, trials=8)

    def tried(number: int, batch_size: int) -> Record:
        off = (number * 0.38) % 1
        values = {"learning_rate": 1e-4 * 100**off, "weight_decay": 0.1 * ((number * 0.7) % 1)}
        config = plan.config(plan.arms()[0], values | {"batch_size": batch_size})
        score = 0.6 - (off - 0.45) ** 2 - (values["weight_decay"] - 0.04) ** 2
        return with_config(plan, 0, config, number, value=score - 0.2 * (batch_size == 8))

    search = [tried(number, 16) for number in range(8)]
    first, _ = confirm_wanted(plan, search)
    assert first.choice is not None
    assert first.choice.rule == "gaussian process"
    assert first.config.batch_size == 16
    assert 4e-4 < first.config.learning_rate < 1.6e-3
    others = [tried(number, 8) for number in range(8)]
    assert confirm_wanted(plan, [*others, *search])[0] == first


def test_if_nothing_can_be_interpolated_the_record_has_the_reason(plan: Plan) -> None:
    search = searched(plan)[:3]
    [first, _] = confirm_wanted(plan, search)
    assert first.config == search[2].config.with_seed(1)
    assert first.choice == ("best tried", "the best tried learning_rate is the highest tried", search[2].key)


def test_trials_that_ended_early_are_no_points_of_the_fit(plan: Plan) -> None:
    ended = [record(plan, 0, 5, "pruned"), record(plan, 0, 6, "diverged"), record(plan, 0, 7, "failed")]
    assert confirm_wanted(plan, [*searched(plan)[:3], *ended]) == confirm_wanted(plan, searched(plan)[:3])


def test_another_search_trial_beside_the_best_supersedes_the_confirm_runs(plan: Plan) -> None:
    search = searched(plan)
    confirmed = [with_config(plan, 0, one.config, 9) for one in confirm_wanted(plan, search)]
    assert summary(plan, [*search, *confirmed])["superseded"] == 0
    more = [*search, record(plan, 0, 9, value=0.1)]
    assert summary(plan, [*more, *confirmed])["superseded"] == 0  # it is no neighbour of the best
    config = plan.config(plan.arms()[0], {"learning_rate": 3.3e-4})
    beside = with_config(plan, 0, config, 7, value=0.58)
    found = summary(plan, [*more, beside, *confirmed])
    assert (found["superseded"], found["waiting"]) == (2, 2 + 6)


def test_each_tuning_confirms_its_own_optimum_at_seeds_of_its_own(plan: Plan) -> None:
    twice = plan.model_copy(update={"tunings": 2})
    first = searched(plan)
    of_second = twice.each_tuning()[1]
    second = [
        with_config(twice, 0, of_second.config(twice.arms()[0], {"learning_rate": 1e-3 * n}), n, value=value)
        for n, value in SEARCH
    ]
    assert {r.tuning for r in second} == {1}
    wanted = confirm_wanted(twice, [*first, *second])
    assert [(one.tuning, one.config.seed) for one in wanted] == [(0, 1), (1, 1001), (0, 2), (1, 1002)]
    assert [one.config.key for one in wanted if one.tuning == 0] == [
        one.config.key for one in confirm_wanted(plan, first)
    ]
    assert wanted[1].config.learning_rate > 2e-3
    assert summary(twice, [])["planned"] == 2 * 12
    confirmed = [with_config(twice, 0, one.config, 9) for one in wanted]
    found = summary(twice, [*first, *second, *confirmed])
    assert (found["planned"], found["complete"], found["superseded"]) == (24, 12, 0)


def test_a_whole_number_is_confirmed_as_a_whole_number(make_plan: MakePlan) -> None:
    plan = make_plan(nuisance={"steps": Range(low=100, high=400)})
    (arm,) = plan.arms()
    search = [
        with_config(plan, 0, plan.config(arm, {"steps": steps}), number, value=value)
        for number, (steps, value) in enumerate([(100, 0.40), (200, 0.52), (290, 0.61), (400, 0.35)])
    ]
    first, _ = confirm_wanted(plan, search)
    assert first.choice is not None
    assert first.choice.rule == "parabola"
    assert first.config.steps not in {100, 200, 290, 400}
    assert isinstance(first.config.steps, int)


COSTS: dict[str, Any] = {
    "costs": ("parameters",),
    "fixed": {"steps": 10},
    "trials": 14,
    "confirm_seeds": 2,
}


def test_each_student_of_the_front_is_confirmed_at_every_seed(
    make_plan: MakePlan, open_ledger: OpenLedger
) -> None:
    plan = make_plan(**COSTS | {"trials": 3})
    ledger = open_ledger(plan)
    ended = [
        ledger.tell(ask(ledger), State.COMPLETE, value, costs=(cost,))
        for value, cost in [(0.5, 10.0), (0.6, 20.0), (0.4, 30.0)]
    ]
    found = summary(plan, ledger.records())
    assert [student["key"] for student in found["front"]] == [ended[1].key, ended[0].key]
    assert found["front"][0]["costs"] == {"parameters": 20.0}
    assert (found["planned"], found["waiting"]) == (3 + 2 * 2, 4)
    wanted = confirm_wanted(plan, ledger.records())
    assert [(one.choice.tried, one.config.seed) for one in wanted if one.choice] == [
        (ended[1].key, 1),
        (ended[0].key, 1),
        (ended[1].key, 2),
        (ended[0].key, 2),
    ]
    while (record := ledger.ask_confirm(wanted)) is not None:
        ledger.tell(record, State.COMPLETE, 0.5)
    assert is_finished(plan, ledger.records())
    assert [record.costs for record in open_ledger(plan).records() if record.phase == "confirm"] == [()] * 4


def test_a_larger_budget_supersedes_students_that_leave_the_front(
    make_plan: MakePlan, open_ledger: OpenLedger
) -> None:
    plan = make_plan(**COSTS | {"trials": 1})
    ledger = open_ledger(plan)
    ledger.tell(ask(ledger), State.COMPLETE, 0.5, costs=(10.0,))
    while (record := ledger.ask_confirm(confirm_wanted(plan, ledger.records()))) is not None:
        ledger.tell(record, State.COMPLETE, 0.5)
    more = make_plan(**COSTS | {"trials": 2})
    ledger = open_ledger(more)
    ledger.tell(ask(ledger), State.COMPLETE, 0.6, costs=(10.0,))
    found = summary(more, ledger.records())
    assert (found["superseded"], found["planned"], found["waiting"]) == (2, 4, 2)


def test_no_trial_is_lost_from_the_count_if_no_trial_is_complete(
    make_plan: MakePlan, open_ledger: OpenLedger
) -> None:
    plan = make_plan(**COSTS | {"trials": 2})
    ledger = open_ledger(plan)
    for _ in range(2):
        ledger.tell(ask(ledger), State.DIVERGED, None)
    found = summary(plan, ledger.records())
    assert (found["planned"], found["diverged"], found["waiting"], found["front"]) == (2, 2, 0, [])
