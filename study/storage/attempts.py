"""A trial's folder on disk: each attempt writes into its own folder, and reads the folders before it.

An attempt whose node was lost may still run there. It writes only its own files, and nobody waits for it. A
trial is a pure function of its configuration, so its files are as good as those of the next attempt. If there
is a mirror, attempts are in it too, so the next attempt may run on another node.

An attempt that comes to its end writes its ending, `result.json`: {"history": reports, "result": result,
"digest": sha256 of both}. Files that belong to the ending are written before it, beside it:
of a trial that was scored on test, `texts.json`, which texts were correct, and `predictions.npz`, what was
predicted for each text.
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
    "PREDICTIONS",
    "TEXTS",
    "attempt_folder",
    "attempt_folders",
    "bring_attempts",
    "file_of_ending",
    "find_ending",
    "read_ending",
    "send_attempt",
    "student_folder",
    "tidy_mirror",
    "tidy_trial",
    "write_ending",
]

RESULT, CHECKPOINTS, STUDENT = "result.json", "checkpoint-*.pt", "student"
TEXTS, PREDICTIONS = "texts.json", "predictions.npz"


def attempt_folder(folder: Path, attempt: int) -> Path:
    """The folder in which the attempt number `attempt` (1, 2, ...) of the trial in `folder` writes."""
    return folder / f"attempt-{attempt}"


def attempt_folders(folder: Path) -> list[Path]:
    """The folders of all attempts, the newest first."""
    return sorted(folder.glob("attempt-*"), key=lambda path: _number(path.name), reverse=True)


def read_ending(folder: Path) -> dict[str, Any] | None:
    """The ending of the trial in `folder`, {"history": [...], "result": {...}}; None before its end."""
    ended = find_ending(folder)
    return None if ended is None else ended[1]


def file_of_ending(folder: Path, name: str) -> bytes | None:
    """The file `name` beside the ending of the trial in `folder`; None if there is no such file."""
    if (ended := find_ending(folder)) is None:
        return None
    try:
        return (ended[0] / name).read_bytes()
    except FileNotFoundError:  # an ending of an older version, or of a trial without test
        return None


def write_ending(own: Path, history: list[dict[str, Any]], result: dict[str, Any]) -> None:
    """Write the ending of the attempt in `own`: its reports and its result, with a digest of both."""
    ending = {"history": history, "result": result}
    content = json.dumps(ending | {"digest": digest(ending)}, indent=1)
    write_atomically(own / RESULT, content.encode())


def bring_attempts(folder: Path, mirror: Mirror | None) -> None:
    """Fetch what earlier attempts left in the mirror: an ending with its files, or else checkpoints.

    An ending that is here and not in the mirror, because a kill came before it was sent, is sent now.

    Raises:
        StorageAway: if the mirror does not answer.
    """
    if mirror is None:
        return
    there = mirror.names(folder)
    mirror.pull(folder, [name for name in there if name.endswith(f"/{RESULT}")])
    if (ended := find_ending(folder)) is None:
        mirror.pull(folder, [name for name in there if fnmatch(name, f"*/{CHECKPOINTS}")])
    elif f"{ended[0].name}/{RESULT}" in there:
        beside = {f"{ended[0].name}/{name}" for name in (TEXTS, PREDICTIONS)}
        mirror.pull(folder, [name for name in there if name in beside])
    else:
        mirror.push(ended[0], last=RESULT)


def send_attempt(own: Path, mirror: Mirror | None, ended: bool = False) -> None:
    """Send the files of the attempt `own` to the mirror, and remove there what is gone here.

    An attempt that trains does not wait for a mirror that is away: the next report sends the rest.

    Raises:
        StorageAway: if the attempt has `ended`, and the mirror does not answer.
    """
    if mirror is None:
        return
    if ended:
        mirror.push(own, last=RESULT)
    else:
        with suppress(StorageAway):
            mirror.push(own, last=RESULT, patience=0)


def student_folder(folder: Path, mirror: Mirror | None = None) -> Path | None:
    """The weights of the trial that ended in `folder`; None if they were not kept. Fetched if not here.

    Raises:
        StorageAway: if the mirror does not answer.
    """
    bring_attempts(folder, mirror)
    if (ended := find_ending(folder)) is None:
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
    """Remove what a trial that is over needs no more: checkpoints, older attempts, weights unless kept."""
    names = []
    for path, folders, files in os.walk(folder):
        own = Path(path).relative_to(folder)
        names += [(own / f).as_posix() + "/" for f in folders] + [(own / f).as_posix() for f in files]
    endings = [name.removesuffix(f"/{RESULT}") for name in names if name.endswith(f"/{RESULT}")]
    if not superfluous(names, max(endings, key=_number, default=None), keep_student):
        return  # the usual case when a study goes on: no ending need be read
    ended = find_ending(folder)
    for name in sorted(superfluous(names, ended and ended[0].name, keep_student), reverse=True):
        with suppress(OSError):  # it is gone, or an attempt that still runs has written into it
            (folder / name).rmdir() if name.endswith("/") else (folder / name).unlink()


def tidy_mirror(mirror: Mirror, trials: Path, keep_student: Mapping[str, bool]) -> None:
    """Remove the same files in the mirror, for trials in the folder `trials` that are over.

    keep_student: {key of a trial that is over: whether its weights are kept}. The trials need no files here.
    If the mirror does not answer, it is tidied when the next phase begins.
    """
    with suppress(StorageAway):
        there: dict[str, list[str]] = {}
        for name in mirror.names(trials, patience=0):
            key, _, rest = name.partition("/")
            there.setdefault(key, []).append(rest)
        for key in there.keys() & keep_student.keys():
            names = there[key]
            endings = sorted((n for n in names if n.endswith(f"/{RESULT}")), key=_number, reverse=True)
            newest = endings[0].partition("/")[0] if endings else None
            if superfluous(names, newest, keep_student[key]):  # only then is an ending worth reading
                whole = (n for n in endings if _parse(mirror.read(trials / key, n, patience=0)) is not None)
                ended = next((name.partition("/")[0] for name in whole), None)
                mirror.remove(trials / key, superfluous(names, ended, keep_student[key]), patience=0)


def superfluous(names: Iterable[str], ended: str | None, keep_student: bool) -> list[str]:
    """The files among `names` (`attempt-N/...`) that their trial, which is over, does not need any more.

    ended: the attempt that came to its end, `attempt-N`; None if there is no such attempt.
    """

    def goes(name: str) -> bool:
        attempt, _, file = name.partition("/")
        weights = file.startswith(f"{STUDENT}/")
        return attempt != ended or fnmatch(file, CHECKPOINTS) or (weights and not keep_student)

    return [name for name in names if name.startswith("attempt-") and goes(name)]


def find_ending(folder: Path) -> tuple[Path, dict[str, Any]] | None:
    """The newest attempt of the trial in `folder` that came to its end, with its ending; None before its end.

    A damaged ending does not count.
    """
    for path in attempt_folders(folder):
        try:
            ending = _parse((path / RESULT).read_bytes())
        except PermissionError:  # the ending is there, and the trial must not be trained again
            raise
        except OSError:
            continue
        if ending is not None:
            return path, ending
    return None


def _parse(content: bytes) -> dict[str, Any] | None:
    try:
        ending = json.loads(content.decode("utf-8"))
        return ending if ending.pop("digest") == digest(ending) else None
    except (ValueError, AttributeError, KeyError, TypeError):
        return None


def _number(name: str) -> int:
    """The number N of the attempt that the folder or file `attempt-N/...` belongs to."""
    return int(name.partition("/")[0].partition("-")[2])
