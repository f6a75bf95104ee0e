"""An ending that another study has: a trial with the same key is answered from it, and not trained again."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from study.storage.attempts import TEXTS, attempt_folder, attempt_folders, find_ending

__all__ = ["borrow_ending"]

BORROWED = 0
"""The number of the attempt that a borrowed ending becomes: it comes before all attempts of the trial itself.
"""


def borrow_ending(source: Path, target: Path, reports: int, test: bool, latency: bool = False) -> bool:
    """Copy the ending of the trial in `source` to the trial in `target`; returns whether it was copied.

    The ending is copied with all its files, under a new name that appears at once. Nothing is copied if the
    trial in `target` has an attempt of its own, if `source` has no ending, or if the ending is of another
    kind: it has another number of reports than `reports`, was scored on test unlike `test`, or has no latency
    although `latency` is asked for.
    """
    if attempt_folders(target) or (found := find_ending(source)) is None:
        return False
    folder, ending = found
    if len(ending["history"]) != reports or (ending["result"].get("test") is not None) != test:
        return False
    if latency and "latency" not in ending["result"]:
        return False
    if test and not (folder / TEXTS).exists():
        return False
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".borrowed-", dir=target) as half:
        copy = Path(half) / "attempt"
        shutil.copytree(folder, copy, ignore=shutil.ignore_patterns("checkpoint-*.pt"))
        copy.rename(attempt_folder(target, BORROWED))
    return True
