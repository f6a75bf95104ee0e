"""Where everything is kept: one folder, `--home` or KDSTUDY_HOME, default `./kdstudy-home`."""

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

    A study's folder holds `study.json` (URLs), `request.json` (what was asked), `optuna.db`, `trials/KEY/`.
    """

    root: Path

    @classmethod
    def at(cls, path: Path) -> Home:
        """The home at `path` as it was given: relative, or with a `~`."""
        return cls(path.expanduser().resolve())

    @property
    def option(self) -> str:
        """What a command has to be given to find this home, with a space before it; nothing where it does."""
        kept = os.environ.get("KDSTUDY_HOME")
        return "" if kept and Home.at(Path(kept)) == self else f" --home {shlex.quote(str(self.root))}"

    def check_writable(self) -> None:
        """Raises:
        RequestError: where the root is not a folder to write to, and cannot become one.
        """
        if odd := set("?%") & set(str(self.root)):
            raise RequestError(f"--home {self.root}: a database's URL cannot have {min(odd)} in its path")
        there = next(path for path in (self.root, *self.root.parents) if path.exists())
        if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
            raise RequestError(f"--home {self.root}: {there} is not a folder that can be written to")

    @property
    def store(self) -> Store:
        return Store(self.root / "artifacts")

    def store_of(self, name: str) -> Store:
        """The same with the mirror of the study `name`, where it has one."""
        url = self.urls(name).get("storage_url")
        return Store(self.root / "artifacts", Mirror(self.root, url) if url else None)

    @property
    def tracking_uri(self) -> str:
        """MLflow's database in this home; an absolute path, because MLflow's own default is relative."""
        return f"sqlite:///{self.database}"

    @property
    def database(self) -> Path:
        """The file of `tracking_uri`."""
        return self.root / "mlflow.db"

    def opening(self) -> FileLock:
        """Held while MLflow opens its database: of two that create one at once, one breaks."""
        return FileLock(self.root / "mlflow.lock")

    def artifact_location(self, urls: dict[str, str]) -> str | None:
        """Where MLflow keeps artifacts: in this home beside its own database; a server decides for itself."""
        ours = urls["tracking_uri"] == self.tracking_uri
        return (self.root / "mlartifacts").as_uri() if ours else None

    def study(self, name: str) -> Path:
        """Folder of the study `name`.

        Raises:
            RequestError: for a name that cannot be a folder's, an experiment's and part of a URL.
        """
        if not re.fullmatch(r"[\w][\w.\- ]{0,99}", name) or name.endswith((" ", ".")):
            raise RequestError(
                f"--name {name!r}: must be letters, digits, '_', '-', '.' or spaces, at most 100"
            )
        return self.root / "studies" / name

    def trials(self, name: str) -> Path:
        return self.study(name) / "trials"

    def studies(self) -> list[str]:
        """Names of the studies begun here."""
        return sorted(path.parent.name for path in self.root.glob("studies/*/study.json"))

    def urls(self, name: str) -> dict[str, str]:
        """Where the study's ledger and tracking are, and its mirror: {"ledger_url", "tracking_uri"}, and
        "storage_url" where there is one.

        `study.json` holds those that were given; those in this home are worked out anew, so that a home
        can be moved or copied.

        Raises:
            RequestError: where there is no such study.
        """
        path = self.study(name) / "study.json"
        if not path.exists():
            known = ", ".join(self.studies()) or "none yet"
            near = did_you_mean(name, self.studies())
            raise RequestError(f"{name}: no such study in {self.root}{near}; there are: {known}")
        given: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
        return self._default_urls(name) | given

    def recorded_at(self, name: str) -> str:
        """MLflow's URL of the study, for who reads its record; MLflow's database alone is a home too.

        Raises:
            RequestError: where there is neither such a study nor a database.
        """
        begun = (self.study(name) / "study.json").exists()
        return self.tracking_uri if self.database.exists() and not begun else self.urls(name)["tracking_uri"]

    def check_urls(self, name: str, given: dict[str, str]) -> None:
        """Raises:
        RequestError: where the study was begun with other URLs than those `given`.
        """
        if name in self.studies():
            for field, url in given.items():
                begun = self.urls(name).get(field, "none")
                if url != begun:
                    option = "--" + field.replace("_", "-")
                    raise RequestError(f"{option}: study {name} was begun with {begun}, not {url}")

    def begin(self, name: str, given: dict[str, str]) -> dict[str, str]:
        """Put the `given` URLs on record, unless the study has been begun; returns all its URLs."""
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
