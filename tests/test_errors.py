"""The tree of errors, and the hint for a name that is misspelt."""

from __future__ import annotations

import sqlite3

import pytest
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import ErrorCode
from sqlalchemy.exc import OperationalError

from study import errors
from study.errors import (
    Away,
    RequestError,
    StorageAway,
    StudyStopped,
    did_you_mean,
    first_line,
    masked,
    no_permission,
    no_such_path,
    plain_reason,
    refusal,
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


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://me:hush hush@db/x: away", "postgresql://me:***@db/x: away"),
        ("s3://KEY:hu/sh+x@bucket/p", "s3://KEY:***@bucket/p"),
        ("postgresql://db/x?user=me&pass=hush&a=b", "postgresql://db/x?user=me&pass=***&a=b"),
        ("s3://bucket/p;token=hush", "s3://bucket/p;token=***"),
        ("http://h/x#access_token=hush", "http://h/x#access_token=***"),
        ("https://hush@h/x", "https://***@h/x"),
        (
            "mssql:///?odbc_connect=UID%3Dme%3BPWD%3Dhush%3BA%3Db",
            "mssql:///?odbc_connect=UID%3Dme%3BPWD%3D***%3BA%3Db",
        ),
        ("connect with: user=me password=hush dbname=x", "connect with: user=me password=*** dbname=x"),
    ],
)
def test_a_secret_is_masked_wherever_a_url_has_it_and_only_once(text: str, shown: str) -> None:
    assert masked(text) == shown
    assert masked(shown) == shown


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://me@db/x",
        "http://127.0.0.1:5000/x, or write to me@example.org",
        "the Ray at 10.0.0.1:6379 has died; ray://h:6379, me@h",
        "sqlite:///a b:c@d",
    ],
)
def test_what_is_no_secret_is_shown(text: str) -> None:
    assert masked(text) == text


def test_a_path_where_no_file_can_be_is_named() -> None:
    assert no_such_path(OSError(36, "File name too long", "/x")) == "/x: File name too long"
    assert no_such_path(OSError(36, "File name too long")) is None
    assert no_such_path(FileNotFoundError(2, "No such file", "/x")) is None


def test_a_reason_is_plain_words_without_sql() -> None:
    error = OperationalError(
        "SELECT experiments.name FROM experiments", {}, sqlite3.OperationalError("no room")
    )
    assert plain_reason(error) == "no room"
    locked = OperationalError("SELECT 1", {}, sqlite3.OperationalError("database is locked"))
    assert plain_reason(locked) == "the database is locked by another process"
    assert plain_reason(ValueError("")) == "ValueError"
    assert plain_reason(ValueError("it failed [SQL: SELECT 1]")) == "it failed"


@pytest.mark.parametrize("code", ["UNAUTHENTICATED", "PERMISSION_DENIED"])
def test_a_server_that_refuses_the_user_names_the_variables_to_set(code: str) -> None:
    error = MlflowException("API request failed with error code 4xx", error_code=ErrorCode.Value(code))
    for why in (refusal(error), plain_reason(error)):
        assert why is not None
        assert "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD" in why
        assert "API request" not in why
    assert refusal(MlflowException("away")) is None
    host = MlflowException("403: 'Invalid Host header - possible'", error_code=ErrorCode.Value(code))
    assert "--allowed-hosts" in plain_reason(host)


def test_a_missing_permission_is_named_with_its_file_also_behind_another_error() -> None:
    behind = RuntimeError("it failed")
    behind.__cause__ = PermissionError(13, "Permission denied", "/home/anna/study.json")
    line = "/home/anna/study.json: no permission: this user may not read or write it"
    assert no_permission(behind) == line
    assert no_permission(FileNotFoundError(2, "No such file", "/x")) is None
    assert no_permission(None) is None
