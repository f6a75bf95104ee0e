"""The fast lane leaves out what starts processes, and what it runs cannot start any."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from fnmatch import fnmatch
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.lanes import (
    LONG,
    STARTERS,
    ProcessStarted,
    alone_in_this_process,
    is_quick,
    longest_first,
)

PYTHON = [sys.executable, "-c", ""]


def fork() -> None:
    if os.fork() == 0:
        os._exit(0)


def ray() -> None:
    import ray

    ray.init(address="local")


STARTS: dict[str, Callable[[], object]] = {
    "subprocess": lambda: subprocess.run(PYTHON, check=True),
    "fork": fork,
    "multiprocessing": lambda: multiprocessing.get_context("fork").Process(target=int).start(),
    "spawned": lambda: os.posix_spawn(sys.executable, PYTHON, {}),
    "system": lambda: os.system("true"),
    "ray": ray,
}


@pytest.mark.parametrize("start", STARTS.values(), ids=STARTS.keys())
def test_neither_a_process_nor_ray_can_be_started_in_it(start: Callable[[], object]) -> None:
    with alone_in_this_process(), pytest.raises(ProcessStarted, match=r"pytest\.mark\.processes"):
        start()


def test_what_handles_exceptions_does_not_hide_a_start() -> None:
    def handled() -> None:
        with suppress(Exception):
            subprocess.run(PYTHON, check=True)

    with alone_in_this_process(), pytest.raises(ProcessStarted):
        handled()


def test_git_is_not_asked_for_the_version_of_the_code() -> None:
    with alone_in_this_process():
        said = subprocess.run(["git", "describe"], capture_output=True, text=True, check=True)
    assert said.stdout == "fast lane"


@pytest.mark.processes
def test_after_it_processes_start_as_ever() -> None:
    with alone_in_this_process():
        pass
    assert subprocess.run(PYTHON, check=False).returncode == 0


@pytest.mark.skipif("not config.getoption('quick')", reason="the guard is up in `make quick` alone")
def test_every_test_of_it_is_guarded() -> None:
    with pytest.raises(ProcessStarted):
        subprocess.run(PYTHON, check=True)


def item(*marks: str, fixtures: tuple[str, ...] = (), file: str = "test_it.py") -> Any:
    return SimpleNamespace(
        fixturenames=fixtures,
        get_closest_marker=lambda name: name if name in marks else None,
        path=Path(file),
    )


def test_it_leaves_out_what_starts_processes_and_what_takes_long() -> None:
    assert is_quick(item("slow", fixtures=("tmp_path", "workshop")))
    assert not is_quick(item("processes"))
    for name in STARTERS:
        assert not is_quick(item(fixtures=("tmp_path", name)))
    tests = Path(__file__).parent
    assert is_quick(item(file=str(tests / "ledger" / "test_ledger.py")))
    assert not is_quick(item(file=str(tests / "end_to_end" / "test_study.py")))
    assert not is_quick(item(file=str(tests / "driver" / "test_worker.py")))


@pytest.mark.parametrize("files", LONG)
def test_what_takes_long_is_there(files: str) -> None:
    tests = Path(__file__).parent
    assert any(fnmatch(str(path), str(tests / files)) for path in tests.rglob("test_*.py"))


def test_files_that_run_studies_come_first_and_the_second_does_not_wait_for_the_first() -> None:
    found = longest_first(
        [
            item("processes", file="light"),
            item(fixtures=("finished", "kdstudy"), file="one test waits"),
            item(fixtures=("kdstudy",), file="a study of its own"),
            item(fixtures=("finished",), file="another kind of finished"),
            item(fixtures=("finished", "kdstudy"), file="two tests wait"),
            item(fixtures=("ray_here",), file="on Ray"),
            item(fixtures=("finished", "kdstudy"), file="two tests wait"),
        ]
    )
    assert [each.path.name for each in found] == [
        "two tests wait",
        "two tests wait",
        "a study of its own",
        "on Ray",
        "one test waits",
        "light",
        "another kind of finished",
    ]
