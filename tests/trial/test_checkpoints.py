"""Checkpoints on disk: the newest first, and none that is not whole."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from study.trial.checkpoints import newest_checkpoints, read_checkpoint, write_checkpoint

STATE = {"model": {"weight": torch.arange(6.0).reshape(2, 3)}, "step": 7, "history": [{"loss": 0.1}]}


def test_a_checkpoint_is_read_as_it_was_written(tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "new" / "folder", 7, STATE)
    (path,) = newest_checkpoints(tmp_path / "new" / "folder")
    found = read_checkpoint(path, "cpu")
    assert found is not None
    assert torch.equal(found["model"]["weight"], STATE["model"]["weight"])  # type: ignore[index]
    assert (found["step"], found["history"]) == (7, [{"loss": 0.1}])


def test_the_newest_and_the_one_before_it_stay(tmp_path: Path) -> None:
    for step in (9, 10, 100):
        write_checkpoint(tmp_path, step, STATE)
    assert [path.name for path in newest_checkpoints(tmp_path)] == [
        "checkpoint-00000100.pt",
        "checkpoint-00000010.pt",
    ]


def test_of_two_at_the_same_step_the_earlier_folder_comes_first(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    for folder, step in ((one, 5), (other, 5), (other, 6)):
        write_checkpoint(folder, step, STATE)
    newest = newest_checkpoints(one, other)
    assert [(path.parent.name, path.name[-4]) for path in newest] == [
        ("other", "6"),
        ("one", "5"),
        ("other", "5"),
    ]


@pytest.mark.parametrize("left", [0, 10, 31, 32, -1])
def test_a_checkpoint_that_was_cut_short_is_none(tmp_path: Path, left: int) -> None:
    write_checkpoint(tmp_path, 1, STATE)
    (path,) = newest_checkpoints(tmp_path)
    path.write_bytes(path.read_bytes()[:left])
    assert read_checkpoint(path, "cpu") is None


def test_a_checkpoint_that_another_attempt_has_removed_is_none(tmp_path: Path) -> None:
    assert read_checkpoint(tmp_path / "checkpoint-00000001.pt", "cpu") is None
