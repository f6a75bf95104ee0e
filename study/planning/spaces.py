"""Search spaces: found by name or by file, and checked."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from types import ModuleType

from pydantic import ValidationError

import search_spaces
from study.errors import RequestError, did_you_mean
from study.planning.changes import check_space, first_problem
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
    path = Path(name)
    if not path.is_file():
        raise RequestError(f"{name}: no such file")
    spec = importlib.util.spec_from_file_location(f"kdstudy_space_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    try:
        with _as_a_script(module, path.resolve().parent):
            spec.loader.exec_module(module)
    except ValidationError as error:
        raise RequestError(f"{name}: {first_problem(error)}") from None
    except SystemExit as error:
        raise RequestError(f"{name}: ends the program (SystemExit: {error}) and exports no SPACE") from None
    except Exception as error:
        raise RequestError(f"{name}: {type(error).__name__}: {error}".replace("\n", " ")) from error
    space = getattr(module, "SPACE", None)
    if not isinstance(space, SearchSpace):
        raise RequestError(f"{name}: must export SPACE, a study.space.SearchSpace")
    return path.stem, space


@contextmanager
def _as_a_script(module: ModuleType, folder: Path) -> Iterator[None]:
    """Within this context the file of `module` runs as a script in `folder` would run.

    The file may import its neighbours. At the end the neighbours are forgotten, because later imports must
    not find a neighbour that is called like a library. Whatever is printed goes to stderr, because stdout is
    for tables and JSON, and no compiled files are written.
    """
    before, path, writes_none = set(sys.modules), list(sys.path), sys.dont_write_bytecode
    sys.modules[module.__name__] = module  # `@dataclass` looks its module up there
    sys.path.insert(0, str(folder))
    sys.dont_write_bytecode = True
    try:
        with redirect_stdout(sys.stderr):
            yield
    finally:
        sys.path[:], sys.dont_write_bytecode = path, writes_none
        tops = {name for name in set(sys.modules) - before if "." not in name}
        beside = {name for name in tops if _lies_in(folder, name)}
        for name in [name for name in sys.modules if name.partition(".")[0] in beside]:
            del sys.modules[name]
        importlib.invalidate_caches()


def _lies_in(folder: Path, name: str) -> bool:
    """Whether the module `name`, which is loaded, is a file or a package in `folder`."""
    file = getattr(sys.modules[name], "__file__", None)
    return file is not None and Path(file).resolve().parent in (folder, folder / name)
