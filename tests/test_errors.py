"""The tree of errors, and the hint for a name that is misspelt."""

from __future__ import annotations

import pytest

from study import errors
from study.errors import Away, RequestError, StorageAway, StudyStopped, did_you_mean, first_line


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
