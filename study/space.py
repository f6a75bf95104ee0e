"""A search space: one research question as roles, ranges and budgets of hyperparameters.

Scientific hyperparameters are the subject of the question: every combination of their values is an arm.
Nuisance hyperparameters are tuned anew within every arm, so that the comparison is fair. Fixed
hyperparameters keep one value, and are caveats of the answer. (The three words are from Google's Deep
Learning Tuning Playbook.) Varied hyperparameters are the subject of the question too, without arms: each
trial has values of its own, and the answer is what the values do, not which value is best.
"""

from __future__ import annotations

import re
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from study.config import LANGUAGES, NO_ORDER, TrialConfig, kinds_of
from study.errors import did_you_mean

__all__ = ["NEVER_TUNED", "NOT_SEARCHED", "Range", "SearchSpace", "Value", "parse_value"]

Value = int | float | str

NOT_SEARCHED = {"task", "model", "model_layers", "teacher", "seed", "data_seed"}
"""Fields that a space cannot set: the request or the phase (search or confirm) decides them."""

NEVER_TUNED = {
    *("data_fraction", "label_floor", "teacher_data", "teacher_languages", "teacher_seed", "train_languages")
}
"""How much data there are, in which languages, and a seed. The best amount is known before; the best seed is
luck."""


class Range(BaseModel):
    """All numbers from `low` to `high`; drawn uniformly, or with `log` uniformly in the logarithm.

    whole: only the whole numbers. A search space sets `whole` itself, by the kind of the hyperparameter.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    low: float
    high: float
    log: bool = False
    whole: bool = Field(False, exclude=True)

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

    trials: search trials per arm. confirm_seeds: confirm runs per arm, each at the arm's selected values
    with a fresh seed. reports: how many times a trial reports; a pruner may stop the trial at each report.
    seed: seed of the sampler, together with the study's seed block. A depth may be a share of the teacher's
    layers, such as "1/2"; the languages of training texts may be a random half, such as "half:1"
    (`study/planning/languages.py`). enqueued: points that are tried first, before the sampler proposes any.
    A point has searched values, and perhaps scientific values; without these, the point is tried in every
    arm. excluded: combinations of scientific values that make no arm. tied: groups of scientific values that
    go together, such as a depth with its steps: of the hyperparameters of a group, only these combinations
    make arms.

    varied: hyperparameters of which the trials show the effects. A space that varies hyperparameters selects
    nothing: nuisance hyperparameters are varied together with the varied ones, there are no confirm runs, and
    no trial stops early, because the effects are read from the scores of all trials.

    costs: names of costs of a student (`study/planning/costs.py`). A space with costs has several objectives:
    a high score and low costs. Its search gives a Pareto front instead of a best trial; every student of the
    front gets the confirm runs, and no trial stops early, because pruners compare scores alone.

    sampler and pruner: names from `study/planning/samplers.py` and `pruners.py`, which explain each; the
    names are checked when a command loads the space. With "quasi", every arm tries the same evenly spread
    points, so arms differ less by luck. "tpe" prefers values that scored high, and finds the best sooner.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    question: str
    scientific: dict[str, tuple[Value, ...]] = {}
    nuisance: dict[str, Range | tuple[Value, ...]] = {}
    varied: dict[str, Range | tuple[Value, ...]] = {}
    fixed: dict[str, Value] = {}
    trials: int = Field(ge=1)
    confirm_seeds: int = Field(3, ge=0)
    reports: int = Field(4, ge=1)
    sampler: str = "quasi"
    pruner: str = "none"
    seed: int = 0
    enqueued: tuple[dict[str, Value], ...] = ()
    excluded: tuple[dict[str, Value], ...] = ()
    tied: tuple[tuple[dict[str, Value], ...], ...] = ()
    costs: tuple[str, ...] = ()

    @property
    def searched(self) -> dict[str, Range | tuple[Value, ...]]:
        """Nuisance and varied hyperparameters: what a sampler proposes."""
        return self.nuisance | self.varied

    @model_validator(mode="before")
    @classmethod
    def _without_confirm_runs(cls, values: Any) -> Any:
        if isinstance(values, dict) and values.get("varied"):
            return {"confirm_seeds": 0} | values
        return values

    @model_validator(mode="after")
    def _selects_nothing(self) -> SearchSpace:
        if self.varied and self.confirm_seeds:
            raise ValueError("confirm_seeds: must be 0 if hyperparameters are varied: nothing is selected")
        if self.varied and self.pruner != "none":
            raise ValueError(
                "pruner: must be none if hyperparameters are varied: a trial that stops early has no score"
            )
        return self

    @model_validator(mode="after")
    def _several_objectives(self) -> SearchSpace:
        if len(set(self.costs)) != len(self.costs):
            raise ValueError("costs: a cost is given twice")
        if self.costs and self.pruner != "none":
            raise ValueError(
                "pruner: must be none if there are costs: a pruner compares scores alone, and "
                "would stop small students"
            )
        return self

    @model_validator(mode="after")
    def _roles(self) -> SearchSpace:
        known = set(TrialConfig.model_fields) - NOT_SEARCHED
        seen: set[str] = set()
        for role in (self.scientific, self.nuisance, self.varied, self.fixed):
            for name in role:
                if name not in known:
                    near = did_you_mean(name, known)
                    there = ", ".join(sorted(known))
                    raise ValueError(f"{name}: no such hyperparameter{near}; there are {there}")
                if name in seen:
                    roles = "scientific, nuisance, varied, fixed"
                    raise ValueError(f"{name}: has two roles; give it one of {roles}")
                seen.add(name)
        for name, levels in (self.scientific | self.searched).items():
            if not isinstance(levels, Range) and len(set(levels)) != len(levels):
                raise ValueError(f"{name}: a level is given twice")
            if not isinstance(levels, Range) and not levels:
                raise ValueError(f"{name}: there is no level")
        for role in (self.nuisance, self.varied):
            role |= {n: _of_kind(n, levels) for n, levels in role.items() if isinstance(levels, Range)}
        for name, levels in self.varied.items():
            if len(levels) < 2 if isinstance(levels, tuple) else name in NO_ORDER:
                raise ValueError(f"{name}: is varied, and needs at least two levels")
        for combination in self.excluded:
            for name, value in combination.items():
                if value not in self.scientific.get(name, ()):
                    there = ", ".join(map(str, self.scientific.get(name, ()))) or "not scientific"
                    raise ValueError(f"excluded {name}={value}: {name} is {there}")
        _check_tied(self)
        for number, point in enumerate(self.enqueued, 1):
            for name, value in point.items():
                try:
                    point[name] = _in_space(self, name, value)
                except ValueError as error:
                    raise ValueError(f"enqueued point {number}: {name}: {error}") from None
        return self


def _in_space(space: SearchSpace, name: str, value: Value) -> Value:
    """The `value` of a point, as the sampler would give it."""
    domain = (space.scientific | space.searched).get(name)
    if domain is None:
        searched = ", ".join([*space.scientific, *space.searched])
        raise ValueError(f"is not searched; a point may have {searched}")
    if not isinstance(domain, Range):
        if value not in domain:
            raise ValueError(f"{value} is none of {', '.join(map(str, domain))}")
        return domain[domain.index(value)]
    if isinstance(value, str) or not domain.low <= value <= domain.high:
        raise ValueError(f"{value} is not in {domain}")
    if domain.whole and value != int(value):
        raise ValueError(f"{value} is no whole number")
    return int(value) if domain.whole else float(value)


def _check_tied(space: SearchSpace) -> None:
    """Check that each group of tied values is of scientific levels, each of them in a combination."""
    for group in space.tied:
        names = list(group[0])
        if len(names) < 2 or len(group) < 2 or any(set(each) != set(names) for each in group):
            raise ValueError(
                f"tied {', '.join(names)}: needs two or more combinations of the same hyperparameters"
            )
        for name in names:
            levels = space.scientific.get(name, ())
            if {*levels} != {each[name] for each in group}:
                there = ", ".join(map(str, levels)) or "not scientific"
                raise ValueError(
                    f"tied {name}: {name} is {there}; each of its levels must be in a combination"
                )


def _of_kind(name: str, range_: Range) -> Range:
    kinds = kinds_of(name)
    if not kinds:
        raise ValueError(f"{name}: is not a number and needs levels, not a range")
    if kinds == {int} and not (range_.low.is_integer() and range_.high.is_integer()):
        raise ValueError(f"{name}: is a whole number, and so are the ends of its range, not {range_}")
    return range_.model_copy(update={"whole": kinds == {int}})


def parse_value(text: str, name: str = "") -> Value:
    """`text` as an integer or a real number; as it is if it is no number.

    name: the hyperparameter; languages stay text, because `nan` is a language too.
    """
    if name in LANGUAGES:
        return text
    if re.fullmatch(r"[+-]?\d+", text):
        return int(text)
    try:
        return float(text)
    except ValueError:
        return text
