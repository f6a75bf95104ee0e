"""The home: the one folder of all studies, `--home` or KDSTUDY_HOME, by default `./kdstudy-home`."""

from __future__ import annotations

import json
import os
import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from study.errors import RequestError, did_you_mean, first_line
from study.storage.artifacts import Store, write_atomically
from study.storage.mirror import Mirror

__all__ = ["Home"]

NAME_BYTES = 240  # a file system's names have 255 bytes; the rest is for what others append
SQLITE_PATH = 500  # bytes; SQLite's own limit is 512 (MAX_PATHNAME in its os_unix.c), with what it appends


@dataclass(frozen=True)
class Home:
    """One folder with `mlflow.db`, `mlartifacts/`, `artifacts/`, and for each study `studies/NAME/`.

    A study's folder holds `study.json` (URLs), `request.json` (the request, for people to read),
    `optuna.db` and `trials/KEY/`.
    """

    root: Path

    @classmethod
    def at(cls, path: Path) -> Home:
        """The home at `path`, which may be relative or begin with `~`.

        Raises:
            RequestError: if no system can have a folder of this name.
        """
        try:
            root = path.expanduser().resolve()
            root.exists()
        except (OSError, RuntimeError, ValueError) as error:  # too long, a circle of links, no such user
            raise RequestError(f"--home {path}: cannot be a folder: {first_line(error)}") from None
        return cls(root)

    @property
    def option(self) -> str:
        """The option that leads a command to this home, " --home PATH"; empty if KDSTUDY_HOME does."""
        kept = os.environ.get("KDSTUDY_HOME")
        return "" if kept and Home.at(Path(kept)) == self else f" --home {shlex.quote(str(self.root))}"

    def check_writable(self) -> None:
        """Check that the root is a folder that can be written to, or can be made.

        Raises:
            RequestError: if it is not.
        """
        there = next(path for path in (self.root, *self.root.parents) if path.exists())
        if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
            raise RequestError(f"--home {self.root}: {there} is not a folder that can be written to")

    def check_databases(self, name: str, given: dict[str, str]) -> None:
        """Check that SQLite can open the databases of the study `name` that are in this home.

        given: the URLs of databases elsewhere, which are not checked.

        Raises:
            RequestError: if a path is too long for SQLite, or cannot stand in a database's URL.
        """
        paths = {"tracking_uri": self.database, "ledger_url": self._ledger(name)}
        here = [len(os.fsencode(path)) for field, path in paths.items() if field not in given]
        if here and (odd := set("?%") & set(str(self.root))):
            raise RequestError(f"--home {self.root}: a database's URL cannot have {min(odd)} in its path")
        if (longest := max(here, default=0)) > SQLITE_PATH:
            raise RequestError(
                f"--home {self.root}: the path of a database there would have {longest} bytes, and SQLite "
                f"opens at most {SQLITE_PATH}; choose a home with a shorter path"
            )

    @property
    def store(self) -> Store:
        """The store of artifacts in this home, without a mirror."""
        return Store(self.root / "artifacts")

    def store_of(self, name: str) -> Store:
        """The store of artifacts with the mirror of the study `name`, if the study has a mirror."""
        url = self.urls(name).get("storage_url")
        return Store(self.root / "artifacts", Mirror(self.root, url) if url else None)

    @property
    def tracking_uri(self) -> str:
        """The URL of MLflow's database in this home. The path is absolute; MLflow's default is relative."""
        return f"sqlite:///{self.database}"

    @property
    def database(self) -> Path:
        """The file of `tracking_uri`."""
        return self.root / "mlflow.db"

    def opening(self) -> FileLock:
        """A lock to hold while MLflow opens its database: two processes must not create it at once."""
        return FileLock(self.root / "mlflow.lock")

    def artifact_location(self, urls: dict[str, str]) -> str | None:
        """Where MLflow stores artifacts: in this home if its database is here; None if a server decides."""
        ours = urls["tracking_uri"] == self.tracking_uri
        return (self.root / "mlartifacts").as_uri() if ours else None

    def study(self, name: str) -> Path:
        """The folder of the study `name`.

        Raises:
            RequestError: if `name` cannot be the name of a folder and of an experiment, and a part of a URL.
        """
        if not re.fullmatch(r"[\w][\w.\- ]{0,99}", name) or name.endswith((" ", ".")):
            raise RequestError(
                f"--name {name!r}: must be letters, digits, '_', '-', '.' or spaces, at most 100"
            )
        if (size := len(name.encode())) > NAME_BYTES:
            raise RequestError(f"--name {name!r}: has {size} bytes in UTF-8, must have at most {NAME_BYTES}")
        return self.root / "studies" / name

    def trials(self, name: str) -> Path:
        """The folder of the trials of the study `name`."""
        return self.study(name) / "trials"

    def studies(self) -> list[str]:
        """The names of the studies that were begun in this home, sorted."""
        return sorted(path.parent.name for path in self.root.glob("studies/*/study.json"))

    def urls(self, name: str) -> dict[str, str]:
        """The URLs of a study: {"ledger_url", "tracking_uri"}, and "storage_url" if the study has a mirror.

        `study.json` stores only the URLs that a user gave. The default URLs are derived from the home's path
        each time, so a home can be moved or copied.

        Raises:
            RequestError: if there is no such study.
        """
        path = self.study(name) / "study.json"
        if not path.exists():
            known = ", ".join(self.studies()) or "none yet"
            near = did_you_mean(name, self.studies())
            raise RequestError(f"{name}: no such study in {self.root}{near}; there are: {known}")
        given: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
        return self._default_urls(name) | given

    def recorded_at(self, name: str) -> str:
        """MLflow's URL for the record of the study `name`.

        A folder that holds only MLflow's database is a home too, although no study was begun in it.

        Raises:
            RequestError: if there is neither such a study nor a database.
        """
        begun = (self.study(name) / "study.json").exists()
        return self.tracking_uri if self.database.exists() and not begun else self.urls(name)["tracking_uri"]

    def check_urls(self, name: str, given: dict[str, str]) -> None:
        """Check that the study `name`, if it was begun, was begun with the URLs that are `given` now.

        Raises:
            RequestError: if a URL differs.
        """
        if name in self.studies():
            for field, url in given.items():
                begun = self.urls(name).get(field, "none")
                if url != begun:
                    option = "--" + field.replace("_", "-")
                    raise RequestError(f"{option}: study {name} was begun with {begun}, not {url}")

    def begin(self, name: str, given: dict[str, str]) -> dict[str, str]:
        """Begin the study `name` with the `given` URLs, unless it was begun before; returns all its URLs.

        Raises:
            RequestError: if the study was begun with other URLs.
        """
        self.check_urls(name, given)
        path = self.study(name) / "study.json"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, json.dumps(given, indent=1).encode())
        return self.urls(name)

    def _default_urls(self, name: str) -> dict[str, str]:
        return {
            "ledger_url": f"sqlite:///{self._ledger(name)}",
            "tracking_uri": self.tracking_uri,
        }

    def _ledger(self, name: str) -> Path:
        return self.study(name) / "optuna.db"
