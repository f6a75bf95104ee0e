"""While the ledger's database is away, calls wait; nothing is lost, and nothing is written twice."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from optuna.trial import TrialState
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError, OperationalError, ProgrammingError

from study.errors import Away, StudyStopped
from study.ledger import patience
from study.ledger.ledger import Ledger
from study.ledger.memory import Remembered
from study.ledger.patience import patiently
from study.ledger.records import Record, State, Wanted
from study.planning.plan import Plan

MakePlan = Callable[..., Plan]
OpenLedger = Callable[..., Ledger]

pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `patiently` try again soon."""
    monkeypatch.setattr(patience, "PAUSE", (0.001, 0.01))


@pytest.fixture
def ledger(open_ledger: OpenLedger, make_plan: MakePlan) -> Ledger:
    return open_ledger(make_plan(trials=8))


@pytest.fixture
def impatient(ledger: Ledger, tmp_path: Path) -> Ledger:
    """The same study; its connections wait for a lock for 0.01 seconds only."""
    return Ledger(f"sqlite:///{tmp_path / 'optuna.db'}?timeout=0.01", ledger.studies.name)


@pytest.fixture
def locked(ledger: Ledger, tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """Another connection, which locks the database until it is rolled back."""
    other = sqlite3.connect(tmp_path / "optuna.db", check_same_thread=False)
    other.execute("begin exclusive")
    yield other
    other.close()


def wanted(ledger: Ledger) -> list[Wanted]:
    plan = ledger.plan
    assert plan is not None
    rate = {"learning_rate": 1e-3}
    return [Wanted("all", plan.config(plan.arms()[0], rate, seed)) for seed in (1, 2)]


def states(ledger: Ledger) -> dict[TrialState, int]:
    found = [frozen.state for _, _, trials in ledger.studies.stored() for frozen in trials]
    return {state: found.count(state) for state in set(found)}


def away(statement: str = "COMMIT") -> OperationalError:
    """Return the error of a PostgreSQL driver whose server has gone."""
    gone = ConnectionError("server closed the connection unexpectedly\n\tThis probably means ...")
    return OperationalError(statement, {}, gone)


# Waited for


def test_a_locked_database_is_waited_for(
    impatient: Ledger, locked: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other process unlocks the database after three attempts."""
    attempts = iter(range(1000))
    sleep = time.sleep

    def until_unlocked(seconds: float) -> None:
        if next(attempts) == 2:
            locked.rollback()
        sleep(seconds)

    monkeypatch.setattr(time, "sleep", until_unlocked)
    record = patiently(impatient.ask_search)
    assert record is not None
    assert next(attempts) >= 3
    assert impatient.records() == [record]
    assert states(impatient) == {TrialState.RUNNING: 1}


@pytest.mark.parametrize("call", ["records", "mend", "retry_failed"])
def test_before_a_study_goes_on_its_ledger_is_waited_for(
    ledger: Ledger, impatient: Ledger, locked: sqlite3.Connection, call: str
) -> None:
    locked.rollback()
    record = ledger.ask_search()
    assert record is not None
    locked.execute("begin exclusive")
    answers: list[Any] = []
    calling = threading.Thread(target=lambda: answers.append(getattr(impatient, call)()))
    calling.start()
    time.sleep(0.05)
    assert answers == []
    locked.rollback()
    calling.join(20)
    assert len(answers) == 1
    assert impatient.records() == [record]


def test_whatever_a_running_study_asks_does_not_wait_and_can_be_asked_again(
    ledger: Ledger, impatient: Ledger, locked: sqlite3.Connection
) -> None:
    """The driver has running trials to look after, so no call waits."""
    locked.rollback()
    record = ledger.ask_search()
    assert record is not None
    calls: list[tuple[Callable[[], Any], Any]] = [
        (lambda: impatient.report(record, 1, 0.5), False),
        (lambda: impatient.begin_attempt(record), 2),  # the ask has counted the first
        (lambda: impatient.count_death(record, 0), 1),
        (lambda: impatient.tell(record, State.COMPLETE, 0.5).value, 0.5),
        (lambda: impatient.ask_search().number, 1),  # type: ignore[union-attr]
        (lambda: impatient.ask_confirm(wanted(ledger)).number, 0),  # type: ignore[union-attr]
    ]
    for call, answer in calls:
        locked.execute("begin exclusive")
        with pytest.raises(Away, match="locked"):
            call()
        locked.rollback()
        assert call() == answer
    assert [r.outcome for r in impatient.records()] == ["complete", None, None]
    assert impatient.storage.stored.get_trial(record.trial_id).intermediate_values == {1: 0.5}


def test_a_database_that_goes_away_within_an_ask_is_away(
    ledger: Ledger, impatient: Ledger, locked: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The storage tries again by itself, and its last error is only that the transaction is over."""
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    locked.rollback()
    locked.execute("begin immediate")  # it can be read, and not written
    with pytest.raises(Away, match="locked"):
        impatient.ask_search()
    locked.rollback()
    record = impatient.ask_search()
    assert impatient.records() == [record]
    assert states(impatient) == {TrialState.RUNNING: 1}


def test_a_server_that_is_away_is_waited_for() -> None:
    calls: list[str] = []

    def call() -> int:
        calls.append("call")
        if len(calls) < 4:
            raise away()
        return 7

    assert patiently(call) == 7
    assert len(calls) == 4


def test_a_connection_that_broke_is_made_again() -> None:
    """PostgreSQL's drivers raise several errors for this, and SQLAlchemy marks only some of them."""
    errors = iter([DBAPIError("select 1", {}, OSError("broken pipe"), connection_invalidated=True), away()])

    def call() -> int:
        for error in errors:
            raise error
        return 7

    assert patiently(call) == 7


def test_an_error_inside_the_storages_own_is_recognised(ledger: Ledger) -> None:
    """Optuna raises an error of its own, with the database's error inside."""
    failures = iter([True, False])

    @event.listens_for(ledger.storage.engine, "before_cursor_execute")
    def refuse(connection: Any, cursor: Any, statement: str, *more: Any) -> None:
        if statement.startswith("INSERT") and next(failures, False):
            raise away(statement)

    assert patiently(ledger.ask_search) is not None
    assert next(failures, None) is None


# Not waited for


def test_a_read_only_database_stops_the_study_in_one_line(
    open_ledger: OpenLedger, make_plan: MakePlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "sleep", lambda seconds: None)  # the storage tries a new trial again
    ledger = open_ledger(make_plan(trials=8, pruner="median"))  # which wants every report written
    record = ledger.ask_search()
    assert record is not None
    read_only = Ledger(f"sqlite:///file:{tmp_path / 'optuna.db'}?mode=ro&uri=true", ledger.studies.name)
    for call in (
        read_only.ask_search,
        lambda: read_only.report(record, 1, 0.5),
        lambda: read_only.tell(record, State.COMPLETE, 0.5),
        lambda: read_only.begin_attempt(record),
    ):
        with pytest.raises(StudyStopped) as stopped:
            call()
        said = "the ledger's database: attempt to write a readonly database"
        assert str(stopped.value) == said
    assert states(ledger) == {TrialState.RUNNING: 1}


def test_a_full_disk_stops_the_study_in_one_line(ledger: Ledger) -> None:
    """SQLite's limit of pages stands for a full disk."""
    record = ledger.ask_search()
    assert record is not None

    @event.listens_for(ledger.storage.engine, "connect")
    def small(connection: Any, entry: Any) -> None:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages}")

    ledger.storage.remove_session()
    ledger.storage.engine.dispose()
    traceback = "x" * 2000 + "\n"
    with pytest.raises(StudyStopped) as stopped:
        ledger.tell(record, State.FAILED, None, 100 * traceback)
    assert str(stopped.value) == "the ledger's database: database or disk is full"


def test_a_broken_database_stops_the_study_in_one_line(ledger: Ledger, tmp_path: Path) -> None:
    ledger.storage.remove_session()
    ledger.storage.engine.dispose()
    path = tmp_path / "optuna.db"
    path.write_bytes(b"\0" * path.stat().st_size)
    with pytest.raises(StudyStopped, match=r"^the ledger's database: file is not a database$"):
        ledger.records()


def test_a_database_that_stays_away_stops_the_study(
    impatient: Ledger, locked: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "PATIENCE", 0.05)
    with pytest.raises(StudyStopped) as stopped:
        impatient.records()
    assert str(stopped.value) == "the ledger's database: database is locked"
    locked.rollback()
    assert impatient.records() == []


def test_what_is_no_matter_of_the_database_is_raised_as_it_is() -> None:
    calls: list[str] = []

    def call() -> None:
        calls.append("call")
        raise KeyError("learning_rate")

    with pytest.raises(KeyError):
        patiently(call)
    assert len(calls) == 1


def test_a_statement_that_is_wrong_is_not_tried_again() -> None:
    calls: list[str] = []

    def call() -> None:
        calls.append("call")
        raise ProgrammingError("selec 1", {}, ValueError("syntax error"))

    with pytest.raises(StudyStopped, match=r"^the ledger's database: syntax error$"):
        patiently(call)
    assert len(calls) == 1


# Committed, and the answer lost


WRITES = [
    "create_new_trial",
    "set_trial_param",
    "set_trial_user_attr",
    "set_trial_system_attr",
    "set_trial_intermediate_value",
    "set_trial_state_values",
]


class Answers:
    """Raises after write number `lose` of the storage has been committed: the answer is lost."""

    def __init__(self) -> None:
        self.done, self.lose = 0, -1

    def after(self) -> None:
        self.done += 1
        if self.done - 1 == self.lose:
            raise away()


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Answers:
    counted = Answers()

    def watch(name: str) -> None:
        original = getattr(Remembered, name)

        def write(*values: Any, **more: Any) -> Any:
            answer = original(*values, **more)
            counted.after()
            return answer

        monkeypatch.setattr(Remembered, name, write)

    for name in WRITES:
        watch(name)
    return counted


def live(ledger: Ledger, confirm: bool = False) -> Record | None:
    """Run one trial from its ask to its end; None if there is none."""
    ask = partial(ledger.ask_confirm, wanted(ledger)) if confirm else ledger.ask_search
    record = patiently(ask)
    if record is not None:
        patiently(partial(ledger.begin_attempt, record))
        for index in (1, 2):
            assert not patiently(partial(ledger.report, record, index, 0.4 + record.number / 1000))
        patiently(partial(ledger.tell, record, State.COMPLETE, 0.4 + record.number / 1000))
    return record


@pytest.mark.parametrize("confirm", [False, True])
def test_whatever_answer_is_lost_a_trial_starts_once_and_ends_once(
    open_ledger: OpenLedger, make_plan: MakePlan, answers: Answers, confirm: bool
) -> None:
    """Each write of a trial raises in turn, after it was committed."""
    plan = make_plan(name="answers", trials=2, pruner="none" if confirm else "halving")
    undisturbed = open_ledger(plan, "undisturbed")
    answers.done = 0
    expected = [live(undisturbed, confirm), live(undisturbed, confirm)]
    writes = answers.done // 2
    assert writes >= (8 if confirm else 12)
    for lost in range(writes):
        ledger = open_ledger(plan, f"lost {lost}")
        answers.done, answers.lose = 0, lost
        records = [live(ledger, confirm), live(ledger, confirm)]
        assert answers.done > lost
        answers.lose = -1
        assert None not in records
        found = ledger.records()
        assert [r.outcome for r in found] == ["complete"] * 2
        assert [r.key for r in found if r] == [r.key for r in records if r]
        if confirm:
            assert [r.key for r in found] == [r.key for r in expected if r]
        else:
            assert ledger.ask_search() is None
        there = states(ledger)
        assert there.pop(TrialState.COMPLETE) == 2
        assert there.get(TrialState.FAIL, 0) <= 1  # one that died inside its ask
        assert TrialState.RUNNING not in there


def test_a_duplicate_whose_answer_is_lost_is_no_trial(
    open_ledger: OpenLedger, make_plan: MakePlan, answers: Answers
) -> None:
    """The arm has few points, so the sampler proposes them again and again."""
    plan = make_plan(name="few", nuisance={"warmup": (0.0, 0.1, 0.2)}, sampler="random", trials=3)
    for lost in range(0, 30, 3):
        ledger = open_ledger(plan, f"lost {lost}")
        answers.done, answers.lose = 0, lost
        keys = []
        while (record := live(ledger)) is not None:
            keys.append(record.key)
        answers.lose = -1
        assert len(keys) == len(set(keys)) == 3
        assert sorted(r.key for r in ledger.records()) == sorted(keys)
        assert {r.outcome for r in ledger.records()} == {"complete"}
        assert TrialState.RUNNING not in states(ledger)


def test_a_death_whose_answer_is_lost_is_counted(ledger: Ledger, answers: Answers) -> None:
    record = ledger.ask_search()
    assert record is not None
    assert [ledger.count_death(record, 0), ledger.count_death(record, 0)] == [1, 2]
    answers.done, answers.lose = 0, 0
    assert patiently(partial(ledger.count_death, record, 0)) >= 3
