"""A trial's journal, `progress.jsonl`: one line a report, written once, with the time it was first made.

The driver is its only writer. MLflow is a replay of it: a line logged twice has the same run, key, step,
time and value, which adds no row there. While a tracking server is away, the file is the outbox.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

__all__ = ["Journal"]


class Journal:
    """Reports of the trial in `folder`, in order. A last line cut short by a kill counts as not written."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "progress.jsonl"
        self.lines: list[dict[str, Any]] = []
        if self.path.exists():
            whole = 0
            for line in self.path.read_bytes().splitlines(keepends=True):
                if not line.endswith(b"\n"):
                    break
                self.lines.append(json.loads(line))
                whole += len(line)
            if whole < self.path.stat().st_size:
                os.truncate(self.path, whole)

    def add(self, report: dict[str, Any]) -> dict[str, Any]:
        """Write `report` (its `report` counts 1..R) unless it was written before; returns its line."""
        for line in self.lines:
            if line["report"] == report["report"]:
                return line
        line = {"time_ms": int(time.time() * 1000), **report}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("ab") as file:
            file.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        self.lines.append(line)
        return line
