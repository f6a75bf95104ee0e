"""The content-addressed store: what is built once and shared by all trials and all later studies.

An artifact is a folder `ROOT/KIND/KEY`, where KEY is the sha256 of everything that decides its content.
It appears by one rename, so a kill leaves it whole or absent, and a manifest of hashes tells where a disk
has spoilt it since: then it is built again. A lock keeps two builders from doing the same work
twice, and the rename keeps them right where locks fail (network file systems). While it is being built,
a second folder outlives interruptions: builders keep their checkpoints there.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

__all__ = ["Store", "write_atomically"]

MANIFEST = "manifest.json"  # file -> [bytes, sha256]
_whole: set[Path] = set()  # what this process has checked: once is enough for it


@dataclass(frozen=True)
class Store:
    """Artifacts under one root folder, which all workers must be able to reach."""

    root: Path

    def path(self, kind: str, key: str) -> Path:
        """Where the artifact is, or will be."""
        return self.root / kind / key

    def has(self, kind: str, key: str) -> bool:
        """Whether the artifact is there, and is what was built."""
        folder = self.path(kind, key)
        if folder not in _whole and _is_whole(folder):
            _whole.add(folder)
        return folder in _whole and folder.is_dir()

    def build(self, kind: str, key: str, builder: Callable[[Path, Path], None]) -> Path:
        """The artifact's folder, built first if it is not there.

        `builder(target, work)` fills the empty folder `target`; `work` survives a kill, so that the next
        call finds its checkpoints there.
        """
        final = self.path(kind, key)
        if self.has(kind, key):
            return final
        building = self.root / "building" / kind / key
        work = building / "work"
        work.mkdir(parents=True, exist_ok=True)
        with FileLock(self.root / "building" / kind / f"{key}.lock"):
            if self.has(kind, key):
                return final
            if final.is_dir():  # spoilt; those who have it open keep what they have
                final.rename(tempfile.mkdtemp(prefix="spoilt-", dir=building))
            work.mkdir(parents=True, exist_ok=True)
            target = Path(tempfile.mkdtemp(prefix="target-", dir=building))
            builder(target, work)
            (target / MANIFEST).write_text(json.dumps(_hashes(target), indent=1), encoding="utf-8")
            final.parent.mkdir(parents=True, exist_ok=True)
            target.chmod(0o755)
            try:
                target.rename(final)
            except OSError:
                if not final.is_dir():  # else another builder was first: its content is the same
                    raise
            shutil.rmtree(building, ignore_errors=True)
        return final


def _hashes(folder: Path) -> dict[str, list[int | str]]:
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != MANIFEST)
    return {path.relative_to(folder).as_posix(): [path.stat().st_size, _sha256(path)] for path in files}


def _is_whole(folder: Path) -> bool:
    try:
        return bool(json.loads((folder / MANIFEST).read_text(encoding="utf-8")) == _hashes(folder))
    except (OSError, ValueError):
        return False


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_atomically(path: Path, content: bytes | memoryview) -> None:
    """Replace the file at `path` so that a reader, or a kill, finds the old content or the new one."""
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
