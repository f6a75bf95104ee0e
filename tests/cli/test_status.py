"""How far a study is: counted by key, adding up at every moment of it."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from study.cli.status import read_status, status_table
from study.errors import RequestError
from study.home import Home
from study.ledger.lease import Lease
from study.ledger.ledger import Ledger
from study.ledger.records import State
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


def counts(found: dict[str, Any]) -> dict[str, int]:
    return {name: found[name] for name in COUNTS if found[name]}


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
