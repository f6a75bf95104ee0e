"""The lease: only one driver drives, and another driver takes over if the first is dead, not before."""

from __future__ import annotations

import multiprocessing
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, delete, event, update
from sqlalchemy.exc import OperationalError

from study.errors import Away, RequestError, StudyStopped
from study.ledger import lease
from study.ledger.lease import Holder, Lease, check_free, holder_of, is_alive
from study.ledger.ledger import Ledger

processes = multiprocessing.get_context("fork")
NewEngine = Callable[[], Engine]


@pytest.fixture
def new_engine(fast_sqlite: None, tmp_path: Path) -> NewEngine:
    """Returns the engine of a new process; all engines use one database."""
    return lambda: create_engine(f"sqlite:///{tmp_path / 'ledger.db'}")


@pytest.fixture
def engine(new_engine: NewEngine) -> Engine:
    return new_engine()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the lease beat often."""
    monkeypatch.setattr(lease, "BEAT", 0.02)


def wait_for(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def leave(engine: Engine, study: str = "demo", **changes: Any) -> Holder:
    """Leave the row of a holder that was killed. changes: how the holder differs from this process."""
    left = replace(Holder.here(), **changes)
    with Lease(engine, study), engine.begin() as connection:
        connection.execute(update(lease._LEASES).values(study=study, **vars(left)))
    assert holder_of(engine, study) == left
    return left


# Free


def test_where_no_study_was_ever_driven_there_is_no_holder(engine: Engine) -> None:
    assert holder_of(engine, "demo") is None


def test_it_is_held_from_entering_to_leaving(engine: Engine) -> None:
    with Lease(engine, "demo") as held:
        found = holder_of(engine, "demo")
        assert found is not None
        assert found.holder == held.me.holder
        assert (found.host, found.pid) == (socket.gethostname(), os.getpid())
        assert is_alive(engine, "demo", found)
        held.check()
        assert not held.lost
    assert holder_of(engine, "demo") is None
    with Lease(engine, "demo") as again:
        assert again.me.holder != held.me.holder


def test_it_is_given_back_by_a_driver_that_fails(engine: Engine) -> None:
    with pytest.raises(ValueError, match="no"), Lease(engine, "demo"):
        raise ValueError("no")
    assert holder_of(engine, "demo") is None


def test_studies_in_one_database_have_leases_of_their_own(engine: Engine) -> None:
    with Lease(engine, "one") as one, Lease(engine, "two") as two:
        one.check()
        two.check()
        for each in (one, two):
            found = holder_of(engine, each.study)
            assert found is not None
            assert found.holder == each.me.holder


def test_it_stands_in_the_ledgers_own_database(fast_sqlite: None, make_plan: Any, tmp_path: Path) -> None:
    """Optuna opens a database that has the lease's table beside Optuna's tables, and finds the study."""
    url = f"sqlite:///{tmp_path / 'optuna.db'}"
    ledger = Ledger(url, "demo")
    ledger.open(make_plan())
    with Lease(ledger.storage.engine, "demo") as held:
        again = Ledger(url, "demo")
        assert again.plan == ledger.plan
        assert again.ask_search() is not None
        found = holder_of(again.storage.engine, "demo")
        assert found is not None
        assert found.holder == held.me.holder


# Of many


def test_of_many_threads_exactly_one_takes_it(new_engine: NewEngine) -> None:
    """Also if the table has to be made first."""
    together, over = threading.Barrier(8), threading.Event()
    took: list[str] = []
    refused: list[str] = []

    def drive() -> None:
        engine = new_engine()
        together.wait()
        try:
            with Lease(engine, "demo") as held:
                took.append(held.me.holder)
                over.wait(20)
        except RequestError as error:
            refused.append(str(error))

    threads = [threading.Thread(target=drive) for _ in range(8)]
    for thread in threads:
        thread.start()
    wait_for(lambda: len(took) + len(refused) == 8)
    over.set()
    for thread in threads:
        thread.join()
    assert (len(took), len(refused)) == (1, 7)


@pytest.mark.processes
def test_of_many_processes_exactly_one_takes_it(new_engine: NewEngine) -> None:
    together, over = processes.Barrier(6), processes.Event()
    found = processes.Queue()

    def drive() -> None:
        engine = new_engine()
        together.wait()
        try:
            with Lease(engine, "demo") as held:
                found.put((os.getpid(), f"process {held.me.pid} on {held.me.host}, since {held.me.since}"))
                over.wait(20)
        except RequestError as error:
            found.put((0, str(error)))

    many = [processes.Process(target=drive) for _ in range(6)]
    for process in many:
        process.start()
    answers = [found.get(timeout=20) for _ in many]
    over.set()
    for process in many:
        process.join()
    ((winner, said),) = [answer for answer in answers if answer[0]]
    assert winner in {process.pid for process in many}
    assert [text for pid, text in answers if not pid] == [f"study demo: is being run by {said}"] * 5


def test_of_many_that_find_a_dead_holder_exactly_one_takes_over(new_engine: NewEngine) -> None:
    leave(new_engine(), born="0")
    together, over = threading.Barrier(8), threading.Event()
    took: list[str] = []
    refused: list[str] = []

    def drive() -> None:
        engine = new_engine()
        together.wait()
        try:
            with Lease(engine, "demo") as held:
                took.append(held.me.holder)
                over.wait(20)
        except RequestError as error:
            refused.append(str(error))

    threads = [threading.Thread(target=drive) for _ in range(8)]
    for thread in threads:
        thread.start()
    wait_for(lambda: len(took) + len(refused) == 8)
    found = holder_of(new_engine(), "demo")
    over.set()
    for thread in threads:
        thread.join()
    assert found is not None
    assert took == [found.holder]


# On this machine


def test_while_its_holder_lives_another_is_refused_and_told_who(engine: Engine) -> None:
    with Lease(engine, "demo") as held:
        since = held.me.since
        with pytest.raises(RequestError) as error, Lease(engine, "demo"):
            pass
        said = f"process {os.getpid()} on {socket.gethostname()}, since {since}"
        assert str(error.value) == f"study demo: is being run by {said}"
        held.check()
    assert time.strptime(since, "%Y-%m-%d %H:%M:%S %z")


def test_a_holder_that_is_busy_and_does_not_beat_is_alive(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The holder's process is there; the beats of its thread do not matter."""
    monkeypatch.setattr(lease, "BEAT", 0.01)
    monkeypatch.setattr(lease, "SILENCE", 0.02)
    leave(engine)
    with pytest.raises(RequestError, match=r"^study demo: is being run by process "), Lease(engine, "demo"):
        pass


@pytest.mark.processes
def test_of_a_killed_process_it_is_taken_over_at_once(
    new_engine: NewEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody waits for beats; also while the dead process is a zombie."""
    holding = processes.Event()

    def drive() -> None:
        with Lease(new_engine(), "demo"):
            holding.set()
            time.sleep(60)

    killed = processes.Process(target=drive)
    killed.start()
    assert holding.wait(20)
    engine = new_engine()
    found = holder_of(engine, "demo")
    assert found is not None
    assert (found.pid, is_alive(engine, "demo", found)) == (killed.pid, True)
    os.kill(killed.pid or 0, signal.SIGKILL)
    os.waitid(os.P_PID, killed.pid or 0, os.WEXITED | os.WNOWAIT)  # dead, and not collected
    monkeypatch.setattr(time, "sleep", lambda seconds: pytest.fail("waits"))
    assert not is_alive(engine, "demo", found)
    with Lease(engine, "demo") as held:
        now = holder_of(engine, "demo")
        assert now is not None
        assert now.holder == held.me.holder
    monkeypatch.undo()
    killed.join()
    assert not is_alive(engine, "demo", found)


def test_a_pid_that_belongs_to_another_process_by_now_is_no_holder(engine: Engine) -> None:
    left = leave(engine, born="1")
    assert left.pid == os.getpid()
    assert not is_alive(engine, "demo", left)
    with Lease(engine, "demo") as held:
        held.check()


# On another machine


def test_of_another_machine_it_is_refused_as_soon_as_the_holder_beats(
    quick: None, new_engine: NewEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """This machine has no process of that number, which does not matter."""
    monkeypatch.setattr(lease, "SILENCE", 3600.0)
    far = Lease(new_engine(), "demo")
    far.me = replace(far.me, machine="another boot", host="elsewhere", pid=2**22 + 1, born="5")
    with far:
        with pytest.raises(RequestError) as error, Lease(new_engine(), "demo"):
            pass
        assert str(error.value).startswith("study demo: is being run by process 4194305 on elsewhere, since ")
        far.check()


def test_of_another_machine_it_is_taken_over_after_a_silence(
    quick: None, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "SILENCE", 0.2)
    left = leave(engine, machine="another boot", host="elsewhere")
    assert not is_alive(engine, "demo", left)
    with Lease(engine, "demo") as held:
        found = holder_of(engine, "demo")
        assert found is not None
        assert (found.holder, found.machine) == (held.me.holder, held.me.machine)
        held.check()


def test_one_that_is_known_to_be_dead_is_not_waited_for_again(
    quick: None, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "SILENCE", 0.2)
    leave(engine, machine="another boot")
    dead = check_free(engine, "demo")
    monkeypatch.setattr(lease, "is_alive", lambda *asked: pytest.fail("waits"))
    with Lease(engine, "demo", dead) as held:
        held.check()


def test_one_that_came_after_the_dead_one_is_not_taken_for_it(
    quick: None, new_engine: NewEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "SILENCE", 0.2)
    engine = new_engine()
    leave(engine, machine="another boot")
    dead = check_free(engine, "demo")
    with (
        Lease(new_engine(), "demo", dead),
        pytest.raises(RequestError, match="is being run by"),
        Lease(engine, "demo", dead),
    ):
        pass


def test_a_holder_that_left_during_the_wait_is_gone(
    quick: None, new_engine: NewEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "SILENCE", 3600.0)
    engine = new_engine()
    left = leave(engine, machine="another boot")
    gone = Lease(new_engine(), "demo")
    gone.me = left
    leaving = threading.Timer(0.1, gone.__exit__, (None, None, None))
    leaving.start()
    with Lease(engine, "demo") as held:
        held.check()
    leaving.join()


def test_one_that_lives_elsewhere_is_not_robbed_when_one_look_fails(
    quick: None, new_engine: NewEngine
) -> None:
    """If the database does not answer once, the holder may still be alive."""
    looks = iter(range(1000))
    engine = new_engine()

    @event.listens_for(engine, "before_cursor_execute")
    def look(connection: Any, cursor: Any, statement: str, *more: Any) -> None:
        if statement.startswith("SELECT") and "kdstudy_leases" in statement and next(looks) in (1, 2):
            raise OperationalError(statement, {}, ConnectionError("server closed the connection"))

    far = Lease(new_engine(), "demo")
    far.me = replace(far.me, machine="another boot", host="elsewhere")
    with far:
        with pytest.raises(RequestError, match=" on elsewhere, since "), Lease(engine, "demo"):
            pass
        far.check()
    assert next(looks) > 2


# Lost


def taken_over(engine: Engine, study: str = "demo") -> None:
    """Write the row as another driver does that takes over."""
    other = replace(Holder.here(), machine="another boot", host="elsewhere", pid=7, since="today")
    with engine.begin() as connection:
        connection.execute(update(lease._LEASES).values(study=study, **vars(other)))


def test_a_holder_that_was_taken_over_stops_and_says_by_whom(quick: None, new_engine: NewEngine) -> None:
    with Lease(new_engine(), "demo") as held:
        held.check()
        taken_over(new_engine())
        wait_for(lambda: held.lost)
        with pytest.raises(StudyStopped) as stopped:
            held.check()
        said = "study demo was taken over by process 7 on elsewhere, since today"
        assert str(stopped.value) == said
    found = holder_of(new_engine(), "demo")
    assert found is not None
    assert found.host == "elsewhere"  # leaving takes nothing from its successor


def test_one_that_was_stopped_for_long_looks_before_it_writes(
    new_engine: NewEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A laptop slept, or the process was stopped: the thread has not beaten since."""
    slept = [0.0]
    clock = lease._clock
    monkeypatch.setattr(lease, "_clock", lambda: clock() + slept[0])
    with Lease(new_engine(), "demo") as held:
        taken_over(new_engine())
        slept[0] = lease.SILENCE
        with pytest.raises(StudyStopped, match=r"^study demo was taken over by process 7 on elsewhere, "):
            held.check()


def test_one_that_was_stopped_for_long_and_not_taken_over_goes_on(
    new_engine: NewEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept = [0.0]
    clock = lease._clock
    monkeypatch.setattr(lease, "_clock", lambda: clock() + slept[0])
    with Lease(new_engine(), "demo") as held:
        slept[0] = lease.SILENCE
        held.check()
        assert not held.lost
        found = holder_of(new_engine(), "demo")
        assert found is not None
        assert found.beat == 1  # it has looked


def test_a_holder_whose_row_is_gone_stops(quick: None, new_engine: NewEngine) -> None:
    with Lease(new_engine(), "demo") as held:
        with new_engine().begin() as connection:
            connection.execute(delete(lease._LEASES))
        wait_for(lambda: held.lost)
        with pytest.raises(StudyStopped, match=r"^study demo was taken over by another driver$"):
            held.check()


def test_a_clock_that_jumps_changes_nothing(
    quick: None, new_engine: NewEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The holder goes on, and no other driver takes over."""
    now = time.time
    far = Lease(new_engine(), "demo")
    far.me = replace(far.me, machine="another boot")
    with far:
        for jump in (-1e6, 1e6, 1e9):
            monkeypatch.setattr(time, "time", lambda jump=jump: now() + jump)
            with pytest.raises(RequestError, match="is being run by"), Lease(new_engine(), "demo"):
                pass
            far.check()
        assert not far.lost


def test_a_database_that_is_away_for_a_while_costs_nobody_the_lease(
    quick: None, new_engine: NewEngine
) -> None:
    """Nobody can take over meanwhile. The beats go on when the database is back."""
    away, refused, engine = threading.Event(), threading.Event(), new_engine()

    @event.listens_for(engine, "before_cursor_execute")
    def refuse(connection: Any, cursor: Any, statement: str, *more: Any) -> None:
        if away.is_set() and statement.startswith("UPDATE"):
            refused.set()
            raise OperationalError(statement, {}, ConnectionError("connection refused"))

    with Lease(engine, "demo") as held:
        away.set()
        assert refused.wait(20)
        held.check()
        away.clear()
        found = holder_of(engine, "demo")
        assert found is not None
        wait_for(lambda: (holder_of(engine, "demo") or found).beat > found.beat)
        held.check()


def test_one_that_cannot_reach_the_database_does_not_write(
    quick: None, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another driver may have taken over, and this process may still reach MLflow and the disk."""
    monkeypatch.setattr(lease, "SILENCE", 0.4)
    cut = threading.Event()

    @event.listens_for(engine, "before_cursor_execute")
    def refuse(connection: Any, cursor: Any, statement: str, *more: Any) -> None:
        if cut.is_set():
            raise OperationalError(statement, {}, ConnectionError("no route to host"))

    with Lease(engine, "demo") as held:
        held.check()
        cut.set()
        wait_for(lambda: not held.holds())
        with pytest.raises(Away, match="another driver may have taken over"):
            held.check()
        assert not held.lost
        cut.clear()
        wait_for(held.holds)
        held.check()
