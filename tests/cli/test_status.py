"""How far a study is: counted by key, adding up at every moment of it."""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from study.cli.status import read_status, status_table
from study.errors import RequestError
from study.home import Home
from study.ledger import patience
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


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("", "is damaged: Expecting value"),
        ("[]", "is damaged: it is no table of URLs"),
        ('{"ledger_url": "postgresql+psycopg://nobody:hush@127.0.0.1:1/none"}', "connection"),
    ],
    ids=["empty", "no table", "unreachable"],
)
def test_a_broken_study_has_a_row_with_its_reason_among_all_studies(
    command: Any, home: Home, ledger: Ledger, content: str, why: str
) -> None:
    (home.root / "studies" / "broken").mkdir()
    (home.root / "studies" / "broken" / "study.json").write_text(content)
    answer = command("status", "--home", home.root)
    assert answer.code == 1
    shown = {row[0]: row for row in rows_of(answer.out)}
    assert shown["broken"][1:] == ["-"] * 8
    assert shown["demo"][2] == "12"
    assert answer.err.startswith("broken cannot be read: ")
    assert why in answer.err
    assert "hush" not in answer.err
    listed = command("status", "--home", home.root, "--json")
    broken, fine = json.loads(listed.out)
    assert (listed.code, broken.keys(), fine["name"]) == (1, {"name", "error"}, "demo")
    assert why in broken["error"]
    alone = command("status", "broken", "--home", home.root)
    assert (alone.code, alone.out, alone.err.count("\n")) == (2, "", 1)


def rows_of(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines() if len(line.split()) == 9]


# A ledger that is locked, or lost


def locked(home: Home, how: str) -> sqlite3.Connection:
    """A process that has the ledger's database: a backup that reads, or one that lets nobody in."""
    connection = sqlite3.connect(home.study("demo") / "optuna.db", check_same_thread=False)
    connection.execute("BEGIN EXCLUSIVE" if how == "locks" else "BEGIN")
    connection.execute("SELECT count(*) FROM trials").fetchall()
    return connection


def test_status_reads_past_a_reader(home: Home, ledger: Ledger) -> None:
    reader = locked(home, "reads")
    began = time.monotonic()
    assert counts(read_status(home, "demo")) == {"waiting": 12}
    assert time.monotonic() - began < 5
    reader.close()


def test_status_waits_with_a_word_for_a_ledger_that_is_locked(
    command: Any, home: Home, ledger: Ledger, caplog: pytest.LogCaptureFixture
) -> None:
    locker = locked(home, "locks")
    release = threading.Timer(8.0, locker.rollback)
    release.start()
    answer = command("status", "demo", "--home", home.root, "--json")
    release.join()
    locker.close()
    assert (answer.code, json.loads(answer.out)["waiting"]) == (0, 12)
    file = home.study("demo") / "optuna.db"
    assert caplog.messages == [f"waiting for study demo: {file}: the database is locked by another process"]


def test_a_ledger_that_stays_locked_is_no_wrong_request(
    command: Any, home: Home, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "LOCKED", 0.0)
    locker = locked(home, "locks")
    answer = command("status", "demo", "--home", home.root)
    locker.close()
    file = home.study("demo") / "optuna.db"
    assert (answer.code, answer.out) == (1, "")
    assert answer.err == (
        f"stopped: study demo: {file}: the database is locked by another process; try again when that has "
        "ended\n"
    )


@pytest.mark.parametrize("how", ["missing", "empty", "another study's"])
@pytest.mark.parametrize("arguments", ["status demo", "resume demo", "export demo --out {out}"])
def test_a_lost_ledger_is_one_story_everywhere_and_nothing_is_written(
    command: Any, home: Home, ledger: Ledger, tree: Any, tmp_path: Path, arguments: str, how: str
) -> None:
    for key in ("a", "b"):
        (home.trials("demo") / key / "attempt-1").mkdir(parents=True)
        (home.trials("demo") / key / "attempt-1" / "result.json").touch()
    file = home.study("demo") / "optuna.db"
    file.unlink()
    if how == "empty":
        file.touch()
    if how == "another study's":
        home.begin("other", {})
        Ledger(f"sqlite:///{file}", "other").open(ledger.require_plan().model_copy(update={"name": "other"}))
    before = tree(home.root)
    answer = command(*arguments.format(out=tmp_path / "out").split(), "--home", home.root)
    what = {"missing": "is missing", "empty": "is empty"}.get(how, "does not hold the study demo")
    assert (answer.code, answer.out) == (2, "")
    assert answer.err == (
        f"kdstudy: study demo: its ledger is lost: {file} {what}. It held the plan and the trials that were "
        f"asked. Still there: the results of 2 trials in {home.trials('demo')}, and MLflow's record, which "
        f"`kdstudy report demo --home {home.root}` reads. To go on, put optuna.db back from a backup; or run "
        "the study under another --name, which uses the teachers that are there\n"
    )
    assert tree(home.root) == before


def test_a_study_that_was_interrupted_at_once_is_not_lost_and_no_database_is_made(
    command: Any, home: Home, tree: Any
) -> None:
    before = tree(home.root)
    answer = command("status", "demo", "--home", home.root)
    assert answer.err == "kdstudy: demo: was interrupted before its plan was written; run it again\n"
    assert (answer.code, tree(home.root)) == (2, before)


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
