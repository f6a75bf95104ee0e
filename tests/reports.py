"""A trial's reports, as two runs of it are compared."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from study.trial.progress import Progress

__all__ = ["told"]


def told(reports: Iterable[Progress]) -> list[dict[str, Any]]:
    """All that the reports say, but how long things took, and when."""
    rows: list[dict[str, Any]] = json.loads(json.dumps([asdict(r) for r in reports], allow_nan=False))
    for row in rows:
        del row["seconds"], row["time_ms"]
        if row["result"]:
            del row["result"]["seconds"], row["result"]["ended_ms"]
    return rows
