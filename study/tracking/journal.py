"""A trial's journal, `progress.jsonl`: one line for each report, written once.

Only the driver writes the journal. MLflow is a replay of the journal: a report that is logged twice has the
same run, key, step, time and value both times, and MLflow then adds no row. While a tracking server is away,
the journal keeps what the server has missed.

A second file, `machine.jsonl`, has one line for each report too: the machine that made the report, its use,
and the commit of the driver. What was seen of a machine cannot be seen again: what is lost stays missing.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from study.planning.versions import code_commit
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

    seen: for each report by its number, what was seen of the machine: {"machine": {...}, "usage": {...},
    "commit": [hash, whether files differ from it] or None}. Reports of older versions have none.

    A last line that a kill has cut short is dropped, and so is a line that a disk has spoilt (each line has a
    checksum): the trial's checkpoints and its result contain every report again.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / "progress.jsonl"
        self.machine_path = folder / "machine.jsonl"
        self.reports: list[Progress] = []
        self.seen: dict[int, dict[str, Any]] = {}
        for line in _whole_lines(self.path):
            with suppress(ValueError, TypeError):
                self.reports.append(Progress.of(_fields(line)))
        for line in _whole_lines(self.machine_path):
            with suppress(ValueError):
                fields = _fields(line)
                self.seen.setdefault(fields.pop("report"), fields)

    @property
    def last(self) -> Progress | None:
        """The newest report; None before the first. If the trial has ended, this report has the result."""
        return newest_report(self.reports)

    def add(self, report: Progress, seen: Mapping[str, Any] | None = None) -> Progress:
        """Write `report`, unless a report of its number was written before; returns the report as written.

        seen: the machine that made the report, and its use.
        """
        for written in self.reports:
            if written.report == report.report:
                return written
        if not self.path.parent.exists():  # to make the folder again would wait for the disk
            self.path.parent.mkdir(parents=True, exist_ok=True)
        if seen and report.report not in self.seen:
            fields = self.seen[report.report] = dict(seen) | {"commit": code_commit()}
            with self.machine_path.open("ab") as file:
                file.write(_line({"report": report.report} | fields))
        with self.path.open("ab") as file:
            file.write(_line(asdict(report)))
            file.flush()
            os.fsync(file.fileno())
        self.reports.append(report)
        return report


def newest_report(reports: Sequence[Progress]) -> Progress | None:
    """Return the report with the highest number; None if there is no report.

    The reports need not be in order: a spoilt line is dropped, and its report is written again at the end.
    """
    return max(reports, key=lambda report: report.report, default=None)


def _whole_lines(path: Path) -> list[bytes]:
    """The lines of the file at `path`. A last line that a kill has cut short is removed from the file."""
    if not path.exists():
        return []
    lines = path.read_bytes().splitlines(keepends=True)
    if lines and not lines[-1].endswith(b"\n"):
        os.truncate(path, sum(map(len, lines[:-1])))
        return lines[:-1]
    return lines


def _line(fields: Mapping[str, Any]) -> bytes:
    """A line with `fields` and their checksum."""
    return json.dumps({**fields, "crc32": _crc32(fields)}, ensure_ascii=False).encode() + b"\n"


def _fields(line: bytes) -> dict[str, Any]:
    """The fields of a line that `_line` returned.

    Raises:
        ValueError: if a disk has spoilt the line.
    """
    fields = json.loads(line)
    if not isinstance(fields, dict) or fields.pop("crc32", None) != _crc32(fields):
        raise ValueError("the checksum is another one")
    return fields


def _crc32(fields: Mapping[str, Any]) -> int:
    return zlib.crc32(json.dumps(fields, ensure_ascii=False).encode())
