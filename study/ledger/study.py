"""One open study, by its name: its folders, its ledger, its lease, and its driver."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from study.errors import RequestError
from study.home import Home
from study.ledger.database import sqlite_file
from study.ledger.lease import Holder, Lease, holder_of, is_alive
from study.ledger.ledger import Ledger
from study.ledger.patience import unlocked
from study.ledger.progress import is_finished
from study.storage.artifacts import Store

__all__ = ["OpenStudy"]

MAGIC = b"SQLite format 3\0"  # https://www.sqlite.org/fileformat.html, "Magic Header String"
DAMAGED = "is damaged"


@dataclass(frozen=True)
class OpenStudy:
    """The study `name` in `home`, whose ledger is open. urls: as `Home.urls` returns them."""

    home: Home
    name: str
    urls: dict[str, str]
    ledger: Ledger

    @classmethod
    def at(
        cls,
        home: Home,
        name: str,
        waits: bool = False,
        looks: bool = False,
        given: Mapping[str, str] | None = None,
    ) -> OpenStudy:
        """Open the study `name` in `home`.

        waits: wait for a database server that does not answer now, because the study goes on. looks: the
        caller only reads, so a ledger that is missing is not made. given: as `Home.urls` takes them.

        Raises:
            RequestError: if `home` has no such study, or its ledger is lost or cannot be opened.
            StudyStopped: if the disk is full, a server has been away for long, or a file is locked for long.
        """
        urls = home.urls(name, given)
        file, called = sqlite_file(urls["ledger_url"]), ""
        if file == home.study(name) / "optuna.db":  # nobody gave an option, so no error may name the option
            called = f"study {name}: {file}"
        if file is not None and (why := _why_no_database(file)) is not None:
            _check_not_lost(home, name, file, why)
            if looks and why != DAMAGED:
                raise RequestError(f"{name}: was interrupted before its plan was written; run it again")
        ledger = Ledger(urls["ledger_url"], name, waits, called)
        if file is not None and unlocked(lambda: ledger.plan, called or f"the ledger {file}") is None:
            _check_not_lost(home, name, file, f"does not hold the study {name}")
        return cls(home, name, urls, ledger)

    @property
    def folder(self) -> Path:
        """The study's folder in the home."""
        return self.home.study(self.name)

    @property
    def trials(self) -> Path:
        """The folder of the trials' folders."""
        return self.home.trials(self.name)

    @property
    def store(self) -> Store:
        """The home's artifacts, with the mirror of this study if it has one."""
        return self.home.store_of(self.name)

    @property
    def keeps_record_at_home(self) -> bool:
        """Whether MLflow's database is the one in the home."""
        return self.urls["tracking_uri"] == self.home.tracking_uri

    def lease(self, dead: Holder | None = None) -> Lease:
        """Return the study's lease, which the caller enters. dead: a holder that is known to be dead."""
        return Lease(self.ledger.storage.engine, self.name, dead)

    def driver(self) -> Holder | None:
        """Return who drives the study now; None if nobody does."""
        engine = self.ledger.storage.engine
        holder = holder_of(engine, self.name)
        return holder if holder is not None and is_alive(engine, self.name, holder) else None

    def is_finished(self) -> bool:
        """Return whether every planned trial has ended.

        Raises:
            RequestError: if there is no plan on record.
        """
        return is_finished(self.ledger.require_plan(), self.ledger.records())


def _why_no_database(file: Path) -> str | None:
    """Why `file` is no database of SQLite; None if it is one, as far as its first bytes show.

    Raises:
        PermissionError: if this user may not read the file.
    """
    if not file.exists():
        return "is missing"
    with file.open("rb") as opened:
        first = opened.read(len(MAGIC))
    return None if first == MAGIC else DAMAGED if first else "is empty"


def _check_not_lost(home: Home, name: str, file: Path, what: str) -> None:
    """Check that the study has no trials: without its plan, a study was interrupted before its first trial.

    Raises:
        RequestError: if there are trials: their ledger was lost. The text names what is still there.
    """
    trials = home.trials(name)
    if not any(trials.glob("*/progress.jsonl")) and not any(trials.glob("*/attempt-*")):
        return
    results = len({path.parent.parent for path in trials.glob("*/attempt-*/result.json")})
    raise RequestError(
        f"study {name}: its ledger is lost: {file} {what}. It held the plan and the trials that were asked. "
        f"Still there: the results of {results} trials in {trials}, and MLflow's record, which "
        f"`kdstudy report {name}{home.option}` reads. To go on, put {file.name} back from a backup; or run "
        "the study under another --name, which uses the teachers that are there"
    )
