"""Where a task comes from: a registered name first, then a folder; `hub:` is the hub."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from study.errors import RequestError
from study.trial.data.checks import build_task
from study.trial.data.rows import rows_of
from study.trial.data.sources import load_task, registered_tasks


def refusal(source: str) -> str:
    with pytest.raises(RequestError) as refused:
        load_task(source)
    assert len(str(refused.value).splitlines()) == 1
    return str(refused.value)


def test_a_folder_is_a_task_under_its_own_name(
    write_folder: Callable[..., Path], splits: dict[str, list[dict[str, Any]]]
) -> None:
    assert load_task(str(write_folder(splits, "my-task"))).name == "my-task"


def test_a_registered_name_wins_over_a_folder_of_that_name(
    write_folder: Callable[..., Path],
    splits: dict[str, list[dict[str, Any]]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = write_folder(splits, "phrasebook")
    monkeypatch.chdir(folder.parent)
    assert len(load_task("phrasebook").languages) > 2
    assert load_task("./phrasebook").languages == ("de", "sw")


def test_a_path_relative_to_home(
    write_folder: Callable[..., Path],
    splits: dict[str, list[dict[str, Any]]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = write_folder(splits, "mine")
    monkeypatch.setenv("HOME", str(folder.parent))
    assert load_task("~/mine").languages == ("de", "sw")


def test_where_a_task_stands_does_not_change_it(
    write_folder: Callable[..., Path], splits: dict[str, list[dict[str, Any]]]
) -> None:
    here, there = write_folder(splits, "here"), write_folder(splits, "there")
    assert load_task(str(here)).fingerprint == load_task(str(there)).fingerprint


@pytest.mark.parametrize("source", ["nowhere", "", "./no/such/folder", "\0", "two\nlines"])
def test_what_is_neither_lists_what_there_is(source: str) -> None:
    message = refusal(source)
    assert "no such task or folder" in message
    for word in ("phrasebook", "massive", "sib200", "hub:REPO[:CONFIG]", "train, dev and test"):
        assert word in message


def test_a_file_is_no_folder(
    write_folder: Callable[..., Path], splits: dict[str, list[dict[str, Any]]]
) -> None:
    assert "a file; a task is a folder with train, dev and test files" in refusal(
        str(write_folder(splits) / "train.jsonl")
    )


def test_the_registered_tasks_are_told_without_loading_them() -> None:
    known = registered_tasks()
    assert known[0].name == "phrasebook"
    names = [task.name for task in known]
    assert len(set(names)) == len(names)
    assert {"massive", "tsm", "sib200", "nusax", "afrisenti", "masakhanews"} <= set(names)
    for task in known:
        assert task.description
        assert len(task.description.splitlines()) == 1
        assert task.languages > 1
        assert task.labels > 1


def test_the_embedded_task_is_what_it_is_said_to_be() -> None:
    from study.trial.data.phrasebook.task import phrasebook

    told = registered_tasks()[0]
    task = load_task("phrasebook")
    assert task.fingerprint == phrasebook().fingerprint
    assert (len(task.languages), len(task.labels)) == (told.languages, told.labels)
    assert task.notes == ()


def test_a_built_task_goes_through_the_checks_unchanged(
    write_folder: Callable[..., Path], splits: dict[str, list[dict[str, Any]]]
) -> None:
    task = load_task(str(write_folder(splits)))
    assert build_task("again", rows_of(task)).fingerprint == task.fingerprint
    assert build_task("part", rows_of(task), ["sw"]).languages == ("sw",)
