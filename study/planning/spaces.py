"""Search spaces: found by name or by file, and changed by `--set`."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from types import ModuleType

from pydantic import ValidationError

import search_spaces
from study.errors import RequestError, did_you_mean
from study.planning.pruners import check_pruner
from study.planning.samplers import check_sampler
from study.space import NEVER_TUNED, Range, SearchSpace, parse_value

__all__ = ["check_space", "exclude", "load_space", "override", "registered_spaces"]


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
        raise RequestError(f"{name}: {_first_line(error)}") from None
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


def check_space(space: SearchSpace) -> None:
    """Check what a `SearchSpace` does not check itself: its sampler, its pruner, and what is tuned.

    Raises:
        RequestError: if the sampler or pruner is not known, the sampler cannot search a range, or something
            is tuned that belongs to the question. (Studies that do so may have begun long ago.)
    """
    for name in sorted(NEVER_TUNED.intersection(space.nuisance)):
        raise RequestError(_never_tuned(name))
    check_sampler(space)
    check_pruner(space)


def exclude(space: SearchSpace, combinations: Sequence[str]) -> SearchSpace:
    """`space` without the arms that `--exclude` names: `key=value,key=value` for each combination.

    Raises:
        RequestError: if a combination has another form, or names what is no level of a scientific
            hyperparameter.
    """
    excluded = list(space.excluded)
    for text in combinations:
        pairs = [part.partition("=") for part in text.split(",")]
        if not all(name and equals and value for name, equals, value in pairs):
            raise RequestError(f"--exclude {text}: must be key=value, or several of them with commas between")
        excluded.append({name: parse_value(value) for name, _, value in pairs})
    try:
        return SearchSpace(**space.model_dump() | {"excluded": tuple(excluded)})
    except ValidationError as error:
        raise RequestError(f"--exclude: {_first_line(error)}") from None


def _never_tuned(name: str) -> str:
    return (
        f"{name}: is a part of the question, and is never tuned; "
        f"levels of it ({name}=A,B) make arms, as a scientific hyperparameter"
    )


def override(space: SearchSpace, settings: Sequence[str]) -> SearchSpace:
    """`space` changed by `--set`: `key=value` fixes, `key=a,b` gives levels, `key=low..high` a range.

    A hyperparameter keeps its role if the role can hold the new values: levels of a scientific
    hyperparameter choose its arms; levels or a range of a nuisance hyperparameter limit its tuning. Any other
    hyperparameter that gets levels or a range becomes a nuisance one, except for those that are never tuned:
    their levels make arms. A single value makes a hyperparameter fixed.

    Raises:
        RequestError: if a setting is not `key=value`, or its role cannot hold the values.
    """
    roles = {role: dict(getattr(space, role)) for role in ("scientific", "nuisance", "fixed")}
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals or not name or not text:
            raise RequestError(f"--set {setting}: must be key=value")
        old = roles["nuisance"].get(name)
        scientific = name in roles["scientific"] or name in NEVER_TUNED
        # steps and epochs are two units of one budget: setting one of them removes the other
        for gone in {"steps", "epochs"} if name in {"steps", "epochs"} else {name}:
            for role in roles.values():
                role.pop(gone, None)
        if ".." in text:
            if name in NEVER_TUNED:
                raise RequestError(f"--set {setting}: {_never_tuned(name)}")
            if scientific:
                raise RequestError(f"--set {setting}: {name} is a scientific hyperparameter and needs levels")
            low, _, high = text.partition("..")
            log = old.log if isinstance(old, Range) else False
            try:
                roles["nuisance"][name] = {"low": float(low), "high": float(high), "log": log}
            except ValueError:
                raise RequestError(f"--set {setting}: a range is two numbers, low..high") from None
        elif "," in text:
            levels = tuple(parse_value(part) for part in text.split(","))
            roles["scientific" if scientific else "nuisance"][name] = levels
        else:
            roles["fixed"][name] = parse_value(text)
    try:
        changed = SearchSpace(**(space.model_dump() | roles))
        check_space(changed)
    except ValidationError as error:
        raise RequestError(f"--set: {_first_line(error)}") from None
    except RequestError as error:
        raise RequestError(f"--set: {error}") from None
    return changed


def _first_line(error: ValidationError) -> str:
    first = error.errors()[0]
    field = ".".join(map(str, first["loc"][:2]))  # role and name; the rest is internal to pydantic
    message = first["msg"].removeprefix("Value error, ")
    return f"{field}: {message}" if field else message
