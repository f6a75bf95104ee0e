"""The content-addressed store: artifacts that are built once and used by all trials and all later studies.

An artifact is a folder `ROOT/KIND/KEY`; KEY is the sha256 of everything that decides its content. One rename
publishes the artifact, so after a kill it is whole or absent. A manifest holds the hashes of its files: if a
disk spoils a file later, the hashes differ, and the artifact is built again. A lock prevents two processes
from doing the same work twice. If locks fail (network file systems), the rename still keeps the artifact
whole. While an artifact is being built, its builder keeps checkpoints in a second folder, which survives
interruptions.

If the store has a mirror, an artifact that is missing here is fetched from the mirror, and an artifact that
is missing there is sent. Of the processes of a node one fetches, and the others wait for its lock. An
artifact that is spoilt there, or was sent in part, counts as absent by the same hashes; its manifest is then
removed there, so that the next process that has the artifact sends it again. Locks do not reach other nodes:
two nodes may build the same artifact at once, and the files of the later one replace the files of the
earlier one.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

from study.storage.mirror import Mirror

__all__ = ["Store", "write_atomically"]

MANIFEST = "manifest.json"  # file -> [bytes, sha256]
FETCHES = 2  # times that a copy is fetched before it counts as spoilt
_whole: set[Path] = set()  # artifacts that this process has checked; once is enough
_sent: set[tuple[Mirror, Path]] = set()  # artifacts that this process found in a mirror, or sent there


@dataclass(frozen=True)
class Store:
    """Artifacts under one `root` folder. All workers must be able to reach the root, or else the `mirror`."""

    root: Path
    mirror: Mirror | None = None

    def path(self, kind: str, key: str) -> Path:
        """The folder where the artifact is, or will be."""
        return self.root / kind / key

    def has(self, kind: str, key: str) -> bool:
        """Whether the artifact is here and whole. If it is only in the mirror, it is fetched first.

        Raises:
            StorageAway: if the mirror does not answer.
        """
        folder = self.path(kind, key)
        if not self._is_here(folder):
            if self.mirror is None:
                return False
            with self._building(kind, key) as building:  # of many workers on a node, one fetches it
                if not (self._is_here(folder) or self._fetch(folder, building)):
                    return False
                shutil.rmtree(building, ignore_errors=True)
        self._send(folder)
        return True

    def build(self, kind: str, key: str, builder: Callable[[Path, Path], None]) -> Path:
        """The artifact's folder; `builder` makes the artifact if it does not exist.

        `builder(target, work)` fills the empty folder `target`. The folder `work` survives a kill, so the
        next call finds the checkpoints in it.
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
            target = _new_folder(building, "target")
            try:
                builder(target, work)
                (target / MANIFEST).write_text(json.dumps(_hashes(target), indent=1), encoding="utf-8")
                _place(target, final)
            except BaseException:  # makes room for the next attempt if the disk is full
                shutil.rmtree(target, ignore_errors=True)
                raise
            self._send(final, anew=True)
            shutil.rmtree(building, ignore_errors=True)
        return final

    @contextmanager
    def _building(self, kind: str, key: str) -> Iterator[Path]:
        """The folder in which an artifact is made; one process of this node has it at a time."""
        building = self.root / "building" / kind / key
        building.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(building.parent / f"{key}.lock"):
            yield building

    def _is_here(self, folder: Path) -> bool:
        if folder not in _whole and _is_whole(folder):
            _whole.add(folder)
        return folder in _whole and folder.is_dir()

    def _fetch(self, folder: Path, building: Path) -> bool:
        """Fetch the artifact from the mirror; returns whether the mirror has the whole artifact.

        A copy that is spoilt is fetched once more, because it may just have been replaced.
        """
        assert self.mirror is not None
        for _ in range(FETCHES):
            there = self.mirror.names(folder)
            if MANIFEST not in there:
                return False
            building.mkdir(parents=True, exist_ok=True)
            target = _new_folder(building, "target")
            self.mirror.pull(folder, [MANIFEST], target)
            self.mirror.pull(folder, there.keys() & (_manifest(target) or {}).keys(), target)
            if _is_whole(target):
                _set_aside(folder, building)
                _place(target, folder)
                _whole.add(folder)
                _sent.add((self.mirror, folder))
                return True
            shutil.rmtree(target)
        self.mirror.remove(folder, [MANIFEST])
        return False

    def _send(self, folder: Path, anew: bool = False) -> None:
        """Send the artifact if the mirror does not have it; with `anew`, replace whatever is there."""
        if self.mirror is None or (not anew and (self.mirror, folder) in _sent):
            return
        if anew or MANIFEST not in self.mirror.names(folder):
            self.mirror.push(folder, last=MANIFEST, anew=True)
        _sent.add((self.mirror, folder))


def _new_folder(parent: Path, what: str) -> Path:
    """A new folder in `parent`. The umask decides its mode, and a folder of a group stays the group's.

    The module `tempfile` makes folders and files that nobody else can read, whatever the umask.
    """
    folder = parent / f"{what}-{uuid.uuid4().hex}"
    folder.mkdir()
    return folder


def _set_aside(final: Path, building: Path) -> None:
    """Move a spoilt artifact out of the way; processes that have its files open keep them."""
    if final.is_dir():
        final.rename(_new_folder(building, "spoilt"))


def _place(target: Path, final: Path) -> None:
    """Rename the whole folder `target` to `final`."""
    final.parent.mkdir(parents=True, exist_ok=True)
    try:
        target.rename(final)
    except OSError:
        if not final.is_dir():  # otherwise another builder was first, with the same content
            raise


def _hashes(folder: Path) -> dict[str, list[int | str]]:
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != MANIFEST)
    return {path.relative_to(folder).as_posix(): [path.stat().st_size, _sha256(path)] for path in files}


def _manifest(folder: Path) -> dict[str, Any] | None:
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except PermissionError:  # the artifact is there, and must not be built again
        raise
    except (OSError, ValueError):
        return None
    return manifest if isinstance(manifest, dict) else None


def _is_whole(folder: Path) -> bool:
    manifest = _manifest(folder)
    try:
        return manifest is not None and manifest == _hashes(folder)
    except PermissionError:
        raise
    except OSError:
        return False


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_atomically(path: Path, content: bytes | memoryview, private: bool = False) -> None:
    """Replace the file at `path`; at any time, also after a kill, it has the old content or the new one.

    The umask decides the mode of the file. private: only this user may read the file.
    """
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600 if private else 0o666)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
