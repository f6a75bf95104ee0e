"""The home: the one folder of all studies, `--home` or KDSTUDY_HOME, by default `./kdstudy-home`."""

from __future__ import annotations

import json
import os
import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from study.errors import RequestError, did_you_mean
from study.storage.artifacts import Store, write_atomically
from study.storage.mirror import Mirror

__all__ = ["Home"]


@dataclass(frozen=True)
class Home:
    """One folder with `mlflow.db`, `mlartifacts/`, `artifacts/`, and for each study `studies/NAME/`.

    A study's folder holds `study.json` (URLs), `request.json` (the request, for people to read),
    `optuna.db` and `trials/KEY/`.
    """

    root: Path

    @classmethod
    def at(cls, path: Path) -> Home:
        """The home at `path`, which may be relative or begin with `~`."""
        return cls(path.expanduser().resolve())

    @property
    def option(self) -> str:
        """The option that leads a command to this home, " --home PATH"; empty if KDSTUDY_HOME does."""
        kept = os.environ.get("KDSTUDY_HOME")
        return "" if kept and Home.at(Path(kept)) == self else f" --home {shlex.quote(str(self.root))}"

    def check_writable(self) -> None:
        """Check that the root is a folder that can be written to, or can be made.

        Raises:
            RequestError: if it is not, or if its path cannot stand in a database's URL.
        """
        if odd := set("?%") & set(str(self.root)):
            raise RequestError(f"--home {self.root}: a database's URL cannot have {min(odd)} in its path")
        there = next(path for path in (self.root, *self.root.parents) if path.exists())
        if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
            raise RequestError(f"--home {self.root}: {there} is not a folder that can be written to")

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
            "ledger_url": f"sqlite:///{self.study(name) / 'optuna.db'}",
            "tracking_uri": self.tracking_uri,
        }
