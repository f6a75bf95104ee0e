"""What a trial that has ended reported, read from its folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from study.config import TrialConfig
from study.storage.attempts import read_ending
from study.trial.progress import Progress

__all__ = ["last_report", "read_result"]


def read_result(folder: Path, config: TrialConfig) -> list[Progress] | None:
    """All reports of the trial that ended in `folder`, the last with its result; None if it has not ended.

    Raises:
        ValueError: if the folder holds the result of another trial than `config`.
    """
    if (ending := read_ending(folder)) is None:
        return None
    if ending["result"]["key"] != config.key:
        raise ValueError(f"{folder} holds the result of another trial")
    history, result = ending["history"], ending["result"]
    whole = len(history) if result["outcome"] == "diverged" else len(history) - 1
    return [*map(Progress.of, history[:whole]), last_report(history, result)]


def last_report(history: list[dict[str, Any]], result: dict[str, Any]) -> Progress:
    """The report that carries the `result`: the last of `history`; a diverged trial makes one more."""
    if result["outcome"] == "diverged":
        number = 1 + (history[-1]["report"] if history else 0)
        seconds, time_ms = result["seconds"], result["ended_ms"]
        return Progress(number, result["steps"], None, seconds, time_ms, None, result)
    return Progress.of(history[-1] | {"result": result})
