"""What a Ray worker tells the driver of a trial that goes wrong."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from study import tune
from study.tune import Work


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
        work = Work(workshop.store, "", 4, False)
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
