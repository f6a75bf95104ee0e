"""A copy of a home's artifacts and attempts at a URL, for nodes and drivers that share no file system.

What stands at `HOME/some/folder/file` here is `URL/some/folder/file` there. Every object is replaced whole:
an object store publishes it when its upload is complete, elsewhere it is written beside and renamed. The
file that says that a folder is whole (`manifest.json`, `result.json`) goes last, so a kill leaves there what
counts as absent. (One who reads a large object in pieces while it is replaced may get pieces of both; those
who read check hashes: of artifacts, checkpoints and results.)

A call that fails is made again, since networks do. After `PATIENCE` seconds it raises `StorageAway`, which
stops the study, resumable: what a trial would have to show is not safe. Only the checkpoints of a trial that
trains do not wait: they go with the next report instead.

Credentials, region and endpoint come from the environment (AWS_...), on every node, or from the URL's query.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

from study.errors import RequestError, StorageAway

__all__ = ["Mirror", "check_storage"]

PATIENCE = 900.0  # seconds that the storage may be away before the study stops, as for the ledger
PAUSE = (0.5, 10.0)  # seconds between two attempts: the first, and the longest
CHECK = 20.0  # seconds that a first look at the storage may take: pyarrow itself would try for minutes
PIECE = 64 << 20  # bytes that one request to S3 brings
PUBLISHES_WHOLE = {"s3", "gcs", "abfs"}  # file systems of which nobody sees an object before it is closed

PROBE = """
import sys, uuid
from pyarrow.fs import FileSystem
try:
    there, path = FileSystem.from_uri(sys.argv[1])
    if not path.strip("/"):
        raise OSError("it names no bucket")
    probe = f"{path.rstrip('/')}/.probe-{uuid.uuid4().hex}"
    if there.type_name in ("local", "hdfs"):
        there.create_dir(path, recursive=True)
    with there.open_output_stream(probe, compression=None) as stream:
        stream.write(b"probe")
    there.delete_file(probe)
except Exception as error:
    sys.exit(" ".join(str(error).split()))
"""  # in a process of its own, because one that waits for S3 does not end either

T = TypeVar("T")


@dataclass(frozen=True)
class Mirror:
    """The folders below `root`, the home, as they are at `url`."""

    root: Path
    url: str

    def names(self, folder: Path, patience: float = PATIENCE) -> dict[str, int]:
        """Files in `folder` there and in all below it, relative to it: {name: bytes}.

        Raises:
            StorageAway: as everything here does.
        """
        return self._patiently(lambda: self._names(folder), patience)

    def push(self, folder: Path, last: str, patience: float = PATIENCE, anew: bool = False) -> None:
        """Make `folder` there what it is here, the file `last` after all others.

        Files of the same name and size are taken to be there already, unless `anew`.
        """
        self._patiently(lambda: self._push(folder, last, anew), patience)

    def pull(self, folder: Path, names: Iterable[str], into: Path | None = None) -> None:
        """Bring those files of `folder` here, or `into` another one, that are there and not yet here."""
        for name in names:
            target = (into or folder) / name
            if not target.exists():
                self._patiently(lambda n=name, t=target: self._get(folder, n, t), PATIENCE)  # type: ignore[misc]

    def read(self, folder: Path, name: str, patience: float = PATIENCE) -> bytes:
        """Content of one file there; nothing where there is none."""
        return self._patiently(lambda: self._read(folder, name), patience)

    def remove(self, folder: Path, names: Iterable[str], patience: float = PATIENCE) -> None:
        """Remove those files of `folder` there, where they are."""
        for name in names:
            self._patiently(lambda n=name: self._delete(folder, n), patience)  # type: ignore[misc]

    def _names(self, folder: Path) -> dict[str, int]:
        from pyarrow.fs import FileSelector, FileType

        at = self._at(folder)
        found = self._there.get_file_info(FileSelector(at, allow_not_found=True, recursive=True))
        files = {one.path[len(at) + 1 :]: one.size for one in found if one.type == FileType.File}
        return {name: size for name, size in files.items() if _is_inside(name)}

    def _push(self, folder: Path, last: str, anew: bool) -> None:
        there = self._names(folder)
        here = {p.relative_to(folder).as_posix(): p for p in folder.rglob("*") if p.is_file()}
        for name in sorted(here, key=lambda name: (name == last, name)):
            if anew or there.get(name) != here[name].stat().st_size:
                self._put(here[name], self._at(folder, name))
        for name in there.keys() - here.keys():
            self._delete(folder, name)

    def _put(self, source: Path, target: str) -> None:
        if self._there.type_name in PUBLISHES_WHOLE:
            _write(self._there, source, target)
            return
        parent, _, name = target.rpartition("/")
        temporary = f"{parent}/.{name}.{uuid.uuid4().hex}"
        self._there.create_dir(parent, recursive=True)
        _write(self._there, source, temporary)
        self._there.move(temporary, target)

    def _get(self, folder: Path, name: str, target: Path) -> None:
        try:
            source = self._there.open_input_file(self._at(folder, name))
        except FileNotFoundError:  # an older attempt that runs on has removed it
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f".{target.name}.{uuid.uuid4().hex}")
        try:
            with source, temporary.open("xb") as file:
                shutil.copyfileobj(source, file, PIECE)
            os.replace(temporary, target)
        finally:
            temporary.unlink(missing_ok=True)

    def _read(self, folder: Path, name: str) -> bytes:
        try:
            with self._there.open_input_file(self._at(folder, name)) as source:
                return bytes(source.read(source.size()))
        except FileNotFoundError:
            return b""

    def _delete(self, folder: Path, name: str) -> None:
        with suppress(FileNotFoundError):
            self._there.delete_file(self._at(folder, name))

    def _at(self, folder: Path, name: str = "") -> str:
        parts = [_connect(self.url)[1], folder.relative_to(self.root).as_posix(), name]
        return "/".join(part for part in parts if part)

    @property
    def _there(self) -> Any:
        return _connect(self.url)[0]

    def _patiently(self, call: Callable[[], T], patience: float) -> T:
        until, pause = time.monotonic() + patience, PAUSE[0]
        while True:
            try:
                return call()
            except OSError as error:
                if error.errno is not None:  # of a disk, this node's as a rule; a network's have none
                    raise
                if time.monotonic() + pause > until:
                    raise StorageAway(f"--storage-url {self.url}: {_first_line(str(error))}") from error
            time.sleep(pause)
            pause = min(PAUSE[1], pause * 2)


def check_storage(url: str) -> None:
    """Write a small object at `url`, and remove it.

    Raises:
        RequestError: where that is no URL of storage, or it cannot be written to, or does not answer.
    """
    wanted = "must be a folder that can be written to: s3://BUCKET/PREFIX, gs://BUCKET/PREFIX or file:///PATH"
    try:
        found = subprocess.run(
            [sys.executable, "-c", PROBE, url], capture_output=True, text=True, timeout=CHECK, check=False
        )
        why = _first_line(found.stderr) if found.returncode else ""
    except subprocess.TimeoutExpired:
        why = f"no answer within {CHECK:g} seconds"
    if why:
        raise RequestError(f"--storage-url {url}: {wanted}; {why}")


@cache
def _connect(url: str) -> tuple[Any, str]:
    """pyarrow's file system, and the path in it. Imported here: a trial without a mirror does without."""
    from pyarrow.fs import FileSystem

    there, path = FileSystem.from_uri(url)
    return there, path.rstrip("/")


def _write(there: Any, source: Path, target: str) -> None:
    """One call writes it all: a stream that is left half-written is published as it is, even by an exception.

    (pyarrow's stream has no way to give up; left or forgotten, it is closed. Where a part cannot be
    sent, nothing is published.)
    """
    import pyarrow

    content = pyarrow.memory_map(str(source)).read_buffer() if source.stat().st_size else b""
    stream = there.open_output_stream(target, compression=None)
    stream.write(content)
    stream.close()


def _is_inside(name: str) -> bool:
    """Whether a name that was read from the storage stays in the folder that it is put into."""
    path = PurePosixPath(name)
    return bool(name) and not path.is_absolute() and ".." not in path.parts


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0][:300] or "it cannot be reached"
