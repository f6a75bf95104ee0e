"""A search space: one research question as roles, ranges and budgets of hyperparameters.

Scientific hyperparameters are what the question is about: every combination of their values is an arm.
Nuisance hyperparameters are tuned anew within every arm, so that the comparison is fair. Fixed ones are
held, and are caveats of the answer. (The three words are those of Google's Deep Learning Tuning Playbook.)
"""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

import search_spaces
from study.config import TrialConfig
from study.errors import RequestError

__all__ = ["Range", "SearchSpace", "Value", "load_space", "override", "registered_spaces"]

Value = int | float | str

NOT_SEARCHED = {"task", "model", "model_layers", "teacher", "seed", "data_seed"}
"""Fields that the request and the phase decide, not the space."""


class Range(BaseModel):
    """All real numbers from `low` to `high`, uniform or, with `log`, uniform in the logarithm."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    low: float
    high: float
    log: bool = False

    def __str__(self) -> str:
        return f"{self.low:g}..{self.high:g}" + (", logarithmic" if self.log else "")

    @model_validator(mode="after")
    def _ordered(self) -> Range:
        if not self.low < self.high:
            raise ValueError(f"low {self.low} must be below high {self.high}")
        if self.log and self.low <= 0:
            raise ValueError("a logarithmic range must be above 0")
        return self


class SearchSpace(BaseModel):
    """Roles, ranges and budgets.

    trials: search trials per arm. confirm_seeds: fresh seeds for each arm's best. reports: how often a
    trial reports, which is also where a pruner may stop it. A depth may be a share of the teacher's
    layers, such as "1/2".

    sampler: "quasi" tries the same evenly spread points in every arm, so that arms differ less by
    luck; "tpe" goes where scores were high, which finds the best of one arm sooner.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    question: str
    scientific: dict[str, tuple[Value, ...]] = {}
    nuisance: dict[str, Range | tuple[Value, ...]] = {}
    fixed: dict[str, Value] = {}
    trials: int = Field(ge=1)
    confirm_seeds: int = Field(3, ge=0)
    reports: int = Field(4, ge=1)
    sampler: Literal["quasi", "tpe", "random", "grid"] = "quasi"
    pruner: Literal["none", "median", "halving", "hyperband"] = "none"
    seed: int = 0

    @model_validator(mode="after")
    def _roles(self) -> SearchSpace:
        known = set(TrialConfig.model_fields) - NOT_SEARCHED
        seen: set[str] = set()
        for role in (self.scientific, self.nuisance, self.fixed):
            for name in role:
                if name not in known:
                    raise ValueError(f"{name}: no such hyperparameter; there are {', '.join(sorted(known))}")
                if name in seen:
                    raise ValueError(f"{name}: has two roles; give it one of scientific, nuisance, fixed")
                seen.add(name)
        for name, levels in (self.scientific | self.nuisance).items():
            if not isinstance(levels, Range) and len(set(levels)) != len(levels):
                raise ValueError(f"{name}: a level is given twice")
            if not isinstance(levels, Range) and not levels:
                raise ValueError(f"{name}: there is no level")
        continuous = [name for name, levels in self.nuisance.items() if isinstance(levels, Range)]
        for name in continuous:
            kind = TrialConfig.model_fields[name].annotation
            if float not in (kind, *get_args(kind)):
                raise ValueError(f"{name}: is not a real number and needs levels, not a range")
        if self.sampler == "grid" and continuous:
            raise ValueError(f"{continuous[0]}: a grid needs levels, not a range")
        return self


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
            known = ", ".join(spaces)
            raise RequestError(f"{name}: no such search space; there are {known}, or the path of a .py file")
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
