"""A trial's journal, `progress.jsonl`: one line a report, written once.

The driver is its only writer. MLflow is a replay of it: a line logged twice has the same run, key, step,
time and value, which adds no row there. While a tracking server is away, the file is the outbox.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

__all__ = ["Journal", "find_unsent", "last_report", "unsent_mark"]


def unsent_mark(folder: Path) -> Path:
    """The file that stands in a trial's folder while MLflow may lack something of it."""
    return folder / "unsent"


def find_unsent(trials: Path) -> list[Path]:
    """Folders of the trials of which MLflow may lack something."""
    return sorted(mark.parent for mark in trials.glob("*/unsent"))


class Journal:
    """Reports of the trial in `folder`, in order. A last line cut short by a kill counts as not written.

    So does a line that a disk has spoilt: the trial's checkpoints and its result hold every report again.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / "progress.jsonl"
        self.lines: list[dict[str, Any]] = []
        if self.path.exists():
            whole = 0
            for line in self.path.read_bytes().splitlines(keepends=True):
                if not line.endswith(b"\n"):
                    break
                whole += len(line)
                if (report := _read(line)) is not None:
                    self.lines.append(report)
            if whole < self.path.stat().st_size:
                os.truncate(self.path, whole)

    @property
    def last(self) -> dict[str, Any] | None:
        """The report that came last, which carries the result of a trial that has ended."""
        return last_report(self.lines)

    def add(self, report: dict[str, Any]) -> dict[str, Any]:
        """Write `report` (its `report` counts 1..R) unless it was written before; returns its line."""
        for line in self.lines:
            if line["report"] == report["report"]:
                return line
        if not self.path.parent.exists():  # making it again would wait for the disk
            self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("ab") as file:
            file.write(json.dumps(report | {"crc32": _crc32(report)}, ensure_ascii=False).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        self.lines.append(report)
        return report


def last_report(lines: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """The newest of `lines`, which need not be in order: a spoilt one is written again at the end."""
    return max(lines, key=lambda line: int(line["report"]), default=None)


def _read(line: bytes) -> dict[str, Any] | None:
    try:
        report = json.loads(line)
        crc32 = report.pop("crc32")
    except (ValueError, AttributeError, KeyError, TypeError):
        return None
    return report if crc32 == _crc32(report) else None


def _crc32(report: Mapping[str, Any]) -> int:
    return zlib.crc32(json.dumps(report, ensure_ascii=False).encode())
