"""The fast lane leaves out what starts processes, and what it runs cannot start any."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.lanes import (
    STARTERS,
    ProcessStarted,
    alone_in_this_process,
    longest_first,
    starts_processes,
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


def test_it_leaves_out_what_is_marked_and_what_uses_a_fixture_that_starts_processes() -> None:
    assert not starts_processes(item("slow", fixtures=("tmp_path", "workshop")))
    assert starts_processes(item("processes"))
    for name in STARTERS:
        assert starts_processes(item(fixtures=("tmp_path", name)))


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
