"""A trial's folder on disk: each attempt writes into its own, reads those before it, and no two write one.

An attempt whose node was lost may still be running there. It keeps its own files, and nobody waits for it;
since a trial is a pure function of its configuration, what it wrote last is as good as its successor's.
Where there is a mirror, attempts are in it too, so that the next may be made on another node.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import suppress
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from study.config import digest
from study.errors import StorageAway
from study.storage.artifacts import write_atomically
from study.storage.mirror import Mirror

__all__ = [
    "attempt_folder",
    "attempt_folders",
    "bring_attempts",
    "read_ending",
    "send_attempt",
    "student_folder",
    "tidy_mirror",
    "tidy_trial",
    "write_ending",
]

RESULT, CHECKPOINTS, STUDENT = "result.json", "checkpoint-*.pt", "student"


def attempt_folder(folder: Path, attempt: int) -> Path:
    """Where attempt 1, 2, ... of the trial in `folder` writes."""
    return folder / f"attempt-{attempt}"


def attempt_folders(folder: Path) -> list[Path]:
    """All that there are, the newest first."""
    return sorted(folder.glob("attempt-*"), key=lambda path: _number(path.name), reverse=True)


def read_ending(folder: Path) -> dict[str, Any] | None:
    """`{"history": [...], "result": {...}}` of the trial that ended in `folder`; none if it has not."""
    ended = _ended(folder)
    return None if ended is None else ended[1]


def write_ending(own: Path, history: list[dict[str, Any]], result: dict[str, Any]) -> None:
    """End the attempt in `own`: what it reported, and its result, with a digest of both."""
    record = {"history": history, "result": result}
    content = json.dumps(record | {"digest": digest(record)}, indent=1)
    write_atomically(own / RESULT, content.encode())


def bring_attempts(folder: Path, mirror: Mirror | None) -> None:
    """From the mirror, what earlier attempts left that this one reads: a record, or else checkpoints.

    A record that is here, and that a kill kept from being sent, is sent.

    Raises:
        StorageAway: where the mirror does not answer.
    """
    if mirror is None:
        return
    there = mirror.names(folder)
    mirror.pull(folder, [name for name in there if name.endswith(f"/{RESULT}")])
    if (ended := _ended(folder)) is None:
        mirror.pull(folder, [name for name in there if fnmatch(name, f"*/{CHECKPOINTS}")])
    elif f"{ended[0].name}/{RESULT}" not in there:
        mirror.push(ended[0], last=RESULT)


def send_attempt(own: Path, mirror: Mirror | None, ended: bool = False) -> None:
    """Make the attempt `own` in the mirror what it is here.

    While it trains, storage that is away does not stop it: what is missing there goes with the next report.

    Raises:
        StorageAway: where it has `ended`, and the mirror does not answer.
    """
    if mirror is None:
        return
    if ended:
        mirror.push(own, last=RESULT)
    else:
        with suppress(StorageAway):
            mirror.push(own, last=RESULT, patience=0)


def student_folder(folder: Path, mirror: Mirror | None = None) -> Path | None:
    """The weights of the trial that ended in `folder`, where they were kept; from the mirror, if not here.

    Raises:
        StorageAway: where the mirror does not answer.
    """
    bring_attempts(folder, mirror)
    if (ended := _ended(folder)) is None:
        return None
    student = ended[0] / STUDENT
    if mirror is not None and not student.is_dir():
        weights = [name for name in mirror.names(ended[0]) if name.startswith(f"{STUDENT}/")]
        with tempfile.TemporaryDirectory(prefix=".student-", dir=folder) as half:
            mirror.pull(ended[0], weights, Path(half))
            if weights:
                (Path(half) / STUDENT).rename(student)
    return student if student.is_dir() else None


def tidy_trial(folder: Path, keep_student: bool) -> None:
    """Once the trial is over: away with checkpoints, with older attempts, and with weights unless kept."""
    names = []
    for path, folders, files in os.walk(folder):
        own = Path(path).relative_to(folder)
        names += [(own / f).as_posix() + "/" for f in folders] + [(own / f).as_posix() for f in files]
    records = [name.removesuffix(f"/{RESULT}") for name in names if name.endswith(f"/{RESULT}")]
    if not superfluous(names, max(records, key=_number, default=None), keep_student):
        return  # as a rule when a study goes on: no record need be read
    ended = _ended(folder)
    for name in sorted(superfluous(names, ended and ended[0].name, keep_student), reverse=True):
        with suppress(OSError):  # it has gone, or an attempt that runs on has put something in
            (folder / name).rmdir() if name.endswith("/") else (folder / name).unlink()


def tidy_mirror(mirror: Mirror, trials: Path, keep_student: Mapping[str, bool]) -> None:
    """The same in the mirror, of all trials in the folder `trials` that are over: {key: whether kept}.

    Nothing of them need be here. Storage that is away is tidied when a phase begins again.
    """
    with suppress(StorageAway):
        there: dict[str, list[str]] = {}
        for name in mirror.names(trials, patience=0):
            key, _, rest = name.partition("/")
            there.setdefault(key, []).append(rest)
        for key in there.keys() & keep_student.keys():
            names = there[key]
            records = sorted((n for n in names if n.endswith(f"/{RESULT}")), key=_number, reverse=True)
            newest = records[0].partition("/")[0] if records else None
            if superfluous(names, newest, keep_student[key]):  # only then a record is worth reading
                whole = (n for n in records if _parse(mirror.read(trials / key, n, patience=0)) is not None)
                ended = next((name.partition("/")[0] for name in whole), None)
                mirror.remove(trials / key, superfluous(names, ended, keep_student[key]), patience=0)


def superfluous(names: Iterable[str], ended: str | None, keep_student: bool) -> list[str]:
    """Which of the files `names` (`attempt-N/...`) of a trial that is over go; `ended` came to its end."""

    def goes(name: str) -> bool:
        attempt, _, file = name.partition("/")
        weights = file.startswith(f"{STUDENT}/")
        return attempt != ended or fnmatch(file, CHECKPOINTS) or (weights and not keep_student)

    return [name for name in names if name.startswith("attempt-") and goes(name)]


def _ended(folder: Path) -> tuple[Path, dict[str, Any]] | None:
    """The newest attempt that came to its end, with its record; a broken record is none."""
    for path in attempt_folders(folder):
        try:
            record = _parse((path / RESULT).read_bytes())
        except OSError:
            continue
        if record is not None:
            return path, record
    return None


def _parse(content: bytes) -> dict[str, Any] | None:
    try:
        record = json.loads(content.decode("utf-8"))
        return record if record.pop("digest") == digest(record) else None
    except (ValueError, AttributeError, KeyError, TypeError):
        return None


def _number(name: str) -> int:
    """Which attempt a folder or a file in it, `attempt-N/...`, is of."""
    return int(name.partition("/")[0].partition("-")[2])
