"""What a trial that ended reported, read from its folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from study.config import TrialConfig
from study.storage.attempts import write_ending
from study.trial.result import last_report, read_result

CONFIG = TrialConfig(
    task="t", model="m", model_layers=4, depth=2, learning_rate=1e-3, teacher_learning_rate=1e-3
)
HISTORY: list[dict[str, Any]] = [
    {"report": n, "step": 10 * n, "loss": 1 / n, "seconds": 0.5 * n, "time_ms": n, "validation": {"n": {}}}
    for n in (1, 2)
]


def result(outcome: str) -> dict[str, Any]:
    return {"key": CONFIG.key, "outcome": outcome, "steps": 25, "seconds": 1.5, "ended_ms": 99}


def ended(folder: Path, outcome: str) -> Path:
    """A trial's folder whose first attempt ended so."""
    (folder / "attempt-1").mkdir(parents=True)
    write_ending(folder / "attempt-1", HISTORY, result(outcome))
    return folder


def test_a_complete_trial_has_its_reports_and_the_last_has_the_result(tmp_path: Path) -> None:
    found = read_result(ended(tmp_path / "t", "complete"), CONFIG)
    assert found is not None
    assert [one.report for one in found] == [1, 2]
    assert [one.result for one in found] == [None, result("complete")]
    assert (found[1].step, found[1].loss, found[1].time_ms) == (20, 0.5, 2)


def test_a_diverged_trial_has_one_report_more_without_loss_and_scores(tmp_path: Path) -> None:
    found = read_result(ended(tmp_path / "t", "diverged"), CONFIG)
    assert found is not None
    assert [one.report for one in found] == [1, 2, 3]
    last = found[-1]
    assert (last.step, last.loss, last.seconds, last.time_ms, last.validation) == (25, None, 1.5, 99, None)
    assert last.result == result("diverged")
    assert last == last_report(HISTORY, result("diverged"))


def test_a_trial_that_diverged_at_once_has_that_report_alone() -> None:
    assert last_report([], result("diverged")).report == 1


def test_a_folder_without_a_result_has_none(tmp_path: Path) -> None:
    assert read_result(tmp_path, CONFIG) is None


def test_the_result_of_another_trial_is_an_error(tmp_path: Path) -> None:
    folder = ended(tmp_path / "t", "complete")
    with pytest.raises(ValueError, match="holds the result of another trial"):
        read_result(folder, CONFIG.model_copy(update={"seed": 1}))
