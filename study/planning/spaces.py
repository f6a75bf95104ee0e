"""Search spaces: found by name or by file, and checked."""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path

from pydantic import ValidationError

import search_spaces
from study.errors import RequestError, did_you_mean
from study.planning.changes import check_space, first_problem
from study.planning.exports import exported
from study.space import SearchSpace

__all__ = ["load_space", "registered_spaces"]


def registered_spaces() -> dict[str, SearchSpace]:
    """The spaces in the package `search_spaces`, by file name."""
    return {
        module.name: importlib.import_module(f"search_spaces.{module.name}").SPACE
        for module in sorted(pkgutil.iter_modules(search_spaces.__path__), key=lambda m: m.name)
    }


def load_space(name: str) -> tuple[str, SearchSpace]:
    """(name, space) for a registered name or the path of a Python file that exports SPACE.

    Raises:
        RequestError: if there is no such name or file, or the file has no valid SPACE.
    """
    stem, space = _file_space(name) if name.endswith(".py") else (name, _registered_space(name))
    try:
        check_space(space)
    except RequestError as error:
        raise RequestError(f"{name}: {error}") from None
    return stem, space


def _registered_space(name: str) -> SearchSpace:
    spaces = registered_spaces()
    if name not in spaces:
        near, known = did_you_mean(name, spaces), ", ".join(spaces)
        raise RequestError(
            f"{name}: no such search space{near}; there are {known}, or the path of a .py file"
        )
    return spaces[name]


def _file_space(name: str) -> tuple[str, SearchSpace]:
    try:
        space = exported(name, "SPACE", SearchSpace, "a study.space.SearchSpace")
    except ValidationError as error:
        raise RequestError(f"{name}: {first_problem(error)}") from None
    return Path(name).stem, space
