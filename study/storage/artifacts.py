"""The content-addressed store: what is built once and shared by all trials and all later studies.

An artifact is a folder `ROOT/KIND/KEY`, where KEY is the sha256 of everything that decides its content.
It appears by one rename, so a kill leaves it whole or absent, and a manifest of hashes tells where a disk
has spoilt it since: then it is built again. A lock keeps two builders from doing the same work
twice, and the rename keeps them right where locks fail (network file systems). While it is being built,
a second folder outlives interruptions: builders keep their checkpoints there.

Where the store has a mirror, an artifact that is not here is brought from there, and one that is not there
is sent; what has been spoilt there, or was half sent, counts as absent by the same hashes. No lock reaches
across nodes: two of them may build the same at once, and the later one's files replace the other's.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

from study.storage.mirror import Mirror

__all__ = ["Store", "write_atomically"]

MANIFEST = "manifest.json"  # file -> [bytes, sha256]
_whole: set[Path] = set()  # what this process has checked: once is enough for it
_sent: set[tuple[Mirror, Path]] = set()  # what it has found in a mirror, or put there


@dataclass(frozen=True)
class Store:
    """Artifacts under one root folder, which all workers must be able to reach, or else the `mirror`."""

    root: Path
    mirror: Mirror | None = None

    def path(self, kind: str, key: str) -> Path:
        """Where the artifact is, or will be."""
        return self.root / kind / key

    def has(self, kind: str, key: str) -> bool:
        """Whether the artifact is there, and is what was built; from the mirror it is brought here first.

        Raises:
            StorageAway: where the mirror does not answer.
        """
        folder = self.path(kind, key)
        if not self._is_here(folder):
            if self.mirror is None:
                return False
            with self._building(kind, key) as building:  # of many workers on a node one brings it
                if not (self._is_here(folder) or self._bring(folder, building)):
                    return False
                shutil.rmtree(building, ignore_errors=True)
        self._send(folder)
        return True

    def build(self, kind: str, key: str, builder: Callable[[Path, Path], None]) -> Path:
        """The artifact's folder, built first if it is not there.

        `builder(target, work)` fills the empty folder `target`; `work` survives a kill, so that the next
        call finds its checkpoints there.
        """
        final = self.path(kind, key)
        if self.has(kind, key):
            return final
        with self._building(kind, key) as building:
            if self._is_here(final):
                return final
            work = building / "work"
            work.mkdir(parents=True, exist_ok=True)
            _set_aside(final, building)
            target = Path(tempfile.mkdtemp(prefix="target-", dir=building))
            try:
                builder(target, work)
                (target / MANIFEST).write_text(json.dumps(_hashes(target), indent=1), encoding="utf-8")
                _place(target, final)
            except BaseException:  # on a disk that is full, room for the next attempt
                shutil.rmtree(target, ignore_errors=True)
                raise
            self._send(final, anew=True)
            shutil.rmtree(building, ignore_errors=True)
        return final

    @contextmanager
    def _building(self, kind: str, key: str) -> Iterator[Path]:
        """The folder that an artifact is made in, for one process of this node at a time."""
        building = self.root / "building" / kind / key
        building.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(building.parent / f"{key}.lock"):
            yield building

    def _is_here(self, folder: Path) -> bool:
        if folder not in _whole and _is_whole(folder):
            _whole.add(folder)
        return folder in _whole and folder.is_dir()

    def _bring(self, folder: Path, building: Path) -> bool:
        """Whether the mirror has the artifact whole; it is here then."""
        assert self.mirror is not None
        there = self.mirror.names(folder)
        if MANIFEST not in there:
            return False
        building.mkdir(parents=True, exist_ok=True)
        target = Path(tempfile.mkdtemp(prefix="target-", dir=building))
        self.mirror.pull(folder, [MANIFEST], target)
        self.mirror.pull(folder, there.keys() & (_manifest(target) or {}).keys(), target)
        if not _is_whole(target):
            shutil.rmtree(target)
            return False
        _set_aside(folder, building)
        _place(target, folder)
        _whole.add(folder)
        _sent.add((self.mirror, folder))
        return True

    def _send(self, folder: Path, anew: bool = False) -> None:
        """See to it that the mirror has the artifact; `anew`: whatever is there is not the artifact."""
        if self.mirror is None or (not anew and (self.mirror, folder) in _sent):
            return
        if anew or MANIFEST not in self.mirror.names(folder):
            self.mirror.push(folder, last=MANIFEST, anew=True)
        _sent.add((self.mirror, folder))


def _set_aside(final: Path, building: Path) -> None:
    """Away with a spoilt artifact; those who have it open keep what they have."""
    if final.is_dir():
        final.rename(tempfile.mkdtemp(prefix="spoilt-", dir=building))


def _place(target: Path, final: Path) -> None:
    """Rename the whole folder `target` to `final`."""
    final.parent.mkdir(parents=True, exist_ok=True)
    target.chmod(0o755)
    try:
        target.rename(final)
    except OSError:
        if not final.is_dir():  # else another builder was first: its content is the same
            raise


def _hashes(folder: Path) -> dict[str, list[int | str]]:
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != MANIFEST)
    return {path.relative_to(folder).as_posix(): [path.stat().st_size, _sha256(path)] for path in files}


def _manifest(folder: Path) -> dict[str, Any] | None:
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return manifest if isinstance(manifest, dict) else None


def _is_whole(folder: Path) -> bool:
    manifest = _manifest(folder)
    try:
        return manifest is not None and manifest == _hashes(folder)
    except OSError:
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
