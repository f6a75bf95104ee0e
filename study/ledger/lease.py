"""A study's lease: one driver at a time, on whatever host; a row in the ledger's own database.

The row is taken by compare-and-set and kept by a heartbeat that counts. Whether a holder lives is judged by
looking whether the count moves, never by comparing two clocks; on the holder's own machine, by its process.
(Optuna's user attributes have no compare-and-set.)
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
    """Who drives a study. `born` tells a process from a later one with its pid."""

    holder: str
    beat: int
    host: str
    machine: str
    pid: int
    born: str
    since: str

    @classmethod
    def here(cls) -> Holder:
        """This process."""
        since = time.strftime("%Y-%m-%d %H:%M:%S %z")
        pid = os.getpid()
        return cls(uuid.uuid4().hex, 0, socket.gethostname(), _machine(), pid, _born(pid), since)

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}, since {self.since}"


def holder_of(engine: Engine, study: str) -> Holder | None:
    """Who holds the lease of `study`, dead or alive."""
    if not inspect(engine).has_table(_LEASES.name):
        return None  # nobody has ever driven a study here
    with engine.connect() as connection:
        row = connection.execute(select(_LEASES).where(_LEASES.c.study == study)).first()
    return None if row is None else Holder(*row[1:])


def is_alive(engine: Engine, study: str, holder: Holder) -> bool:
    """Whether `holder` still drives: at once for one of this machine, else after a beat or `SILENCE`."""
    if holder.machine == _machine():
        return _born(holder.pid) == holder.born
    until = time.monotonic() + SILENCE
    while time.monotonic() < until:
        time.sleep(BEAT / 4)
        try:
            now = holder_of(engine, study)
        except SQLAlchemyError:  # one that cannot be seen may be alive: the wait begins anew
            until = time.monotonic() + SILENCE
            continue
        if now is None:
            return False
        if (now.holder, now.beat) != (holder.holder, holder.beat):
            return True
    return False


def check_free(engine: Engine, study: str) -> Holder | None:
    """The holder of the lease of `study`, dead; none where nobody holds it.

    Raises:
        RequestError: naming the holder, where it lives.
    """
    there = holder_of(engine, study)
    if there is not None and is_alive(engine, study, there):
        raise RequestError(f"study {study}: is being run by {there}")
    return there


class Lease:
    """Holds the lease of `study` while it is entered, beating from a thread of its own.

    dead: a holder of which `check_free` has told already; it is not waited for again.

    Raises:
        RequestError: on entering, where a driver that lives holds it.
    """

    def __init__(self, engine: Engine, study: str, dead: Holder | None = None) -> None:
        self.engine, self.study, self.me, self.dead = engine, study, Holder.here(), dead
        self._ended = threading.Event()
        self._beaten = 0.0
        self._lost: str | None = None

    def __enter__(self) -> Lease:
        patiently(self._create_table)
        while not patiently(self._take):
            pass  # another driver was first: look again
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
            pass  # the database is away: that this process has ended is told by its silence

    @property
    def lost(self) -> bool:
        """Whether another driver has taken over."""
        return self._lost is not None

    def check(self) -> None:
        """Before anything is written: still the holder?

        Raises:
            StudyStopped: naming who has taken over.
            Away: where nobody knows, because the database is away.
        """
        if not self.holds():
            if self._lost is not None:
                raise StudyStopped(f"study {self.study} was taken over by {self._lost}")
            raise Away("it does not say whether another driver has taken over")

    def holds(self) -> bool:
        """Whether this process is known to be the holder.

        One that was stopped for long, or cannot reach the database, may have been taken for dead. So its last
        beat must be younger than half of the silence after which another driver takes over.
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
        """Take the lease; false where another driver was quicker."""
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
            return  # the database is away, for this process at least
        if beaten.rowcount == 1:
            self._beaten = began
        elif not self._ended.is_set():
            with suppress(SQLAlchemyError):
                self._lost = str(holder_of(self.engine, self.study) or "another driver")

    def _mine(self) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
        return _LEASES.c.study == self.study, _LEASES.c.holder == self.me.holder


def _machine() -> str:
    """This machine and its process numbers: a container has its own."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return socket.gethostname()


def _born(pid: int) -> str:
    """When the process began, in the kernel's own count; empty for one that is not there."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return "" if Path("/proc").exists() else str(pid)
    return "" if fields[0] in "ZX" else fields[19]


def _clock() -> float:
    """Seconds that go on while the machine sleeps, and that no one can set."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))
