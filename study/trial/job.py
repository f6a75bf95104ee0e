"""The job of a worker: all that one attempt at a trial needs, in plain values that Ray can pickle."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from study.config import TrialConfig
from study.storage.artifacts import Store

__all__ = ["TrialJob"]


@dataclass(frozen=True)
class TrialJob:
    """One attempt at the trial `config`.

    store: the store of the inputs; every input must be in it.
    folder: the trial's own folder. Each attempt writes into a folder of its own there.
    reports: how many reports the trial makes.
    test: whether the trial is scored on the test split as well.
    reports_start: whether the trial makes a report 0 as well, before its first step.
    latency: whether the result has the student's latency, measured on the trial's device.
    threads: CPU threads; another number gives other bits.
    attempt: counts from 1.
    full_vocabulary: whether the models keep all tokens while they are trained. The result is the same.
    given_teacher: folder or hub id of a fine-tuned teacher; empty if the teacher is trained here.
    """

    config: TrialConfig
    store: Store
    folder: Path
    reports: int
    test: bool = False
    threads: int = 1
    attempt: int = 1
    full_vocabulary: bool = False
    given_teacher: str = ""
    reports_start: bool = False
    latency: bool = False

    @cached_property
    def key(self) -> str:
        """The trial's key."""
        return self.config.key

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits that the trial reads."""
        return ("train", "validation", "test") if self.test else ("train", "validation")
