"""Ray joined and called: what the user reads if Ray, a worker or a machine gives up; and how Ray is left."""

from __future__ import annotations

import ast
import errno
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import ray
import torch
from ray.exceptions import (
    LocalRayletDiedError,
    NodeDiedError,
    ObjectLostError,
    OutOfMemoryError,
    RayError,
    RaySystemError,
    RayTaskError,
    TaskUnschedulableError,
    WorkerCrashedError,
)

from cluster.local import CLUSTER as LOCAL
from study.driver import ray_cluster, waiting
from study.driver.interrupt import interruptible
from study.driver.lifecycle import WORKER_DEATHS
from study.driver.ray_cluster import Resources, call_in_ray, connected, stopped_by_ray
from study.driver.ray_settings import SETTINGS
from study.errors import RequestError, StorageAway, StudyStopped, TeacherDiverged

ONE = Resources(cpus=1, gpus=0, concurrency=1)
ROOM = Path(ray_cluster.__file__).parent


# Joined


@pytest.fixture
def shut_down(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Has an item for each time that Ray was shut down."""
    ended: list[bool] = []
    monkeypatch.setattr(ray, "shutdown", lambda: ended.append(True))
    return ended


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_ray_starts_is_not_lost_if_python_ignores_what_the_handler_raises(
    monkeypatch: pytest.MonkeyPatch, shut_down: list[bool], stop: signal.Signals
) -> None:
    """Python's hooks around a fork ignore exceptions; a `__del__` is another such place."""

    class Hook:
        def __del__(self) -> None:
            signal.raise_signal(stop)

    def init(**options: Any) -> None:
        def leave(number: int, frame: Any) -> None:
            raise SystemExit(number)

        signal.signal(signal.SIGTERM, leave)  # as Ray does
        hook = Hook()
        del hook

    monkeypatch.setattr(ray, "init", init)
    handler = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt), interruptible(), connected(LOCAL):
        threading.Event().wait(20)
    assert shut_down
    assert signal.getsignal(signal.SIGTERM) == handler


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (RuntimeError("no space for the socket\nand more"), RequestError),
        (RaySystemError("the versions differ"), RequestError),
        (SystemExit(15), KeyboardInterrupt),
        (KeyboardInterrupt(), KeyboardInterrupt),
        (MemoryError(), MemoryError),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
def test_a_ray_that_started_in_part_is_shut_down_and_its_signal_handler_is_gone(
    monkeypatch: pytest.MonkeyPatch,
    shut_down: list[bool],
    error: BaseException,
    raised: type[BaseException],
) -> None:
    def init(**options: Any) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise error

    monkeypatch.setattr(ray, "init", init)
    handler = signal.getsignal(signal.SIGTERM)
    with pytest.raises(raised) as refused, connected(LOCAL):
        pytest.fail("it went on")
    assert shut_down
    assert signal.getsignal(signal.SIGTERM) == handler
    if raised is RequestError:
        assert str(refused.value).startswith("--cluster: ")
        assert "\n" not in str(refused.value)


def test_ray_is_shut_down_whatever_is_raised_while_it_is_joined(
    monkeypatch: pytest.MonkeyPatch, shut_down: list[bool]
) -> None:
    monkeypatch.setattr(ray, "init", lambda **options: None)
    for error in (StudyStopped("no"), KeyboardInterrupt(), SystemExit(3), ValueError("no")):
        shut_down.clear()
        with pytest.raises(type(error)), connected(LOCAL):
            raise error
        assert shut_down == [True]


# Called


@pytest.fixture(scope="module")
def ray_here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Ray, started in a folder with files of a user that are called like libraries."""
    folder, before = tmp_path_factory.mktemp("working directory"), os.getcwd()
    for name in ("tokenizers.py", "study.py"):
        (folder / name).write_text("raise RuntimeError('a file of the user')")
    os.chdir(folder)
    try:
        with connected(LOCAL):
            os.chdir(before)
            yield folder
    finally:
        os.chdir(before)


@pytest.fixture
def fails_with(monkeypatch: pytest.MonkeyPatch) -> Callable[[Exception], None]:
    """`fails_with(error)`: `ray.get` raises `error`."""

    def fail(error: Exception) -> None:
        def get(tasks: list[Any], timeout: float) -> Any:
            raise error

        monkeypatch.setattr(ray, "get", get)

    monkeypatch.setattr(
        ray,
        "remote",
        lambda **options: lambda function: SimpleNamespace(remote=lambda *values: partial(function, *values)),
    )
    return fail


LOST: dict[RayError, str] = {
    WorkerCrashedError(): f"the worker died {WORKER_DEATHS + 1} times, perhaps for lack of memory; free some",
    OutOfMemoryError("95% of the node\nand a list of processes"): "its machine ran out of memory; free some",
    NodeDiedError("node 7"): "a machine of the cluster was lost (NodeDiedError); wait until",
    ObjectLostError("00ff", None, "main"): "a machine of the cluster was lost (ObjectLostError); wait until",
    TaskUnschedulableError("node 7 is gone"): "has room: The task is not schedulable: node 7 is gone; wait",
    LocalRayletDiedError(): "Ray failed (LocalRayletDiedError): ",
    RaySystemError("GCS is away\nmore"): "Ray failed (RaySystemError): System error: GCS is away; look at",
}


@pytest.mark.parametrize(("error", "why"), LOST.items(), ids=[type(error).__name__ for error in LOST])
def test_an_error_of_ray_itself_stops_the_study_in_one_line_with_the_step_and_what_to_do(
    fails_with: Callable[[Exception], None], error: RayError, why: str
) -> None:
    fails_with(error)
    with pytest.raises(StudyStopped) as stopped:
        call_in_ray(print, [("hello",)], ONE, "preparing the teacher")
    line = str(stopped.value)
    assert line.startswith("preparing the teacher: ")
    assert why in line
    assert "; " in line, "what to do comes last"
    assert "\n" not in line
    assert stopped.value.__cause__ is error, "--debug shows it"


@pytest.mark.parametrize(
    ("cause", "raised", "line"),
    [
        (RequestError("--teacher: no"), RequestError, "--teacher: no"),
        (StorageAway("--storage-url s3: no"), StorageAway, "--storage-url s3: no"),
        (TeacherDiverged("lower"), TeacherDiverged, "lower"),
        (OSError(errno.ENOSPC, "full"), StudyStopped, "[Errno 28] full"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_a_message_of_a_task_to_the_user_arrives_as_it_is(
    fails_with: Callable[[Exception], None], cause: Exception, raised: type[Exception], line: str
) -> None:
    fails_with(RayTaskError("task", "Traceback ...", cause))
    with pytest.raises(raised) as refused:
        call_in_ray(print, [()], ONE, "preparing")
    assert type(refused.value) is raised
    assert str(refused.value) == line


def test_a_task_that_runs_out_of_memory_stops_the_study_in_one_line(
    fails_with: Callable[[Exception], None],
) -> None:
    cause = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB.\nand more")
    trace = "Traceback ...\ntorch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB."
    fails_with(RayTaskError("task", trace, cause))
    line = (
        r"^preparing: memory ran out: CUDA out of memory. Tried to allocate 2 GiB.; free some memory, or .*$"
    )
    with pytest.raises(StudyStopped, match=line):
        call_in_ray(print, [()], ONE, "preparing")


def test_a_real_worker_that_is_killed_again_and_again_stops_the_study_in_one_line(
    ray_here: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    def die() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    line = rf"^preparing the teacher: the worker died {WORKER_DEATHS + 1} times, [^\n]*$"
    with pytest.raises(StudyStopped, match=line):
        call_in_ray(die, [()], Resources(0.1, 0, 1), "preparing the teacher")
    assert "A worker died" not in capfd.readouterr().err, "Ray itself would print dozens of lines"


def test_a_real_task_that_runs_out_of_memory_stops_the_study_in_one_line(ray_here: Path) -> None:
    def take(size: int) -> None:
        bytearray(size)

    line = r"^preparing the teacher: memory ran out: [^\n]*; free some memory, [^\n]*$"
    with pytest.raises(StudyStopped, match=line):
        call_in_ray(take, [(2**60,)], Resources(0.1, 0, 1), "preparing the teacher")


def test_a_file_in_the_working_directory_that_is_called_like_a_library_is_not_imported_by_workers(
    ray_here: Path,
) -> None:
    def imported() -> list[str]:
        import tokenizers

        import study.errors

        return [str(tokenizers.__file__), str(study.errors.__file__)]

    (files,) = call_in_ray(imported, [()], Resources(0.1, 0, 1), "importing")
    assert len(files) == 2
    assert not [file for file in files if str(ray_here) in file]


def test_a_call_that_finds_no_room_is_not_silent_and_a_call_that_runs_is(
    ray_here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_cluster, "PATIENCE", 0.2)
    monkeypatch.setattr(waiting, "FIRST", 0.5)
    cpus = ray.cluster_resources()["CPU"]

    @ray.remote(num_cpus=cpus)
    def other() -> None:
        time.sleep(4)

    notes: list[str] = []
    held = other.remote()
    while ray.available_resources().get("CPU", 0) >= 1:
        time.sleep(0.1)
    assert call_in_ray(abs, [(-3,)], ONE, "counting", notes.append) == [3]
    assert notes == [f"waiting for 1 CPU: 0 of {cpus:g} free"]
    ray.get(held)
    notes.clear()
    assert call_in_ray(time.sleep, [(3,)], ONE, "sleeping", notes.append) == [None]
    assert notes == []


def test_an_unknown_error_of_a_task_keeps_its_traceback(fails_with: Callable[[Exception], None]) -> None:
    error = RayTaskError("task", "Traceback ...", KeyError("teacher"))
    fails_with(error)
    with pytest.raises(RayTaskError) as raised:
        call_in_ray(print, [()], ONE, "preparing")
    assert raised.value is error


def test_an_error_that_is_not_of_ray_passes_through() -> None:
    with pytest.raises(ValueError, match=r"^no$"), stopped_by_ray("running trials"):
        raise ValueError("no")


# What Ray reads when it is imported


def test_a_task_that_is_ended_for_lack_of_memory_starts_again_as_often_as_after_any_other_death() -> None:
    """Ray's own default is without end."""
    assert SETTINGS["RAY_task_oom_retries"] == str(WORKER_DEATHS)


def of_the_room() -> list[Path]:
    return [
        path for path in sorted(ROOM.glob("*.py")) if "import ray\n" in text(path) or "from ray" in text(path)
    ]


def text(path: Path) -> str:
    return path.read_text("utf-8")


@pytest.mark.parametrize("path", of_the_room(), ids=lambda path: path.stem)
def test_a_module_that_imports_ray_imports_the_settings_first(path: Path) -> None:
    order = [
        alias.name if isinstance(node, ast.Import) else str(node.module)
        for node in ast.parse(text(path)).body
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    ]
    of_ray = [index for index, name in enumerate(order) if name.partition(".")[0] == "ray"]
    assert order.index("study.driver.ray_settings") < min(of_ray)


def test_three_modules_and_more_import_ray() -> None:
    """The list above is made from texts: without this test it might be empty."""
    assert {path.stem for path in of_the_room()} >= {"ray_cluster", "resources", "tune", "worker"}


@pytest.mark.processes
def test_the_settings_are_there_before_ray_is_and_a_users_own_setting_stays() -> None:
    script = """
import os, sys
from importlib.abc import MetaPathFinder

class First(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == "ray":
            print(os.environ["RAY_USAGE_STATS_ENABLED"], os.environ["TUNE_DISABLE_SIGINT_HANDLER"])

sys.meta_path.insert(0, First())
import study.driver.run
"""
    environment = {name: value for name, value in os.environ.items() if name not in SETTINGS}
    answer = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOM.parent.parent,
        env=environment | {"RAY_USAGE_STATS_ENABLED": "1"},
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    assert answer.stdout.split() == ["1", "1"]
