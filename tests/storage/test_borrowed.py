"""Endings of another study: copied whole, once, and only if they are of the same kind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from study.storage.attempts import TEXTS, attempt_folder, read_ending, student_folder, write_ending
from study.storage.borrowed import borrow_ending


def ended(folder: Path, reports: int = 2, test: Any = None) -> dict[str, bytes]:
    """A trial that ended at its second attempt, with its weights; returns the files of the ending."""
    own = attempt_folder(folder, 2)
    (own / "student").mkdir(parents=True)
    (own / "student" / "model.safetensors").write_bytes(b"weights")
    (own / "checkpoint-5.pt").write_bytes(b"optimiser")
    if test is not None:
        (own / TEXTS).write_text("{}", encoding="utf-8")
    write_ending(own, [{"step": step} for step in range(reports)], {"test": test, "seconds": 1.5})
    return {path.name: path.read_bytes() for path in own.rglob("*") if path.is_file()}


def test_an_ending_is_copied_with_its_weights_and_without_checkpoints(tmp_path: Path) -> None:
    source, target = tmp_path / "a", tmp_path / "b"
    ended(source)
    assert borrow_ending(source, target, reports=2, test=False)
    assert read_ending(target) == read_ending(source)
    assert student_folder(target) is not None
    assert not list(target.rglob("checkpoint-*"))
    assert [path.name for path in target.iterdir()] == ["attempt-0"]


def test_it_is_copied_once(tmp_path: Path) -> None:
    ended(tmp_path / "a")
    assert borrow_ending(tmp_path / "a", tmp_path / "b", reports=2, test=False)
    assert not borrow_ending(tmp_path / "a", tmp_path / "b", reports=2, test=False)


def test_a_trial_with_an_attempt_of_its_own_borrows_nothing(tmp_path: Path) -> None:
    ended(tmp_path / "a")
    attempt_folder(tmp_path / "b", 1).mkdir(parents=True)
    assert not borrow_ending(tmp_path / "a", tmp_path / "b", reports=2, test=False)
    assert read_ending(tmp_path / "b") is None


@pytest.mark.parametrize(
    ("reports", "test"), [(3, False), (2, True)], ids=["another number of reports", "not scored on test"]
)
def test_an_ending_of_another_kind_is_not_borrowed(tmp_path: Path, reports: int, test: bool) -> None:
    ended(tmp_path / "a")
    assert not borrow_ending(tmp_path / "a", tmp_path / "b", reports, test)
    assert not (tmp_path / "b").exists()


def test_a_trial_that_was_scored_on_test_is_borrowed_with_its_texts_or_not_at_all(tmp_path: Path) -> None:
    ended(tmp_path / "a", test={"accuracy": {}})
    assert not borrow_ending(tmp_path / "a", tmp_path / "b", reports=2, test=False)
    assert borrow_ending(tmp_path / "a", tmp_path / "b", reports=2, test=True)
    (attempt_folder(tmp_path / "a", 2) / TEXTS).unlink()
    assert not borrow_ending(tmp_path / "a", tmp_path / "c", reports=2, test=True)


def test_an_ending_without_a_latency_is_not_borrowed_if_a_latency_is_asked_for(tmp_path: Path) -> None:
    ended(tmp_path / "a")
    assert not borrow_ending(tmp_path / "a", tmp_path / "b", reports=2, test=False, latency=True)
    own = attempt_folder(tmp_path / "a", 3)
    own.mkdir()
    write_ending(own, [{"step": 0}, {"step": 1}], {"test": None, "latency": {"ms": 1.0}})
    assert borrow_ending(tmp_path / "a", tmp_path / "b", reports=2, test=False, latency=True)


@pytest.mark.parametrize("damage", ["absent", "unfinished", "damaged"])
def test_without_a_whole_ending_nothing_is_borrowed(tmp_path: Path, damage: str) -> None:
    if damage != "absent":
        ended(tmp_path / "a")
        result = attempt_folder(tmp_path / "a", 2) / "result.json"
        result.unlink() if damage == "unfinished" else result.write_text('{"digest": "0"}')
    assert not borrow_ending(tmp_path / "a", tmp_path / "b", reports=2, test=False)
    assert not (tmp_path / "b").exists()
