"""A study's lease: one driver at a time, on whatever host. The lease is a row in the ledger's own database.

A driver takes the row by compare-and-set. Then a thread of the driver adds 1 to a count in the row every few
seconds: a beat. A holder on another machine is alive if its count moves; two clocks are never compared. A
holder on this machine is alive if its process is there. The row is in a table of its own, because Optuna's
user attributes have no compare-and-set.
"""

from __future__ import annotations

import os
import socket
import threading
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from sqlalchemy import (
    Column,
    ColumnElement,
    Engine,
    Integer,
    MetaData,
    String,
    Table,
    delete,
    insert,
    inspect,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from study.errors import Away, RequestError, StudyStopped
from study.ledger.patience import patiently

__all__ = ["Holder", "Lease", "check_free", "holder_of", "is_alive"]

BEAT = 2.0  # seconds between two beats
SILENCE = 20.0  # seconds without a beat after which a holder on another machine counts as dead

_LEASES = Table(
    "kdstudy_leases",
    MetaData(),
    Column("study", String(255), primary_key=True),
    Column("holder", String(32), nullable=False),
    Column("beat", Integer, nullable=False),
    Column("host", String(255), nullable=False),
    Column("machine", String(255), nullable=False),
    Column("pid", Integer, nullable=False),
    Column("born", String(32), nullable=False),
    Column("since", String(32), nullable=False),
)


@dataclass(frozen=True)
class Holder:
    """Who drives a study, as the lease's row stores it.

    holder: a random name of the driver. beat: the count of its beats. machine: the boot of the kernel and the
    namespace of process numbers; two containers on one host differ. born: when the process began, so that a
    later process with the same pid is another one. since: when the driver took the lease, as text.
    """

    holder: str
    beat: int
    host: str
    machine: str
    pid: int
    born: str
    since: str

    @classmethod
    def here(cls) -> Holder:
        """Return this process as a new holder."""
        since = time.strftime("%Y-%m-%d %H:%M:%S %z")
        pid = os.getpid()
        return cls(uuid.uuid4().hex, 0, socket.gethostname(), _machine(), pid, _born(pid), since)

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}, since {self.since}"


def holder_of(engine: Engine, study: str) -> Holder | None:
    """Return who holds the lease of `study`, dead or alive; None if nobody does."""
    if not inspect(engine).has_table(_LEASES.name):
        return None  # nobody has ever driven a study here
    with engine.connect() as connection:
        row = connection.execute(select(_LEASES).where(_LEASES.c.study == study)).first()
    return None if row is None else Holder(*row[1:])


def is_alive(engine: Engine, study: str, holder: Holder) -> bool:
    """Return whether `holder` still drives.

    For a holder on this machine the answer comes at once. For a holder on another machine this function waits
    for a beat; a holder that does not beat for `SILENCE` seconds counts as dead.
    """
    if holder.machine == _machine():
        return _born(holder.pid) == holder.born
    until = time.monotonic() + SILENCE
    while time.monotonic() < until:
        time.sleep(BEAT / 4)
        try:
            now = holder_of(engine, study)
        except SQLAlchemyError:  # a holder that cannot be seen may be alive: the wait begins again
            until = time.monotonic() + SILENCE
            continue
        if now is None:
            return False
        if (now.holder, now.beat) != (holder.holder, holder.beat):
            return True
    return False


def check_free(engine: Engine, study: str) -> Holder | None:
    """Return the dead holder of the lease of `study`; None if nobody holds the lease.

    Raises:
        RequestError: if the holder is alive; the text names the holder.
    """
    there = holder_of(engine, study)
    if there is not None and is_alive(engine, study, there):
        raise RequestError(f"study {study}: is being run by {there}")
    return there


class Lease:
    """Holds the lease of `study` while it is entered. The beats come from a thread of their own.

    dead: a holder that `check_free` has returned, so that nobody waits for its beat again.

    Raises:
        RequestError: on entering, if another driver holds the lease and is alive.
    """

    def __init__(self, engine: Engine, study: str, dead: Holder | None = None) -> None:
        self.engine, self.study, self.me, self.dead = engine, study, Holder.here(), dead
        self._ended = threading.Event()
        self._beaten = 0.0
        self._lost: str | None = None

    def __enter__(self) -> Lease:
        patiently(self._create_table)
        while not patiently(self._take):
            pass  # another driver was quicker: look again
        threading.Thread(target=self._keep, name="lease", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        try:
            with self.engine.begin() as connection:
                connection.execute(delete(_LEASES).where(*self._mine()))
        except SQLAlchemyError:
            pass  # the database is away: other drivers notice that the beats have ended

    @property
    def lost(self) -> bool:
        """Whether another driver has taken over."""
        return self._lost is not None

    def check(self) -> None:
        """Check that this process still holds the lease; called before anything is written.

        Raises:
            StudyStopped: if another driver has taken over; the text names that driver.
            Away: if this cannot be known, because the database is away.
        """
        if not self.holds():
            if self._lost is not None:
                raise StudyStopped(f"study {self.study} was taken over by {self._lost}")
            raise Away("cannot be read, and another driver may have taken over")

    def holds(self) -> bool:
        """Return whether this process is known to be the holder.

        If this process was stopped for long, or cannot reach the database, another driver may take it for
        dead. So the last beat must be younger than half of `SILENCE`, after which another driver takes over.
        """
        if self._lost is None and _clock() - self._beaten > SILENCE / 2:
            self._beat()
        return self._lost is None and _clock() - self._beaten <= SILENCE / 2

    def _create_table(self) -> None:
        try:
            _LEASES.create(self.engine, checkfirst=True)
        except SQLAlchemyError:
            _LEASES.create(self.engine, checkfirst=True)  # two drivers created it at once

    def _take(self) -> bool:
        """Take the lease; returns False if another driver was quicker.

        Raises:
            RequestError: if another driver holds the lease and is alive.
        """
        self._beaten = _clock()
        mine = {"study": self.study, **vars(self.me)}
        there = holder_of(self.engine, self.study)
        if there is None:
            try:
                with self.engine.begin() as connection:
                    connection.execute(insert(_LEASES).values(mine))
            except IntegrityError:
                return False
            return True
        if there != self.dead:
            there = check_free(self.engine, self.study)
            if there is None:
                return False
        with self.engine.begin() as connection:
            as_seen = (_LEASES.c.holder == there.holder, _LEASES.c.beat == there.beat)
            taken = connection.execute(
                update(_LEASES).where(_LEASES.c.study == self.study, *as_seen).values(mine)
            )
            return taken.rowcount == 1

    def _keep(self) -> None:
        while not self._ended.wait(BEAT) and self._lost is None:
            self._beat()

    def _beat(self) -> None:
        began = _clock()
        try:
            with self.engine.begin() as connection:
                beaten = connection.execute(
                    update(_LEASES).where(*self._mine()).values(beat=_LEASES.c.beat + 1)
                )
        except SQLAlchemyError:
            return  # the database is away, at least for this process
        if beaten.rowcount == 1:
            self._beaten = began
        elif not self._ended.is_set():
            with suppress(SQLAlchemyError):
                self._lost = str(holder_of(self.engine, self.study) or "another driver")

    def _mine(self) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
        return _LEASES.c.study == self.study, _LEASES.c.holder == self.me.holder


def _machine() -> str:
    """Return a name for this machine and its process numbers: a container has process numbers of its own."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return socket.gethostname()


def _born(pid: int) -> str:
    """Return when the process `pid` began, as the kernel counts; empty if there is no such process."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return "" if Path("/proc").exists() else str(pid)
    return "" if fields[0] in "ZX" else fields[19]


def _clock() -> float:
    """Return seconds on a clock that goes on while the machine sleeps, and that nobody can set."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))
