"""How far a study is: counted by key, adding up at every moment of it."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from study.cli.status import read_status, status_table
from study.errors import RequestError
from study.home import Home
from study.ledger.lease import Lease
from study.ledger.ledger import Ledger
from study.ledger.progress import confirm_wanted, summary
from study.ledger.records import Record, State
from study.planning.plan import Plan
from study.tracking.journal import unsent_mark
from tests.cli.shown import rows

MakePlan = Callable[..., Plan]
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
    return Record(
        key=config.key,
        phase="confirm" if seed else "search",
        arm=plan.arms()[arm].name,
        number=number,
        config=config,
        outcome=None if outcome is None else State(outcome),
        value=value if outcome == "complete" else None,
        why="ValueError: no" if outcome == "failed" else None,
        trial_id=number,
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
    assert [(arm, c.seed, c.data_seed) for arm, c in found] == [
        ("init=random", 1, 1),
        ("init=teacher", 1, 1),
        ("init=random", 2, 2),
        ("init=teacher", 2, 2),
    ]
    assert found[0][1].learning_rate == search[1].config.learning_rate
    confirmed = record(plan, 0, 1, value=0.99, seed=1)
    assert confirm_wanted(plan, [*search, confirmed]) == found  # what they find moves nothing


def test_an_arm_without_a_complete_trial_has_nothing_to_confirm(plan: Plan) -> None:
    """Its confirm runs are planned as long as its search may still find a best."""
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


def test_a_finite_arm_plans_no_more_than_its_points(make_plan: MakePlan) -> None:
    plan = make_plan(nuisance={"warmup": (0.0, 0.1)}, trials=9, confirm_seeds=1)
    assert summary(plan, [])["planned"] == 3


@settings(max_examples=30, deadline=None)
@given(st.lists(st.sampled_from([*OUTCOMES, None]), max_size=8), st.integers(0, 2))
def test_counts_add_up_to_planned_at_any_moment(plan: Plan, outcomes: list[Any], confirmed: int) -> None:
    records = [record(plan, n % 2, n // 2, outcome, value=n / 10) for n, outcome in enumerate(outcomes)]
    wanted = confirm_wanted(plan, records)[:confirmed]
    for arm, config in wanted:
        index = [a.name for a in plan.arms()].index(arm)
        records.append(record(plan, index, round(config.learning_rate * 1e4) - 1, seed=config.seed))
    found = summary(plan, records)
    for each in (found, *found["arms"]):
        assert sum(each[name] for name in COUNTS) == each["planned"]
        assert all(each[name] >= 0 for name in COUNTS)
    for name in ("planned", *COUNTS):
        assert sum(arm[name] for arm in found["arms"]) == found[name]
    assert sum(found[name] for name in (*OUTCOMES, "running")) == len(records)


# From any process


@pytest.fixture
def home(fast_sqlite: None, tmp_path: Path) -> Home:
    home = Home(tmp_path / "home")
    home.begin("demo", {})
    return home


@pytest.fixture
def ledger(home: Home, plan: Plan) -> Ledger:
    ledger = Ledger(home.urls("demo")["ledger_url"], "demo")
    ledger.open(plan)
    return ledger


def test_trials_run_only_while_the_driver_that_started_them_lives(home: Home, ledger: Ledger) -> None:
    left = ledger.ask_search()
    assert left is not None
    with Lease(ledger.storage.engine, "demo") as lease:
        assert counts(read_status(home, "demo")) == {"waiting": 12}  # it goes on, and has not come to it yet
        ledger.driver = lease.me.holder
        ledger.begin_attempt(left)
        ledger.begin_attempt(left)
        complete = ledger.ask_search()
        assert complete is not None
        ledger.tell(complete, State.COMPLETE, 0.5)
        assert [r.driver for r in ledger.records()] == [lease.me.holder] * 2
        found = read_status(home, "demo")
        assert counts(found) == {"complete": 1, "running": 1, "waiting": 10}
        driver = {"host": socket.gethostname(), "pid": os.getpid(), "since": lease.me.since}
        assert found["driver"] == driver
    found = read_status(home, "demo")
    assert counts(found) == {"complete": 1, "waiting": 11}
    assert found["driver"] is None


@pytest.mark.processes
def test_a_driver_that_was_killed_drives_no_more(home: Home, ledger: Ledger) -> None:
    assert ledger.ask_search() is not None
    driver = os.fork()
    if driver == 0:
        Lease(Ledger(home.urls("demo")["ledger_url"], "demo").storage.engine, "demo").__enter__()
        os._exit(0)  # without a word
    assert os.waitpid(driver, 0) == (driver, 0)
    found = read_status(home, "demo")
    assert counts(found) == {"waiting": 12}
    assert found["driver"] is None


def test_what_mlflow_may_lack_is_counted_unless_a_driver_is_about_to_send_it(
    home: Home, ledger: Ledger
) -> None:
    for name in ("a", "b"):
        (home.trials("demo") / name).mkdir(parents=True)
    assert read_status(home, "demo")["unsent"] == 0
    for name in ("a", "b"):
        unsent_mark(home.trials("demo") / name).touch()
    assert read_status(home, "demo")["unsent"] == 2
    with Lease(ledger.storage.engine, "demo"):
        assert read_status(home, "demo")["unsent"] == 0


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
def test_tracebacks_are_given_for_what_failed(home: Home, ledger: Ledger) -> None:
    """Not for what has been tried again since, nor where there is none."""
    records = [ledger.ask_search() for _ in range(3)]
    for found in records:
        assert found is not None
        ledger.tell(found, State.FAILED, None, "ValueError: no")
        (home.trials("demo") / found.key).mkdir(parents=True)
    for found in records[:2]:
        assert found is not None
        (home.trials("demo") / found.key / "traceback.txt").write_text("Traceback ...\nValueError: no")
    keys = [found.key for found in records if found]
    assert read_status(home, "demo")["tracebacks"].keys() == set(keys[:2])
    retried = ledger.retry_failed()
    ledger.tell(next(r for r in retried if r.key == keys[0]), State.COMPLETE, 0.5)
    status = read_status(home, "demo")
    assert (status["reasons"], status["tracebacks"]) == ({}, {})
    assert counts(status) == {"complete": 1, "waiting": 11}


def test_a_study_without_a_plan_or_a_name_is_refused(home: Home) -> None:
    with pytest.raises(RequestError, match=r"^demo: was interrupted before its plan was written; run it"):
        read_status(home, "demo")
    with pytest.raises(RequestError, match=r"^other: no such study in "):
        read_status(home, "other")


def test_looking_writes_nothing_and_needs_no_mlflow(home: Home, ledger: Ledger) -> None:
    before = sorted(path for path in home.root.rglob("*"))
    read_status(home, "demo")
    assert sorted(path for path in home.root.rglob("*")) == before
    assert not home.database.exists()


def test_a_home_with_nothing_in_it_has_no_studies(command: Any, tmp_path: Path) -> None:
    assert command("status", "--home", tmp_path / "absent", "--json").out == "[]\n"
    assert not (tmp_path / "absent").exists()


def test_a_study_is_shown_arm_by_arm_and_in_all() -> None:
    counts = {"complete": 1, "pruned": 2, "diverged": 3, "failed": 4, "running": 5, "waiting": 6}
    arm = {"arm": "init=base", "planned": 21, **counts, "best": {"value": 0.5}}
    empty = {"arm": "init=random", "planned": 21, **counts, "best": None}
    found = {"name": "demo", "planned": 42, **counts, "arms": [arm, empty], "best": {"value": 0.5}}
    numbers = ["1", "2", "3", "4", "5", "6"]
    assert rows(status_table(found))[2:] == [
        ["init=base", "21", *numbers, "0.500"],
        ["init=random", "21", *numbers, "-"],
        ["all", "42", *numbers, "0.500"],
    ]
