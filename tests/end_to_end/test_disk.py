"""A disk that fills up or turns read-only: one line, an exit code, and nothing that was measured is lost."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own; skipped where mounting is not allowed."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(disk)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("mounting is not allowed here")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


@pytest.fixture
def small_disk(home_with_artifacts: Path, disk: Path) -> Path:
    """A home on it where only the trials are missing."""
    shutil.copytree(home_with_artifacts / "artifacts", disk / "home" / "artifacts")
    return disk


@contextmanager
def read_only(disk: Path) -> Iterator[None]:
    """Nothing can be made, opened for writing or removed on `disk`.

    A file system that the kernel gives up turns so under open files; no one may ask that of it. So it is
    mounted over itself, read-only: a database that is open stays open, and cannot make its journal.
    """
    subprocess.run(["mount", "--bind", str(disk), str(disk)], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", str(disk)], check=True)
        yield
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def check_stopped(answer: Any, home: Path) -> None:
    """It ended with 1, and its last line says why and how to go on."""
    assert answer.code == 1, answer.err
    *_, last = answer.err.splitlines()
    assert last.startswith("stopped: ")
    assert last.endswith(f"; go on with: kdstudy resume my_space --home {home}")
    assert "Traceback" not in answer.err


def used(folder: Path) -> int:
    """Bytes of the files in `folder`, each in whole pages."""
    return sum(-(-path.stat().st_size // 4096) * 4096 for path in folder.rglob("*") if path.is_file())


def test_a_full_disk_stops_the_study_which_goes_on_once_there_is_room(
    kdstudy: Any,
    asked: Any,
    finished: Any,
    small_disk: Path,
    check_whole: Callable[..., Any],
    read: Callable[..., Any],
) -> None:
    home, filler = small_disk / "home", small_disk / "filler"
    running = kdstudy.start("run", asked.space, *asked.plain, "--home", home)
    running.wait_until(lambda: running.done() >= 1)
    free = os.statvfs(small_disk)
    with suppress(OSError):  # the study writes beside it
        filler.write_bytes(b"\0" * (free.f_bavail * free.f_frsize))
    answer = running.finish(timeout=240)
    check_stopped(answer, home)
    filler.unlink()
    again = kdstudy("resume", "my_space", "--home", home)
    assert again.code == 0, again.err
    whole = check_whole(home, "my_space", 8)
    assert {r.key: r.value for r in whole.records} == {
        r.key: r.value for r in read(finished.home, finished.name).records
    }


def test_a_disk_too_small_for_the_teacher_stops_the_study_which_goes_on_once_it_is_larger(
    kdstudy: Any, asked: Any, finished: Any, disk: Path, tmp_path: Path, read: Callable[..., Any]
) -> None:
    """Both databases are elsewhere: only what is prepared, in Ray's tasks, is written there."""
    artifacts, home = finished.home / "artifacts", disk / "home"
    before = sum(used(artifacts / kind) for kind in ("tasks", "models", "tokens", "vocabularies"))
    room = before + used(artifacts / "teachers") // 2
    subprocess.run(["mount", "-o", f"remount,size={room}", str(disk)], check=True)
    urls = ["--ledger-url", f"sqlite:///{tmp_path}/optuna.db"]
    urls += ["--tracking-uri", f"sqlite:///{tmp_path}/mlflow.db"]
    check_stopped(kdstudy("run", asked.space, *asked.plain, "--home", home, *urls), home)
    subprocess.run(["mount", "-o", "remount,size=64m", str(disk)], check=True)
    again = kdstudy("resume", "my_space", "--home", home)
    assert again.code == 0, again.err
    status = kdstudy("status", "my_space", "--home", home, "--json")
    assert json.loads(status.out)["complete"] == 8
    assert json.loads(status.out)["best"]["value"] == max(
        record.value for record in read(finished.home, finished.name).records if record.phase == "search"
    )


def test_on_a_read_only_home_a_study_is_neither_begun_nor_gone_on_with(
    command: Any, asked: Any, copied_home: Path, disk: Path, tree: Any
) -> None:
    home = Path(shutil.move(copied_home, disk / "home"))
    before = tree(disk)
    with read_only(disk):
        for arguments, where in (
            (("run", asked.space, *asked.plain), home),
            (("run", asked.space, *asked.plain, "--name", "another"), home),
            (("run", asked.space, *asked.plain), disk / "new"),
            (("resume", "my_space"), home),
            (("resume", "my_space", "--retry-failed"), home),
        ):
            answer = command(*arguments, "--home", where)
            there = where if where.exists() else disk
            refusal = f"kdstudy: --home {where}: {there} is not a folder that can be written to\n"
            assert (answer.code, answer.out, answer.err) == (2, "", refusal)
        status = command("status", "my_space", "--home", home, "--json")
        assert (status.code, json.loads(status.out)["complete"]) == (0, 8)
    assert tree(disk) == before


def test_a_home_that_turns_read_only_stops_the_study_which_goes_on_once_it_is_writable(
    kdstudy: Any,
    asked: Any,
    finished: Any,
    small_disk: Path,
    check_whole: Callable[..., Any],
    read: Callable[..., Any],
) -> None:
    home = small_disk / "home"
    running = kdstudy.start("run", asked.space, *asked.plain, "--home", home)
    running.wait_until(lambda: running.done() >= 1)
    with read_only(small_disk):
        check_stopped(running.finish(timeout=240), home)
        found = json.loads(kdstudy("status", "my_space", "--home", home, "--json").out)
        assert found["driver"] is None
        assert found["failed"] == 0
    again = kdstudy("resume", "my_space", "--home", home)
    assert again.code == 0, again.err
    whole = check_whole(home, "my_space", 8)
    assert {r.key: r.value for r in whole.records} == {
        r.key: r.value for r in read(finished.home, finished.name).records
    }
