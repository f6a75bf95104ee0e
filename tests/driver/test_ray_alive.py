"""A Ray that has died is noticed soon: in the main thread, and in another if the main thread is stuck."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import ray

from cluster import Cluster
from cluster.local import CLUSTER as LOCAL
from study.driver import ray_alive
from study.driver.ray_alive import RayAlive
from study.driver.ray_cluster import connected
from study.errors import RayFailed
from tests.processes import Running

JOINED = Cluster("a Ray", {"address": "auto"})


@pytest.fixture
def head(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """In place of Ray's head: a socket that listens."""
    for name, seconds in {"JOINED": 0.3, "LOOK": 0.05, "STUCK": 0.3}.items():
        monkeypatch.setattr(ray_alive, name, seconds)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = "{}:{}".format(*listening.getsockname())
        context = SimpleNamespace(gcs_address=address)
        monkeypatch.setattr(ray, "get_runtime_context", lambda: context)
        yield listening


def wait() -> None:
    threading.Event().wait(20)


def test_a_head_that_is_gone_interrupts_the_study_with_one_line(head: socket.socket) -> None:
    def study() -> None:
        with RayAlive(JOINED):
            head.close()
            wait()

    with pytest.raises(RayFailed, match=r"^the Ray at 127.0.0.1:\d+ has died, [^\n]*$"):
        study()


def test_a_head_that_answers_interrupts_nothing(head: socket.socket) -> None:
    with RayAlive(JOINED):
        threading.Event().wait(0.8)


def test_if_the_user_has_stopped_the_study_the_death_of_ray_is_an_interrupt(head: socket.socket) -> None:
    """The same signal has ended both."""

    def study() -> None:
        with RayAlive(JOINED, told_to_stop=lambda: True):
            head.close()
            wait()

    with pytest.raises(KeyboardInterrupt):
        study()


def test_an_interrupt_of_the_user_stays_an_interrupt(head: socket.socket) -> None:
    with pytest.raises(KeyboardInterrupt), RayAlive(JOINED):
        raise KeyboardInterrupt


@pytest.mark.parametrize(("told", "error"), [(False, RayFailed), (True, KeyboardInterrupt)])
def test_if_the_main_thread_is_stuck_another_thread_says_farewell(
    head: socket.socket, monkeypatch: pytest.MonkeyPatch, told: bool, error: type[BaseException]
) -> None:
    """A blocked signal is like a call that cannot be interrupted: no handler runs."""
    thrown: list[Any] = []
    ended, said = threading.Event(), threading.Event()

    def hook(args: threading.ExceptHookArgs) -> None:
        thrown.append(args.exc_type)
        ended.set()

    monkeypatch.setattr(threading, "excepthook", hook)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [ray_alive.INTERRUPT])
    try:
        with RayAlive(JOINED, said.set, lambda: told):
            head.close()
            assert ended.wait(20)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    assert said.is_set()
    assert thrown == [error]


def test_afterwards_nothing_is_watched_and_the_handler_is_gone(head: socket.socket) -> None:
    before = signal.getsignal(ray_alive.INTERRUPT)
    with RayAlive(JOINED):
        pass
    head.close()
    threading.Event().wait(0.8)
    assert signal.getsignal(ray_alive.INTERRUPT) == before


@pytest.mark.long
@pytest.mark.processes
@pytest.mark.parametrize("name", ["gcs_server", "raylet"])
def test_the_death_of_a_ray_that_was_started_here_is_noticed_and_nothing_of_it_is_left(name: str) -> None:
    local = LOCAL
    before, of_ray = below_this_process(), below_this_process()
    before.remember()  # other tests of this process may have a Ray of their own

    def study() -> None:
        with connected(local), RayAlive(local):
            of_ray.remember()
            for pid in before.started:
                of_ray.started.pop(pid, None)
            assert os.getsid(0) not in [os.getsid(pid) for pid in of_ray.left()]
            (dies,) = set(of_ray.workers(f"/{name}")) & set(of_ray.left())
            os.kill(dies, signal.SIGKILL)
            wait()

    with pytest.raises(RayFailed, match="has died"):
        study()
    assert of_ray.started
    until = time.monotonic() + 15
    while of_ray.left() and time.monotonic() < until:
        time.sleep(0.1)
    assert of_ray.left() == []


def below_this_process() -> Running:
    this_process: Any = SimpleNamespace(pid=os.getpid())
    return Running(this_process, Path(), Path())
