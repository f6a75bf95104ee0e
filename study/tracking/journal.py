"""A trial's journal, `progress.jsonl`: one line for each report, written once.

Only the driver writes the journal. MLflow is a replay of the journal: a report that is logged twice has the
same run, key, step, time and value both times, and MLflow then adds no row. While a tracking server is away,
the journal keeps what the server has missed.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from study.trial.progress import Progress

__all__ = ["Journal", "find_unsent", "newest_report", "unsent_mark"]


def unsent_mark(folder: Path) -> Path:
    """Return the path of the mark: a file in a trial's folder while MLflow may lack something of the trial.

    A study's own folder has such a mark too.
    """
    return folder / "unsent"


def find_unsent(trials: Path) -> list[Path]:
    """Return the folders of the trials of which MLflow may lack something."""
    return sorted(mark.parent for mark in trials.glob("*/unsent"))


class Journal:
    """The reports of the trial in `folder`, in the order in which they were written.

    A last line that a kill has cut short is dropped, and so is a line that a disk has spoilt (each line has a
    checksum): the trial's checkpoints and its result contain every report again.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / "progress.jsonl"
        self.reports: list[Progress] = []
        if self.path.exists():
            whole = 0
            for line in self.path.read_bytes().splitlines(keepends=True):
                if not line.endswith(b"\n"):
                    break
                whole += len(line)
                if (report := _read(line)) is not None:
                    self.reports.append(report)
            if whole < self.path.stat().st_size:
                os.truncate(self.path, whole)

    @property
    def last(self) -> Progress | None:
        """The newest report; None before the first. If the trial has ended, this report has the result."""
        return newest_report(self.reports)

    def add(self, report: Progress) -> Progress:
        """Write `report`, unless a report of its number was written before; returns the report as written."""
        for written in self.reports:
            if written.report == report.report:
                return written
        if not self.path.parent.exists():  # to make the folder again would wait for the disk
            self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("ab") as file:
            fields = asdict(report)
            text = json.dumps(fields | {"crc32": _crc32(fields)}, ensure_ascii=False)
            file.write(text.encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        self.reports.append(report)
        return report


def newest_report(reports: Sequence[Progress]) -> Progress | None:
    """Return the report with the highest number; None if there is no report.

    The reports need not be in order: a spoilt line is dropped, and its report is written again at the end.
    """
    return max(reports, key=lambda report: report.report, default=None)


def _read(line: bytes) -> Progress | None:
    try:
        fields = json.loads(line)
        crc32 = fields.pop("crc32")
        return Progress.of(fields) if crc32 == _crc32(fields) else None
    except (ValueError, AttributeError, KeyError, TypeError):
        return None


def _crc32(fields: Mapping[str, Any]) -> int:
    return zlib.crc32(json.dumps(fields, ensure_ascii=False).encode())
