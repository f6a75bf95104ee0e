"""Groups of options: a command takes a frozen dataclass as one parameter, and Typer sees its options."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import MISSING, fields, is_dataclass
from functools import wraps
from typing import Any, get_type_hints

__all__ = ["grouped"]


def grouped(command: Callable[..., None]) -> Callable[..., None]:
    """`command` as Typer reads it: every parameter that is a group becomes the options of the group.

    A group may have Typer's context too, which is no option.
    """
    parameters = inspect.signature(command, eval_str=True).parameters
    groups: dict[str, Any] = {
        name: p.annotation for name, p in parameters.items() if is_dataclass(p.annotation)
    }

    @wraps(command)
    def run(**given: Any) -> None:
        for name, group in groups.items():
            given[name] = group(**{field.name: given.pop(field.name) for field in fields(group)})
        command(**given)

    def flat() -> Iterator[inspect.Parameter]:
        for name, parameter in parameters.items():
            if name in groups:
                yield from _options_of(groups[name])
            else:
                yield parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)

    signature = inspect.Signature(list(flat()))
    run.__signature__ = signature  # type: ignore[attr-defined]
    run.__annotations__ = {name: p.annotation for name, p in signature.parameters.items()}
    return run


def _options_of(group: Any) -> Iterator[inspect.Parameter]:
    kinds = get_type_hints(group, include_extras=True)
    for field in fields(group):
        default = inspect.Parameter.empty if field.default is MISSING else field.default
        yield inspect.Parameter(
            field.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kinds[field.name]
        )
