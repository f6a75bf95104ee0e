"""The home: the one folder of all studies, `--home` or KDSTUDY_HOME, by default `./kdstudy-home`."""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from filelock import FileLock

from study.errors import RequestError, did_you_mean, first_line, masked
from study.storage.artifacts import Store, write_atomically
from study.storage.mirror import Mirror

__all__ = ["Home", "same_address", "sqlite_url"]

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

    def check_shared(self, name: str) -> None:
        """Check that this user may continue the study `name`: in a home of a group, others made its files.

        Raises:
            RequestError: if a file of the study may not be written; the text names the file and its owner.
        """
        folders = [self.root / "artifacts", self.study(name), self.trials(name)]
        for path in [*folders, self.study(name) / "optuna.db", self.database]:
            needed = os.W_OK | os.X_OK if path in folders else os.W_OK
            if path.exists() and not os.access(path, os.R_OK | needed):
                mode = f"{path.stat().st_mode & 0o7777:04o}"
                raise RequestError(
                    f"{path}: no permission: this user may not write it (its mode is {mode}); its owner, "
                    f"{_owner(path)}, can share it: chmod g+rwX"
                )

    def check_databases(self, name: str, given: dict[str, str]) -> None:
        """Check that SQLite can open the databases of the study `name` that are in this home.

        given: the URLs of databases elsewhere, which are not checked.

        Raises:
            RequestError: if a path is too long for SQLite, or MLflow would misread it.
        """
        paths = {"tracking_uri": self.database, "ledger_url": self._ledger(name)}
        here = [len(os.fsencode(path)) for field, path in paths.items() if field not in given]
        if "tracking_uri" not in given and (odd := set("?%") & set(str(self.root))):
            raise RequestError(
                f"--home {self.root}: MLflow's database cannot have {min(odd)} in its path; choose another "
                "home, or give --tracking-uri"
            )
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
        return sqlite_url(self.database)

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

    def urls(self, name: str, given: Mapping[str, str] | None = None) -> dict[str, str]:
        """The URLs of a study: {"ledger_url", "tracking_uri"}, and "storage_url" if the study has a mirror.

        `study.json` stores only the URLs that a user gave. The default URLs are derived from the home's path
        each time, so a home can be moved or copied. given: URLs that count in place of the study's if they
        name the same addresses, perhaps with other passwords.

        Raises:
            RequestError: if there is no such study.
        """
        path = self.study(name) / "study.json"
        if not path.exists():
            known = ", ".join(self.studies()) or "none yet"
            near = did_you_mean(name, self.studies())
            raise RequestError(f"{name}: no such study in {self.root}{near}; there are: {known}")
        urls = self._default_urls(name) | self._given(name)
        return urls | _renewed(urls, given or {})

    def _given(self, name: str) -> dict[str, str]:
        path = self.study(name) / "study.json"
        try:
            given: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
            if not isinstance(given, dict) or not all(isinstance(url, str) for url in given.values()):
                raise ValueError("it is no table of URLs")
        except ValueError as error:
            raise RequestError(
                f"{path}: is damaged: {first_line(error)}; it must hold the URLs that study {name} was begun "
                "with as JSON, {} if none was given"
            ) from None
        return given

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
                if not same_address(url, begun):
                    option = "--" + field.replace("_", "-")
                    raise RequestError(f"{option}: study {name} was begun with {begun}, not {url}")

    def begin(self, name: str, given: dict[str, str]) -> dict[str, str]:
        """Begin the study `name` with the `given` URLs, unless it was begun before; returns all its URLs.

        Raises:
            RequestError: if the study was begun with other URLs.
        """
        self.check_urls(name, given)
        if not (self.study(name) / "study.json").exists():
            self._write(name, given)
        elif new := _renewed(self._given(name), given):
            self._write(name, self._given(name) | new)
        return self.urls(name)

    def moves_record(self, name: str, given: dict[str, str]) -> bool:
        """Whether `given` names another address for MLflow's record of the study `name`, which was begun."""
        uri = given.get("tracking_uri")
        return (
            uri is not None
            and name in self.studies()
            and not same_address(uri, self.urls(name)["tracking_uri"])
        )

    def records_elsewhere(self, name: str, uri: str) -> None:
        """Note that MLflow's record of the study `name` is at `uri` from now on."""
        self._write(name, self._given(name) | {"tracking_uri": uri})

    def _write(self, name: str, given: dict[str, str]) -> None:
        """Write `study.json`. If a URL has a password, which a resume needs, only this user may read it."""
        text = json.dumps(given, indent=1)
        folder = self.study(name)
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(folder / "study.json", text.encode(), private=masked(text) != text)

    def _ledger(self, name: str) -> Path:
        return self.study(name) / "optuna.db"

    def _default_urls(self, name: str) -> dict[str, str]:
        return {
            "ledger_url": sqlite_url(self._ledger(name)),
            "tracking_uri": self.tracking_uri,
        }


def _renewed(urls: Mapping[str, str], given: Mapping[str, str]) -> dict[str, str]:
    """Those of the `given` URLs that are another spelling of `urls`, perhaps with a new password.

    A URL whose password is masked, as outputs show it, has no new password.
    """
    return {
        field: given[field]
        for field, url in urls.items()
        if given.get(field, url) not in (url, masked(url)) and same_address(given[field], url)
    }


def sqlite_url(file: Path) -> str:
    """The URL of the SQLite database in `file`. SQLAlchemy decodes what follows a % in the path.

    (MLflow opens such a database, and makes an empty folder of the encoded name too.)
    """
    return "sqlite:///" + str(file).replace("%", "%25").replace("?", "%3F")


def same_address(one: str, other: str) -> bool:
    """Whether two URLs name the same place: a slash at the end, the letters' case, passwords do not count."""
    return _address(one) == _address(other)


def _address(url: str) -> tuple[object, ...]:
    url = masked(url)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:  # a port that is no number
        return (url,)
    if not parts.netloc:
        return (url.rstrip("/"),)
    host = {"localhost": "127.0.0.1"}.get(parts.hostname or "", parts.hostname)
    port = port or {"http": 80, "https": 443, "postgresql": 5432}.get(parts.scheme.partition("+")[0])
    return parts.scheme, parts.username, host, port, parts.path.rstrip("/"), parts.query


def _owner(path: Path) -> str:
    try:
        return path.owner()
    except KeyError:  # the system has no name for the user
        return f"user {path.stat().st_uid}"
