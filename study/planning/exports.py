"""What a Python file of a user exports: a search space, or a place to run."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from types import ModuleType, UnionType
from typing import Any

from pydantic import ValidationError

from study.errors import RequestError

__all__ = ["exported"]


def exported(name: str, variable: str, kind: type | UnionType, what: str) -> Any:
    """The `variable` of the Python file `name`, which is of `kind`. what: the kind, for the text of an error.

    Raises:
        RequestError: if there is no such file, the file fails, or its variable is of another kind.
        ValidationError: if the file makes an object that is not valid.
    """
    path = Path(name)
    if not path.is_file():
        raise RequestError(f"{name}: no such file")
    spec = importlib.util.spec_from_file_location(f"kdstudy_{variable.lower()}_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    try:
        with _as_a_script(module, path.resolve().parent):
            spec.loader.exec_module(module)
    except ValidationError:
        raise
    except SystemExit as error:
        ended = f"ends the program (SystemExit: {error})"
        raise RequestError(f"{name}: {ended} and exports no {variable}") from None
    except Exception as error:
        raise RequestError(f"{name}: {type(error).__name__}: {error}".replace("\n", " ")) from error
    found = getattr(module, variable, None)
    if not isinstance(found, kind):
        raise RequestError(f"{name}: must export {variable}, {what}")
    return found


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
