"""Which tests run, and in which order.

The fast lane, `make quick`, has the tests that start no process, no server and no Ray, and is to take few
minutes: a guard holds them to the first, and files that take long are named in `LONG`. In the other lanes the
files that take long come first.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest

__all__ = [
    "LONG",
    "STARTERS",
    "ProcessStarted",
    "alone_in_this_process",
    "is_long",
    "is_quick",
    "longest_first",
]

STARTERS = frozenset(
    {"kdstudy", "s3_server", "mlflow_server", "postgres", "address", "ray_here", "tiny_disk"}
)
"""Fixtures that start processes."""

LONG = (
    "end_to_end/*",
    "chaos/*",
    "analysis/statistics/test_calibration.py",  # simulates hundreds of studies
    "analysis/report/test_write.py",  # draws every figure of every kind of study
    "analysis/verdict/test_audit.py",  # a study for each finding of the audit
    "analysis/test_command.py",  # the command, from a record to its pages
    "cli/test_encoders.py",  # a student of each of six types, and dozens of broken configurations
    "driver/test_lifecycle_kills.py",  # kills a trial at each of its writes
    "ledger/test_patience.py",  # loses every answer of the database in turn
    "ledger/test_sampling.py",  # kills before every ask, with each sampler
    "ledger/test_book.py",  # hundreds of histories with kills
    "ledger/test_running.py",  # kills between the writes of a report
    "planning/test_base_model.py",  # pretrains the embedded encoder
    "trial/test_plain.py",  # given teachers, answering in plain transformers
    "trial/test_stale_outputs.py",  # teachers that are built again
    "trial/models/test_teacher.py",  # teachers of every architecture
    "trial/models/test_trimming.py",  # models of every architecture, trimmed
    "trial/models/test_unread.py",  # the same, with their last layer
    "driver/test_run.py",  # a study with a fault at each of its steps
    "driver/test_worker.py",  # fifty trials in a row
    "trial/test_trial.py",  # a trial for each promise
    "trial/test_prepare.py",  # teachers and their outputs
    "trial/test_teaching.py",  # the same, step by step
    "trial/test_pretraining.py",  # the embedded encoder, twice
    "trial/models/test_student.py",  # students of every architecture
)
"""Files of tests that train, simulate or kill for many seconds."""

STARTS = frozenset(
    {"subprocess.Popen", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.system", "os.exec"}
)
"""What Python's auditing calls the start of a process, by whatever library."""


class ProcessStarted(BaseException):
    """A test of the fast lane would start a process. Nothing that handles exceptions may handle this one."""


def is_quick(item: pytest.Item) -> bool:
    """Whether a test is in the fast lane: it neither starts a process, as far as is known, nor takes long."""
    starts = item.get_closest_marker("processes") or STARTERS & set(getattr(item, "fixturenames", ()))
    return not (starts or is_long(item.path))


def is_long(path: Path) -> bool:
    """Whether the file of tests at `path` takes long. The fast lane does not even import such a file."""
    return any(fnmatch(str(path), str(Path(__file__).parent / file)) for file in LONG)


def longest_first(items: Sequence[pytest.Item]) -> list[pytest.Item]:
    """`items` file by file, those that run studies first; of these one that waits for the finished study.

    Files go to pytest's workers in this order, each as a whole. While the first worker makes the finished
    study, the second does something else; and no long file is left for the end, when one worker is idle.
    """
    files: dict[Path, list[pytest.Item]] = {}
    for item in items:
        files.setdefault(item.path, []).append(item)

    def uses(path: Path, *fixtures: str) -> int:
        """How many tests of a file use all of `fixtures`."""
        return sum(set(fixtures) <= set(getattr(item, "fixturenames", ())) for item in files[path])

    waiting = [path for path in files if uses(path, "kdstudy", "finished")]
    waiting.sort(key=lambda path: -uses(path, "kdstudy", "finished"))
    running = [
        path for path in files if path not in waiting and (uses(path, "kdstudy") or uses(path, "ray_here"))
    ]
    others = [path for path in files if path not in waiting and path not in running]
    return [item for path in [*waiting[:1], *running, *waiting[1:], *others] for item in files[path]]


_guarded: set[int] = set()
"""The process in which a test is held to the fast lane at this moment, if any."""


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    if event in STARTS and os.getpid() in _guarded:
        raise ProcessStarted(f"{event} {arguments[:1]}: mark the test with pytest.mark.processes")


def _run(run: Callable[..., Any]) -> Callable[..., Any]:
    """`run` of `subprocess`, but git is not asked: every study asks for the version of its code."""

    def without_git(command: Any, *values: Any, **more: Any) -> Any:
        if command[0] == "git":
            return subprocess.CompletedProcess(command, 0, "fast lane", "")
        return run(command, *values, **more)

    return without_git


def _refuse_ray(*values: Any, **more: Any) -> None:
    raise ProcessStarted("ray.init: mark the test with pytest.mark.processes")


@contextmanager
def alone_in_this_process() -> Iterator[None]:
    """As long as it is entered, whatever starts a process or Ray raises instead.

    Raises:
        ProcessStarted: from the call that would start one.
    """
    if not getattr(sys, "_fast_lane_is_guarded", False):  # a hook cannot be removed: one is enough
        sys.addaudithook(_refuse)
        sys._fast_lane_is_guarded = True  # type: ignore[attr-defined]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(subprocess, "run", _run(subprocess.run))
        if "ray" in sys.modules:  # what attaches to a Ray that runs already starts no process
            patch.setattr(sys.modules["ray"], "init", _refuse_ray)
        _guarded.add(os.getpid())
        try:
            yield
        finally:
            _guarded.discard(os.getpid())
