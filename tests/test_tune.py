"""What a Ray worker tells the driver of a trial that goes wrong."""

from __future__ import annotations

import errno
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from study import tune
from study.capacity import Need
from study.config import RequestError
from study.request import Request
from study.trial.memory import MIB, Peak
from study.tune import Resources, Work, check_cluster, in_room


@pytest.fixture
def attempt(
    workshop: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Any, list[dict[str, Any]]]]:
    """`attempt(error)`: an attempt at a trial that raises `error` after a report; and what was told."""
    told: list[dict[str, Any]] = []
    monkeypatch.setattr(tune.tune, "report", told.append)
    config, original = workshop.config(), tune.run_trial

    def run(error: Exception) -> None:
        def broken(*values: Any) -> Iterator[Any]:
            yield next(iter(original(*values)))
            raise error

        monkeypatch.setattr(tune, "run_trial", broken)
        work = Work(workshop.store, "", 4, False, False)
        asked = {"work": work, "config": config.model_dump(), "threads": 1, "attempt": 1}
        tune._trainable(asked | {"folder": str(tmp_path / "trial")})

    return run, told


def test_the_trials_own_error_is_told_with_its_traceback_and_not_raised(attempt: Any) -> None:
    run, told = attempt
    run(ValueError("no such thing"))
    assert [list(each) for each in told] == [["report"], ["traceback"]]
    assert told[1]["traceback"].endswith("ValueError: no such thing\n")


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EDQUOT], ids=errno.errorcode.get)
def test_a_disk_that_takes_nothing_more_stops_the_study_and_does_not_fail_the_trial(
    attempt: Any, code: int
) -> None:
    run, told = attempt
    run(OSError(code, "cannot", "/there"))
    assert [list(each) for each in told] == [["report"], ["halt"]]
    assert told[1]["halt"] == f"[Errno {code}] cannot: '/there'"


def test_another_error_of_the_system_is_the_trials_own(attempt: Any) -> None:
    run, told = attempt
    run(OSError(errno.ENOENT, "gone"))
    assert [list(each) for each in told] == [["report"], ["traceback"]]


def cpu_out_of_memory() -> Exception:
    try:
        torch.empty(2**60, dtype=torch.uint8)
    except RuntimeError as error:
        return error
    raise AssertionError("there was room")


@pytest.mark.parametrize(
    "error",
    [MemoryError(), torch.OutOfMemoryError("CUDA"), cpu_out_of_memory()],
    ids=lambda e: type(e).__name__,
)
def test_out_of_memory_is_raised_so_that_the_worker_goes_and_the_trial_is_asked_again(
    attempt: Any, error: Exception
) -> None:
    run, told = attempt
    with pytest.raises(type(error)):
        run(error)
    assert [list(each) for each in told] == [["report"]]


# A worker that has done many trials

GIB = 1024 * MIB
GROWTH = 24 * MIB
"""What memory may grow by from trial 11 to trial 52: no two trials cut malloc's pages alike."""


def resident() -> int:
    """Bytes of this process in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def test_a_trial_after_fifty_others_has_the_numbers_of_the_first_and_memory_is_flat(
    workshop: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one process, each in a thread of its own, as Tune runs them in an actor that it uses again."""
    told: list[dict[str, Any]] = []
    monkeypatch.setattr(tune.tune, "report", lambda report: told.append(report))
    work = Work(workshop.store, "", 2, False, False)

    def run(name: str, config: Any) -> Any:
        told.clear()
        asked = {"work": work, "config": config.model_dump(), "threads": 1, "attempt": 1}
        thread = threading.Thread(target=tune._trainable, args=[asked | {"folder": str(tmp_path / name)}])
        thread.start()
        thread.join()
        reports = [json.loads(each["report"]) for each in told]
        for report in reports:
            del report["seconds"], report["time_ms"]
            if report["result"]:
                del report["result"]["seconds"], report["result"]["ended_ms"]
        return reports, (tmp_path / name / "attempt-1" / "student" / "model.safetensors").read_bytes()

    first = run("first", workshop.config(steps=4))
    sizes = []
    for number in range(50):
        others = {
            "init": ("random", "base", "teacher")[number % 3],
            "depth": 1 + number % 4,
            "alpha": (0.5, 1.0)[number % 2],
            "batch_size": 4 + number,
        }
        run(f"other {number}", workshop.config(steps=4, learning_rate=1e-3 * (1 + number), **others))
        sizes.append(resident())
    assert run("again", workshop.config(steps=4)) == first
    assert resident() <= sizes[9] + GROWTH


# How many run at once


def need(cpu: int, gpu: int = GIB) -> Need:
    return Need(None, Peak(cpu), Peak(3 * GIB, gpu), None, None)  # type: ignore[arg-type]


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Any:
    """`cluster(node, ...)`: Ray has these, each {"CPU": ..., "memory": ...}."""

    def of(*nodes: dict[str, float], gpu_memory: int = 0) -> None:
        there = [{"Alive": True, "NodeID": str(i), "Resources": node} for i, node in enumerate(nodes)]
        monkeypatch.setattr(tune.ray, "nodes", lambda: [*there, {"Alive": False, "Resources": {}}])
        monkeypatch.setattr(
            tune.ray,
            "cluster_resources",
            lambda: {name: sum(node.get(name, 0) for node in nodes) for name in ("CPU", "GPU")},
        )
        monkeypatch.setattr(tune, "_gpu_memory", lambda node: gpu_memory or None)

    return of


ON_CPUS = Resources(cpus=1, gpus=0, concurrency=8)


def test_no_more_trials_at_once_than_there_is_memory_for(cluster: Any) -> None:
    cluster({"CPU": 8, "memory": 10 * GIB})
    found, note = in_room(ON_CPUS, need(4 * GIB), Request("demo"))
    assert (found.concurrency, found.memory) == (2, 4 * GIB)
    assert found.of_a_trial == {"cpu": 1, "gpu": 0, "memory": 4 * GIB}
    assert note == "2 trials at once, not 8: each takes up to 4.0 GiB of memory, 10.0 GiB are free"


def test_where_there_is_room_for_all_nothing_is_said(cluster: Any) -> None:
    cluster({"CPU": 8, "memory": 64 * GIB})
    found, note = in_room(ON_CPUS, need(GIB), Request("demo"))
    assert (found.concurrency, note) == (8, "")


def test_a_trial_does_not_lie_across_machines(cluster: Any) -> None:
    cluster({"CPU": 4, "memory": 6 * GIB}, {"CPU": 4, "memory": 7 * GIB})
    assert in_room(ON_CPUS, need(4 * GIB), Request("demo"))[0].concurrency == 2


def test_one_trial_runs_even_where_ray_found_less_memory_free_than_it_may_take(cluster: Any) -> None:
    cluster({"CPU": 8, "memory": 3 * GIB})
    found, _ = in_room(ON_CPUS, need(4 * GIB), Request("demo"))
    assert (found.concurrency, found.memory) == (1, 3 * GIB)  # more would never be granted


def test_a_concurrency_that_is_given_is_taken_as_it_is(cluster: Any) -> None:
    cluster({"CPU": 8, "memory": 10 * GIB})
    assert in_room(ON_CPUS, need(4 * GIB), Request("demo", concurrency=8)) == (ON_CPUS, "")


def test_as_many_trials_share_a_gpu_as_fit_where_that_is_asked_for(cluster: Any) -> None:
    cluster({"CPU": 64, "memory": 500 * GIB, "GPU": 2}, gpu_memory=80 * GIB)
    whole = Resources(cpus=1, gpus=1, concurrency=2)
    assert in_room(whole, need(GIB, 9 * GIB), Request("demo")) == (whole, "")
    found, note = in_room(whole, need(GIB, 9 * GIB), Request("demo", gpus_per_trial="auto"))
    assert (found.gpus, found.concurrency) == (0.1428, 14)
    assert note == "7 trials share a GPU: each takes up to 9.0 GiB"


def test_cpus_limit_how_many_share_the_gpus(cluster: Any) -> None:
    cluster({"CPU": 4, "memory": 500 * GIB, "GPU": 2}, gpu_memory=80 * GIB)
    auto = Request("demo", gpus_per_trial="auto")
    assert in_room(Resources(1, 1, 2), need(GIB, GIB), auto)[0].concurrency == 4


def test_gpus_of_unknown_memory_are_not_shared(cluster: Any) -> None:
    cluster({"CPU": 4, "memory": 500 * GIB, "GPU": 2})
    found, note = in_room(Resources(1, 1, 2), need(GIB), Request("demo", gpus_per_trial="auto"))
    assert (found.gpus, note) == (1, "the memory of the GPUs is not known: one trial each")


def test_what_fits_no_machine_of_the_cluster_is_refused(cluster: Any, workshop: Any) -> None:
    cluster({"CPU": 4, "memory": 2 * GIB}, {"CPU": 4, "memory": 8 * GIB})
    large = Need(workshop.config(), Peak(9 * GIB), Peak(GIB, GIB), None, None)
    with pytest.raises(RequestError, match=r"the largest machine of the cluster has 8\.0 GiB"):
        check_cluster(large, ON_CPUS)
    check_cluster(Need(workshop.config(), Peak(7 * GIB), Peak(GIB, GIB), None, None), ON_CPUS)
    cluster()  # nobody there yet, as with an autoscaler: it cannot be known
    check_cluster(large, ON_CPUS)
