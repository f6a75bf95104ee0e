"""A study that begins with what another study has found: its points come first, and equal trials are not
trained.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

SPACE = """
from study.space import Range, SearchSpace

SPACE = SearchSpace(
    question="Which learning rate?",
    nuisance={"learning_rate": Range(low=1e-3, high=1e-2, log=True)},
    fixed={"steps": 20, "batch_size": 16, "teacher_steps": 60, "teacher_batch_size": 16},
    trials=2,
    confirm_seeds=1,
    reports=2,
)
"""
pytestmark = pytest.mark.long


def rows(report: Path) -> dict[str, dict[str, str]]:
    """The search and confirm trials of a report, by key."""
    with (report / "trials.csv").open(encoding="utf-8", newline="") as file:
        return {row["key"]: row for row in csv.DictReader(file) if row["phase"] != "teacher"}


def test_equal_trials_are_answered_from_the_other_study_and_others_are_trained(
    kdstudy: Any, command: Any, task_folder: Path, base_folder: Path, tmp_path: Path
) -> None:
    space = tmp_path / "mine.py"
    space.write_text(SPACE, encoding="utf-8")
    home = ["--home", str(tmp_path / "home")]
    on = [str(space), "--task", str(task_folder), "--model", str(base_folder), *home, "--seed-block", "7"]
    first = kdstudy("run", *on, "--name", "first")
    assert first.code == 0, first.err
    second = kdstudy("run", *on, "--name", "second", "--from-study", "first", "--trials", "3")
    assert second.code == 0, second.err
    for name in ("first", "second"):
        assert command("report", name, *home, "--out", str(tmp_path / name)).code == 0
    old, new = rows(tmp_path / "first"), rows(tmp_path / "second")
    assert set(old) < set(new)
    assert {key: new[key]["seconds"] for key in old} == {key: old[key]["seconds"] for key in old}
    assert second.err.count("answered from study first") == len(old)
