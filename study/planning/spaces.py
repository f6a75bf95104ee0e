"""Search spaces found by name or by file, and changed by `--set`."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import re
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

import search_spaces
from study.errors import RequestError, did_you_mean
from study.space import Range, SearchSpace, Value

__all__ = ["load_space", "override", "parse_value", "registered_spaces"]


def registered_spaces() -> dict[str, SearchSpace]:
    """The spaces of the `search_spaces` room, by file name."""
    return {
        module.name: importlib.import_module(f"search_spaces.{module.name}").SPACE
        for module in sorted(pkgutil.iter_modules(search_spaces.__path__), key=lambda m: m.name)
    }


def load_space(name: str) -> tuple[str, SearchSpace]:
    """(name, space) for a registered name or the path of a Python file that exports SPACE.

    Raises:
        RequestError: for no such name or file, or a file without a valid SPACE.
    """
    if not name.endswith(".py"):
        spaces = registered_spaces()
        if name not in spaces:
            near, known = did_you_mean(name, spaces), ", ".join(spaces)
            raise RequestError(
                f"{name}: no such search space{near}; there are {known}, or the path of a .py file"
            )
        return name, spaces[name]
    path = Path(name)
    if not path.is_file():
        raise RequestError(f"{name}: no such file")
    spec = importlib.util.spec_from_file_location(f"kdstudy_space_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except ValidationError as error:
        raise RequestError(f"{name}: {_first_line(error)}") from None
    except Exception as error:
        raise RequestError(f"{name}: {type(error).__name__}: {error}".replace("\n", " ")) from error
    space = getattr(module, "SPACE", None)
    if not isinstance(space, SearchSpace):
        raise RequestError(f"{name}: must export SPACE, a study.space.SearchSpace")
    return path.stem, space


def override(space: SearchSpace, settings: Sequence[str]) -> SearchSpace:
    """`space` with `--set` applied: `key=value` fixes, `key=a,b` gives levels, `key=low..high` a range.

    A hyperparameter keeps its role where the role can hold what is given: levels of a scientific one
    choose its arms, levels or a range of a nuisance one bound its tuning. A single value fixes it.

    Raises:
        RequestError: for a setting that is not `key=value`, or that its role cannot hold.
    """
    roles = {role: dict(getattr(space, role)) for role in ("scientific", "nuisance", "fixed")}
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals or not name or not text:
            raise RequestError(f"--set {setting}: must be key=value")
        old = roles["nuisance"].get(name)
        scientific = name in roles["scientific"]
        # steps and epochs are two units of one budget: the one that is set replaces the other
        for gone in {"steps", "epochs"} if name in {"steps", "epochs"} else {name}:
            for role in roles.values():
                role.pop(gone, None)
        if ".." in text:
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
        return SearchSpace(**(space.model_dump() | roles))
    except ValidationError as error:
        raise RequestError(f"--set: {_first_line(error)}") from None


def parse_value(text: str) -> Value:
    """`text` as an integer or a number where it is one."""
    if re.fullmatch(r"[+-]?\d+", text):
        return int(text)
    try:
        return float(text)
    except ValueError:
        return text


def _first_line(error: ValidationError) -> str:
    first = error.errors()[0]
    where = ".".join(map(str, first["loc"][:2]))  # role and name; what follows is pydantic's own
    message = first["msg"].removeprefix("Value error, ")
    return f"{where}: {message}" if where else message
