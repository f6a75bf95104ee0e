"""What a Ray worker sends to the driver if a trial goes wrong; and a worker that has done many trials."""

from __future__ import annotations

import errno
import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest
import torch
from ray import tune

from study.driver import worker
from study.trial.job import TrialJob
from study.trial.memory import MIB
from study.trial.trial import run_trial


@pytest.fixture
def attempt(
    workshop: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[Callable[[Exception], None], list[dict[str, Any]]]:
    """`attempt(error)`: an attempt at a trial that raises `error` after a report; and what was sent."""
    sent: list[dict[str, Any]] = []
    monkeypatch.setattr(tune, "report", sent.append)
    config, original = workshop.config(), run_trial

    def run(error: Exception) -> None:
        def broken(*values: Any) -> Iterator[Any]:
            yield next(iter(original(*values)))
            raise error

        monkeypatch.setattr(worker, "run_trial", broken)
        worker.train({"job": TrialJob(config, workshop.store, tmp_path / "trial", reports=4)})

    return run, sent


def test_the_trials_own_error_is_sent_with_its_traceback_and_not_raised(attempt: Any) -> None:
    run, sent = attempt
    run(ValueError("no such thing"))
    assert [list(each) for each in sent] == [["report", "seen"], ["traceback"]]
    assert sent[1]["traceback"].endswith("ValueError: no such thing\n")


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EDQUOT], ids=errno.errorcode.get)
def test_a_disk_that_takes_nothing_more_stops_the_study_and_does_not_fail_the_trial(
    attempt: Any, code: int
) -> None:
    run, sent = attempt
    run(OSError(code, "cannot", "/there"))
    assert [list(each) for each in sent] == [["report", "seen"], ["halt"]]
    assert sent[1]["halt"] == f"[Errno {code}] cannot: '/there'"


def test_another_error_of_the_system_is_the_trials_own(attempt: Any) -> None:
    run, sent = attempt
    run(OSError(errno.ENOENT, "gone"))
    assert [list(each) for each in sent] == [["report", "seen"], ["traceback"]]


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
def test_out_of_memory_is_raised_so_that_the_worker_goes_and_the_trial_starts_again(
    attempt: Any, error: Exception
) -> None:
    run, sent = attempt
    with pytest.raises(type(error)):
        run(error)
    assert [list(each) for each in sent] == [["report", "seen"]]


# A worker that has done many trials

GROWTH = 24 * MIB
"""Bytes by which memory may grow from trial 11 to trial 52: no two trials cut malloc's pages alike."""


def resident() -> int:
    """Bytes of this process in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def reports_and_weights(job: TrialJob) -> tuple[list[dict[str, Any]], bytes]:
    """What a worker sends of `job`, without how long things took and when; and the student's weights."""
    sent: list[dict[str, Any]] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tune, "report", lambda report: sent.append(report))
        thread = threading.Thread(target=worker.train, args=[{"job": job}])  # as in an actor of Tune
        thread.start()
        thread.join()
    reports = [json.loads(each["report"]) for each in sent]
    for report in reports:
        del report["seconds"], report["time_ms"]
        if report["result"]:
            del report["result"]["seconds"], report["result"]["ended_ms"]
    return reports, (job.folder / "attempt-1" / "student" / "model.safetensors").read_bytes()


def one_after_the_other(first: TrialJob, others: list[TrialJob], again: TrialJob) -> tuple[bool, list[int]]:
    """Whether `again`, after all others, has what `first` had; and the memory in use after each trial."""
    had = reports_and_weights(first)
    sizes = []
    for job in others:
        reports_and_weights(job)
        sizes.append(resident())
    same = reports_and_weights(again) == had
    return same, [*sizes, resident()]


@pytest.mark.long
@pytest.mark.processes
def test_a_trial_after_fifty_others_has_the_numbers_of_the_first_and_memory_is_flat(
    workshop: Any, tmp_path: Path
) -> None:
    """All in one process of their own: in this one, what other tests left is freed at any time."""

    def job(name: str, **values: Any) -> TrialJob:
        return TrialJob(workshop.config(steps=4, **values), workshop.store, tmp_path / name, reports=2)

    others = [
        job(
            f"other {number}",
            learning_rate=1e-3 * (1 + number),
            init=("random", "base", "teacher")[number % 3],
            depth=1 + number % 4,
            alpha=(0.5, 1.0)[number % 2],
            batch_size=4 + number,
        )
        for number in range(50)
    ]
    with ProcessPoolExecutor(1, get_context("spawn")) as process:
        same, sizes = process.submit(one_after_the_other, job("first"), others, job("again")).result()
    assert same
    assert sizes[-1] <= sizes[9] + GROWTH
