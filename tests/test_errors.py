"""The tree of errors, and the hint for a name that is misspelt."""

from __future__ import annotations

import sqlite3

import pytest
from sqlalchemy.exc import OperationalError

from study import errors
from study.errors import (
    Away,
    RequestError,
    StorageAway,
    StudyStopped,
    did_you_mean,
    first_line,
    no_permission,
    plain_reason,
)


def test_the_tree_is_what_its_docstring_draws() -> None:
    """An exit code follows from the place in the tree: a request is no stop, and storage away is one."""
    drawn = [line.split()[0] for line in (errors.__doc__ or "").splitlines() if line.startswith("    ")]
    defined = {name for name in errors.__all__ if isinstance(getattr(errors, name), type)}
    assert set(drawn) == defined
    assert issubclass(StorageAway, StudyStopped)
    assert issubclass(RequestError, ValueError)
    assert not issubclass(RequestError, StudyStopped)
    assert not issubclass(Away, StudyStopped | RequestError)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("quikstart", " (did you mean quickstart?)"),
        ("depht", " (did you mean depth?)"),
        ("quickstart", " (did you mean quickstart?)"),
        ("banana", ""),
        ("", ""),
        ("D", ""),
    ],
)
def test_a_near_name_is_suggested_and_a_far_one_is_not(name: str, hint: str) -> None:
    assert did_you_mean(name, ["depth", "quickstart", "low_resource"]) == hint


def test_without_known_names_nothing_is_suggested() -> None:
    assert did_you_mean("depth", []) == ""


def test_only_the_nearest_name_is_suggested() -> None:
    assert did_you_mean("teacher_step", {"teacher_seed": 1, "teacher_steps": 2, "steps": 3}) == (
        " (did you mean teacher_steps?)"
    )


def test_an_error_is_its_first_line_or_its_type() -> None:
    assert first_line(ValueError("\n  first \nsecond")) == "first"
    assert first_line(ValueError("of x:\n  too much\nmore")) == "of x: too much"
    assert first_line(KeyError()) == "KeyError"


@pytest.mark.parametrize("kind", [RequestError, StudyStopped, StorageAway, Away])
def test_no_error_holds_the_password_of_a_url(kind: type[Exception]) -> None:
    assert str(kind("--ledger-url postgresql://me:hush@db: no answer")) == (
        "--ledger-url postgresql://me:***@db: no answer"
    )


def test_a_reason_is_plain_words_without_sql() -> None:
    error = OperationalError(
        "SELECT experiments.name FROM experiments", {}, sqlite3.OperationalError("no room")
    )
    assert plain_reason(error) == "no room"
    locked = OperationalError("SELECT 1", {}, sqlite3.OperationalError("database is locked"))
    assert plain_reason(locked) == "the database is locked by another process"
    assert plain_reason(ValueError("")) == "ValueError"
    assert plain_reason(ValueError("it failed [SQL: SELECT 1]")) == "it failed"


def test_a_missing_permission_is_named_with_its_file_also_behind_another_error() -> None:
    behind = RuntimeError("it failed")
    behind.__cause__ = PermissionError(13, "Permission denied", "/home/anna/study.json")
    line = "/home/anna/study.json: no permission: this user may not read or write it"
    assert no_permission(behind) == line
    assert no_permission(FileNotFoundError(2, "No such file", "/x")) is None
    assert no_permission(None) is None
