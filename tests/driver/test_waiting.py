"""Nobody waits in silence: what is waited for, when it is shown, and workers that never start."""

from __future__ import annotations

import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import ray

from study.driver import waiting
from study.driver.waiting import TRIES, FailedStarts, Waiting, missing, resources_now

GIB = 2**30


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> dict[str, dict[str, float]]:
    """What the cluster has, and what is free."""
    has: dict[str, dict[str, float]] = {"total": {}, "free": {}}
    monkeypatch.setattr(ray, "cluster_resources", lambda: has["total"])
    monkeypatch.setattr(ray, "available_resources", lambda: has["free"])
    return has


def test_a_wait_is_shown_after_ten_seconds_and_then_each_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    now, notes = [1000.0], []
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    look = Waiting(lambda text: notes.append((now[0] - 1000, text)))
    for _ in range(140):
        look(True, lambda: "1 CPU")
        now[0] += 1
    assert notes == [(10, "waiting for 1 CPU"), (70, "waiting for 1 CPU"), (130, "waiting for 1 CPU")]
    look(False, lambda: pytest.fail("nobody waits"))
    notes.clear()
    for _ in range(10):
        look(True, lambda: "1 CPU")
        now[0] += 1
    assert notes == []


def test_what_is_missing_is_told_with_what_there_is(cluster: dict[str, dict[str, float]]) -> None:
    cluster["total"] = {"CPU": 2, "GPU": 1, "memory": 8 * GIB}
    cluster["free"] = {"GPU": 0.5, "memory": GIB}
    assert missing({"cpu": 1, "gpu": 0}) == "1 CPU: 0 of 2 free"
    assert missing({"cpu": 2, "gpu": 0}) == "2 CPUs: 0 of 2 free"
    assert missing({"cpu": 0, "gpu": 1}) == "1 GPU: 0.5 of 1 free"
    assert missing({"cpu": 1, "gpu": 0, "memory": 2 * GIB}) == (
        "1 CPU: 0 of 2 free, 2.0 GiB of memory: 1.0 GiB of 8.0 GiB free"
    )
    cluster["free"]["CPU"] = 2
    assert missing({"cpu": 1, "gpu": 0}) == "a worker to start"
    assert resources_now() == "2 CPUs (2 free), 1 GPU (0.5 free)"


def test_an_empty_cluster_has_nothing_free(cluster: dict[str, dict[str, float]]) -> None:
    assert missing({"cpu": 1, "gpu": 0}) == "1 CPU: 0 of 0 free"
    assert resources_now() == "0 CPUs (0 free), 0 GPUs"


def test_workers_that_could_not_start_are_counted_in_rays_log_from_now_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = SimpleNamespace(get_logs_dir_path=lambda: str(tmp_path))
    monkeypatch.setattr(ray._private.worker, "_global_node", node)
    log, line = tmp_path / "raylet.out", f"Some workers of the worker process(7) {waiting.UNREGISTERED}.\n"
    log.write_text(line * 5)  # of others, before
    starts = FailedStarts()
    log.write_text(line * (5 + TRIES - 1))
    assert starts.reason() is None
    log.write_text(line * (5 + TRIES))
    assert starts.reason() == (
        f"{TRIES} workers could not start: no reason is known (Ray's logs: {tmp_path})"
    )
    (tmp_path / "worker-1.err").write_text(":job_id:01\nbash: line 1: /my: No such file or directory\n\n")
    assert "could not start: bash: line 1: /my: No such file or directory (Ray's" in str(starts.reason())


def test_without_a_log_here_nothing_is_known(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(ray._private.worker, "_global_node", None)
    assert FailedStarts().reason() is None
    node = SimpleNamespace(get_logs_dir_path=lambda: str(tmp_path / "elsewhere"))
    monkeypatch.setattr(ray._private.worker, "_global_node", node)
    assert FailedStarts().reason() is None
