"""A copy of a home's artifacts and attempts at a URL, for nodes and drivers that share no file system.

The file `HOME/some/folder/file` here is `URL/some/folder/file` there. Every object is replaced as a whole: an
object store publishes an object when its upload is complete; on other file systems the file is written under
another name and renamed. The file that marks a folder as whole (`manifest.json`, `result.json`) is sent last,
so a folder that a kill left incomplete counts as absent. (A reader that reads a large object in pieces while
the object is replaced may get pieces of both. All readers check hashes: of artifacts, checkpoints, results.)

A call that fails is repeated, because networks fail. After `PATIENCE` seconds it raises `StorageAway`: the
study stops and can be resumed, because the results of its trials would not be safe. Only the checkpoints of a
trial that trains do not wait for the storage: the next report sends them.

Credentials, region and endpoint come from the environment (AWS_...) of every node, or from the URL's query.
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

PATIENCE = 900.0  # seconds without an answer before the study stops; the same as for the ledger
PAUSE = (0.5, 10.0)  # seconds between two calls: at first, and at most
PROBE_LIMIT = 20.0  # seconds that the probe may take; pyarrow itself would try for minutes
PIECE = 64 << 20  # bytes per request to S3
PUBLISHES_WHOLE = {"s3", "gcs", "abfs"}  # file systems that show an object only after it is closed

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
"""  # runs in a process of its own: a process that waits for S3 cannot be ended from inside

T = TypeVar("T")


@dataclass(frozen=True)
class Mirror:
    """The copy at `url` of the folders below `root`, the home."""

    root: Path
    url: str

    def names(self, folder: Path, patience: float = PATIENCE) -> dict[str, int]:
        """The files of `folder` there and of all folders below it: {path relative to `folder`: bytes}.

        Raises:
            StorageAway: if the storage does not answer for `patience` seconds, like all methods here.
        """
        return self._patiently(lambda: self._names(folder), patience)

    def push(self, folder: Path, last: str, patience: float = PATIENCE, anew: bool = False) -> None:
        """Make `folder` there equal to `folder` here; the file `last` is sent after all others.

        A file of the same name and size counts as sent, unless `anew`.
        """
        self._patiently(lambda: self._push(folder, last, anew), patience)

    def pull(self, folder: Path, names: Iterable[str], into: Path | None = None) -> None:
        """Fetch the files `names` of `folder` that are there and not here, `into` another folder if given."""
        for name in names:
            target = (into or folder) / name
            if not target.exists():
                self._patiently(lambda n=name, t=target: self._get(folder, n, t), PATIENCE)  # type: ignore[misc]

    def read(self, folder: Path, name: str, patience: float = PATIENCE) -> bytes:
        """The content of one file there; empty if there is no such file."""
        return self._patiently(lambda: self._read(folder, name), patience)

    def remove(self, folder: Path, names: Iterable[str], patience: float = PATIENCE) -> None:
        """Remove the files `names` of `folder` there, if they exist."""
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
                self._send(here[name], self._at(folder, name))
        for name in there.keys() - here.keys():
            self._delete(folder, name)

    def _send(self, source: Path, target: str) -> None:
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
        except FileNotFoundError:  # an older attempt that still runs has removed it
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
                if error.errno is not None:  # an error of this node's disk: a network's has no number
                    raise
                if time.monotonic() + pause > until:
                    raise StorageAway(f"--storage-url {self.url}: {_first_line(str(error))}") from error
            time.sleep(pause)
            pause = min(PAUSE[1], pause * 2)


def check_storage(url: str) -> None:
    """Check the storage at `url`: write a small object, and remove it.

    Raises:
        RequestError: if `url` is no URL of storage, or the storage cannot be written to or does not answer.
    """
    wanted = "must be a folder that can be written to: s3://BUCKET/PREFIX, gs://BUCKET/PREFIX or file:///PATH"
    try:
        found = subprocess.run(
            [sys.executable, "-c", PROBE, url],
            capture_output=True,
            text=True,
            timeout=PROBE_LIMIT,
            check=False,
        )
        why = _first_line(found.stderr) if found.returncode else ""
    except subprocess.TimeoutExpired:
        why = f"no answer within {PROBE_LIMIT:g} seconds"
    if why:
        raise RequestError(f"--storage-url {url}: {wanted}; {why}")


@cache
def _connect(url: str) -> tuple[Any, str]:
    """pyarrow's file system of `url`, and the path in it. Without a mirror, pyarrow is not imported."""
    from pyarrow.fs import FileSystem

    there, path = FileSystem.from_uri(url)
    return there, path.rstrip("/")


def _write(there: Any, source: Path, target: str) -> None:
    """Write the file `source` to `target` with one call.

    pyarrow's streams cannot be given up: a stream that an exception leaves is closed, and the half-written
    object would be published. If the one call fails to send a part, nothing is published.
    """
    import pyarrow

    content = pyarrow.memory_map(str(source)).read_buffer() if source.stat().st_size else b""
    stream = there.open_output_stream(target, compression=None)
    stream.write(content)
    stream.close()


def _is_inside(name: str) -> bool:
    """Whether the file `name`, which the storage gave, stays inside the folder that it is written into."""
    path = PurePosixPath(name)
    return bool(name) and not path.is_absolute() and ".." not in path.parts


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0][:300] or "it cannot be reached"
