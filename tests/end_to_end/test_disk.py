"""A disk that fills up in the middle: one line, an exit code, and nothing that was measured is lost."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow


@pytest.fixture
def small_disk(home_with_artifacts: Path, tmp_path: Path) -> Iterator[Path]:
    """A file system of its own with a home on it; skipped where mounting is not allowed."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(disk)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("mounting is not allowed here")
    shutil.copytree(home_with_artifacts / "artifacts", disk / "home" / "artifacts")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


def test_a_full_disk_stops_the_study_which_goes_on_once_there_is_room(
    kdstudy: Any,
    command: Any,
    asked: Any,
    finished: Any,
    small_disk: Path,
    check_whole: Callable[..., Any],
    read: Callable[..., Any],
) -> None:
    home, filler = small_disk / "home", small_disk / "filler"
    running = kdstudy.start("run", asked.space, *asked.on, "--home", home)
    running.wait_until(lambda: " 1/8 done" in running.stderr() or " 2/8 done" in running.stderr())
    free = os.statvfs(small_disk)
    with suppress(OSError):  # the study writes beside it
        filler.write_bytes(b"\0" * (free.f_bavail * free.f_frsize))
    answer = running.finish(timeout=240)
    assert answer.code == 1, answer.err
    *_, last = answer.err.splitlines()
    assert last.startswith("stopped: ")
    assert last.endswith(f"; go on with: kdstudy resume my_space --home {home}")
    assert "Traceback" not in answer.err
    filler.unlink()
    again = kdstudy("resume", "my_space", "--home", home)
    assert again.code == 0, again.err
    whole = check_whole(home, "my_space", 8)
    assert {r.key: r.value for r in whole.records} == {
        r.key: r.value for r in read(finished.home, finished.name).records
    }
