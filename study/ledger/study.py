"""One open study, by its name: its folders, its ledger, its lease, and its driver."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from study.home import Home
from study.ledger.lease import Holder, Lease, holder_of, is_alive
from study.ledger.ledger import Ledger
from study.ledger.progress import is_finished
from study.storage.artifacts import Store

__all__ = ["OpenStudy"]


@dataclass(frozen=True)
class OpenStudy:
    """The study `name` in `home`, whose ledger is open. urls: as `Home.urls` returns them."""

    home: Home
    name: str
    urls: dict[str, str]
    ledger: Ledger

    @classmethod
    def at(cls, home: Home, name: str, waits: bool = False) -> OpenStudy:
        """Open the study `name` in `home`.

        waits: wait for a database server that does not answer now, because the study goes on.

        Raises:
            RequestError: if `home` has no such study, or its ledger cannot be opened.
            StudyStopped: if the disk is full, or a server has been away for long.
        """
        urls = home.urls(name)
        return cls(home, name, urls, Ledger(urls["ledger_url"], name, waits))

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
