"""A trial's folder on disk: each attempt writes into its own, reads those before it, and no two write one.

An attempt whose node was lost may still be running there. It keeps its own files, and nobody waits for it;
since a trial is a pure function of its configuration, what it wrote last is as good as its successor's.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from study.config import digest
from study.trial.artifacts import write_atomically

__all__ = ["attempt_folder", "attempt_folders", "read_record", "student_folder", "tidy_trial", "write_record"]


def attempt_folder(folder: Path, attempt: int) -> Path:
    """Where attempt 1, 2, ... of the trial in `folder` writes."""
    return folder / f"attempt-{attempt}"


def attempt_folders(folder: Path) -> list[Path]:
    """All that there are, the newest first."""
    return sorted(folder.glob("attempt-*"), key=lambda path: int(path.name.partition("-")[2]), reverse=True)


def read_record(folder: Path) -> dict[str, Any] | None:
    """`{"history": [...], "result": {...}}` of the trial that ended in `folder`; none if it has not."""
    ended = _ended(folder)
    return None if ended is None else ended[1]


def write_record(own: Path, history: list[dict[str, Any]], result: dict[str, Any]) -> None:
    """End the attempt in `own`: what it reported, and its result, with a digest of both."""
    record = {"history": history, "result": result}
    content = json.dumps(record | {"digest": digest(record)}, indent=1)
    write_atomically(own / "result.json", content.encode())


def student_folder(folder: Path) -> Path | None:
    """The weights of the trial that ended in `folder`, where they were kept."""
    ended = _ended(folder)
    return ended[0] / "student" if ended is not None and (ended[0] / "student").is_dir() else None


def tidy_trial(folder: Path, keep_student: bool) -> None:
    """Once the trial is over: away with checkpoints, with older attempts, and with weights unless kept."""
    ended = _ended(folder)
    for path in attempt_folders(folder):
        if ended is None or path != ended[0]:
            shutil.rmtree(path, ignore_errors=True)
    if ended is None:
        return
    for checkpoint in ended[0].glob("checkpoint-*.pt"):
        checkpoint.unlink(missing_ok=True)
    if not keep_student:
        shutil.rmtree(ended[0] / "student", ignore_errors=True)


def _ended(folder: Path) -> tuple[Path, dict[str, Any]] | None:
    """The newest attempt that came to its end, with its record; a broken record is none."""
    for path in attempt_folders(folder):
        try:
            record = json.loads((path / "result.json").read_text(encoding="utf-8"))
            if record.pop("digest") == digest(record):
                return path, record
        except (OSError, ValueError, AttributeError, KeyError, TypeError):
            continue
    return None
