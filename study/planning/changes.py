"""Changes of a search space by options: values, roles, combinations, objectives, and budgets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from study.errors import RequestError
from study.planning.costs import check_costs, find_cost
from study.planning.pruners import check_pruner
from study.planning.samplers import check_sampler
from study.space import NEVER_TUNED, Range, SearchSpace, Value, parse_value

__all__ = [
    *("check_space", "exclude", "first_problem", "override", "tie", "vary", "with_budget"),
    "with_objectives",
]

SCORES = ("accuracy", "f1")
"""What students are compared by; the task decides which of them."""


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
    check_costs(space)


def with_objectives(space: SearchSpace, text: str, sampler: str | None) -> SearchSpace:
    """`space` with the objectives that `--objective` names: what students are compared by, then costs.

    text: such as `accuracy,latency`. No trial stops early then. sampler: that of `--sampler`, if it is given.

    Raises:
        RequestError: if the first one is no score, or another one is no cost.
    """
    score, *others = [part.strip() for part in text.split(",")]
    if score not in SCORES:
        raise RequestError(f"--objective {text}: must begin with {' or '.join(SCORES)}, then costs")
    try:
        found = tuple(find_cost(other).name for other in others)
    except RequestError as error:
        raise RequestError(f"--objective: {error}") from None
    update: dict[str, Any] = {"costs": found} | ({"pruner": "none"} if found else {})
    return _changed(space, update | ({"sampler": sampler} if sampler else {}), "--objective: ")


def with_budget(space: SearchSpace, given: Mapping[str, Any]) -> SearchSpace:
    """`space` with those of the `given` budgets, sampler and pruner that are not None.

    Raises:
        RequestError: if the space cannot have one of them.
    """
    return _changed(space, {name: value for name, value in given.items() if value is not None})


def override(space: SearchSpace, settings: Sequence[str]) -> SearchSpace:
    """`space` changed by `--set`: `key=value` fixes, `key=a,b` gives levels, `key=low..high` a range.

    A hyperparameter keeps its role if the role can hold the new values: levels of a scientific
    hyperparameter choose its arms; levels or a range of a nuisance or varied hyperparameter limit it. Any
    other hyperparameter that gets levels or a range becomes a nuisance one, except for those that are never
    tuned: their levels make arms. A single value makes a hyperparameter fixed.

    Raises:
        RequestError: if a setting is not `key=value`, or its role cannot hold the values.
    """
    roles = _roles(space)
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals or not name or not text:
            raise RequestError(f"--set {setting}: must be key=value")
        old = space.searched.get(name)
        scientific = name in roles["scientific"] or (name in NEVER_TUNED and name not in roles["varied"])
        role = roles["varied" if name in roles["varied"] else "scientific" if scientific else "nuisance"]
        _take_out(roles, name)
        if ".." in text:
            if name in NEVER_TUNED and scientific:
                raise RequestError(f"--set {setting}: {_never_tuned(name)}")
            if scientific:
                raise RequestError(
                    f"--set {setting}: {name} is a scientific hyperparameter and needs levels; "
                    f"--vary {setting} varies it instead"
                )
            role[name] = _range(f"--set {setting}", text, isinstance(old, Range) and old.log)
        elif "," in text:
            role[name] = tuple(parse_value(part, name) for part in text.split(","))
        else:
            roles["fixed"][name] = parse_value(text, name)
    return _changed(space, roles, "--set: ")


def vary(space: SearchSpace, settings: Sequence[str]) -> SearchSpace:
    """`space` changed by `--vary`: `key=low..high` varies over a range, `key=a,b` over levels.

    The hyperparameter leaves the role that it has in `space`. A range is logarithmic if it was so in `space`,
    or if it is above 0 and its upper end is at least ten times the lower end. There are no confirm runs and
    no pruner then, and evenly spread points in place of TPE.

    Raises:
        RequestError: if a setting has another form, or the hyperparameter cannot be varied so.
    """
    roles = _roles(space)
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not (equals and name and (".." in text or "," in text)):
            raise RequestError(f"--vary {setting}: must be key=low..high, or levels key=a,b")
        old = space.searched.get(name)
        _take_out(roles, name)
        if ".." in text:
            roles["varied"][name] = _range(
                f"--vary {setting}", text, old.log if isinstance(old, Range) else None
            )
        else:
            roles["varied"][name] = tuple(parse_value(part, name) for part in text.split(","))
    without: dict[str, Any] = {"confirm_seeds": 0, "pruner": "none"}
    without |= {"sampler": "quasi"} if space.sampler == "tpe" else {}
    return _changed(space, roles | without, "--vary: ")


def exclude(space: SearchSpace, combinations: Sequence[str]) -> SearchSpace:
    """`space` without the arms that `--exclude` names: `key=value,key=value` for each combination.

    Raises:
        RequestError: if a combination has another form, or names what is no level of a scientific
            hyperparameter.
    """
    excluded = [*space.excluded, *(_combination("--exclude", text) for text in combinations)]
    return _changed(space, {"excluded": tuple(excluded)}, "--exclude: ")


def tie(space: SearchSpace, combinations: Sequence[str]) -> SearchSpace:
    """`space` with values that go together, as `--tie` gives them: `key=value,key=value` for each
    combination.

    The hyperparameters become scientific, with the levels of their combinations. Combinations of the same
    hyperparameters are one group.

    Raises:
        RequestError: if a combination has another form, or stands alone.
    """
    groups: dict[frozenset[str], list[dict[str, Value]]] = {}
    for text in combinations:
        found = _combination("--tie", text)
        groups.setdefault(frozenset(found), []).append(found)
    roles = _roles(space)
    for group in groups.values():
        for name in group[0]:
            _take_out(roles, name)
        for name in group[0]:
            roles["scientific"][name] = tuple(dict.fromkeys(each[name] for each in group))
    tied = (*space.tied, *map(tuple, groups.values()))
    return _changed(space, roles | {"tied": tied}, "--tie: ")


def _combination(option: str, text: str) -> dict[str, Value]:
    """`key=value`, or several of them with commas between.

    Raises:
        RequestError: if the text has another form.
    """
    pairs = [part.partition("=") for part in text.split(",")]
    if not all(name and equals and value for name, equals, value in pairs):
        raise RequestError(f"{option} {text}: must be key=value, or several of them with commas between")
    return {name: parse_value(value, name) for name, _, value in pairs}


def _never_tuned(name: str) -> str:
    return (
        f"{name}: is a part of the question, and is never tuned; levels of it ({name}=A,B) make arms, as a "
        "scientific hyperparameter; --vary shows its effect without arms"
    )


def _roles(space: SearchSpace) -> dict[str, dict[str, Any]]:
    return {role: dict(getattr(space, role)) for role in ("scientific", "nuisance", "varied", "fixed")}


def _take_out(roles: dict[str, dict[str, Any]], name: str) -> None:
    """Remove `name` from all `roles`. steps and epochs are two units of one budget, and leave together."""
    for gone in {"steps", "epochs"} if name in {"steps", "epochs"} else {name}:
        for role in roles.values():
            role.pop(gone, None)


def _range(option: str, text: str, log: bool | None) -> dict[str, Any]:
    """The range `low..high`. log: None if the numbers decide whether it is logarithmic."""
    try:
        low, high = (float(part) for part in text.split(".."))
    except ValueError:
        raise RequestError(f"{option}: a range is two numbers, low..high") from None
    return {"low": low, "high": high, "log": 0 < 10 * low <= high if log is None else log}


def _changed(space: SearchSpace, update: Mapping[str, Any], option: str = "") -> SearchSpace:
    try:
        changed = SearchSpace(**(space.model_dump() | dict(update)))
        check_space(changed)
    except ValidationError as error:
        raise RequestError(f"{option}{first_problem(error)}") from None
    except RequestError as error:
        raise RequestError(f"{option}{error}") from None
    return changed


def first_problem(error: ValidationError) -> str:
    """The first problem of a space that is not valid, in one line."""
    first = error.errors()[0]
    field = ".".join(map(str, first["loc"][:2]))  # role and name; the rest is internal to pydantic
    message = first["msg"].removeprefix("Value error, ")
    return f"{field}: {message}" if field else message
