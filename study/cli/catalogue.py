"""The catalogue: every name that a study can set, read from the registries and from models' fields.

`kdstudy settings` prints the catalogue, and the same table stands in `search_spaces/README.md`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from types import NoneType
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

from study.config import TrialConfig, kinds_of
from study.space import NEVER_TUNED, NOT_SEARCHED

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

__all__ = ["Setting", "catalogue", "markdown", "options_at"]

PHASE_SETS = ("seed", "data_seed")
COMPUTED_DEFAULTS = {
    "depth": "half of the model's layers",
    "learning_rate": "from the model",
    "teacher_learning_rate": "from the model",
    "steps": "200",
}
"""Defaults that a validator of TrialConfig or the plan computes."""
SIGNS = {"ge": ">=", "gt": ">", "le": "<=", "lt": "<"}


@dataclass(frozen=True)
class Setting:
    """One name. Only a hyperparameter has a default, values and a role.

    `kind` is what the name names, `values` the values that are allowed, `role` how a search space may use it,
    `given` where the user gives the name.
    """

    kind: str
    name: str
    about: str
    given: str
    default: str = ""
    values: str = ""
    role: str = ""


def catalogue() -> list[Setting]:
    """Every hyperparameter, init method, layer map, loss, sampler, pruner, cost and cluster."""
    from cluster import registered_clusters
    from study.planning.costs import costs
    from study.planning.pruners import pruners
    from study.planning.samplers import samplers
    from study.trial.losses.distillation import distillation_losses
    from study.trial.models.init_methods import init_methods
    from study.trial.models.layer_maps import layer_maps

    registries: dict[str, Iterable[Any]] = {
        "init": init_methods().values(),
        "layer_map": layer_maps().values(),
        "loss": distillation_losses().values(),
    }
    kinds = {"init": "init method", "layer_map": "layer map", "loss": "distillation loss"}
    names = {field: [known.name for known in registry] for field, registry in registries.items()}
    found = list(_hyperparameters(names))
    for field, registry in registries.items():
        found += [Setting(kinds[field], k.name, k.about, f"--set {field}={k.name}") for k in registry]
    for sampler in samplers().values():
        found.append(Setting("sampler", sampler.name, sampler.about, f"--sampler {sampler.name}"))
    for pruner in pruners().values():
        found.append(Setting("pruner", pruner.name, pruner.about, f"--pruner {pruner.name}"))
    for cost in costs().values():
        given = f"--objective accuracy,{cost.called}"
        found.append(Setting("cost", cost.name, cost.about, given))
    for name, cluster in registered_clusters().items():
        found.append(Setting("cluster", name, cluster.description, f"--cluster {name}"))
    return found


def options_at(name: str) -> list[Setting]:
    """The options that the place called `name` takes; none if the place does not submit."""
    from cluster import Place, registered_clusters

    place = registered_clusters().get(name)
    if not isinstance(place, Place):
        return []
    fields = {option: place.options.model_fields[option] for option in place.options.names()}
    return [
        Setting(
            kind=f"option of {name}",
            name=option,
            about=field.description or "",
            given=f"--place {option}=...",
            default="needed" if field.is_required() else _shown(field.default),
        )
        for option, field in fields.items()
    ]


def _shown(default: Any) -> str:
    """A default as a user would write it; empty if there is none."""
    if isinstance(default, bool):
        return str(default).lower()
    return "" if default is None or default in ((), {}) else str(default)


def _hyperparameters(names: dict[str, list[str]]) -> Iterator[Setting]:
    """The fields of TrialConfig that a user can set; `names` are the allowed names of a field."""
    for name, field in TrialConfig.model_fields.items():
        if name in NOT_SEARCHED and name not in PHASE_SETS:
            continue
        values = " | ".join(names[name]) if name in names else _values(field)
        if name == "depth":
            values = f"{values} and <= the model's layers, or a share of them such as 1/2"
        yield Setting(
            kind="hyperparameter",
            name=name,
            about=field.description or "",
            given=f"kdstudy trial --set {name}=..." if name in PHASE_SETS else f"--set {name}=...",
            default=_default(name, field),
            values=values,
            role=_role(name),
        )


def _default(name: str, field: FieldInfo) -> str:
    if name in COMPUTED_DEFAULTS:
        return COMPUTED_DEFAULTS[name]
    return "none" if field.default is None else f"{field.default}"


def _role(name: str) -> str:
    if name in PHASE_SETS:
        return "the phase of the study sets it"
    if name in NEVER_TUNED:
        return "scientific, varied, fixed"
    return f"scientific, nuisance or varied (levels{' or a range' if kinds_of(name) else ''}), fixed"


def _values(field: FieldInfo) -> str:
    for kind in _kinds(field):
        if get_origin(kind) is Literal:
            return " | ".join(map(str, get_args(kind)))
    kind = "number" if float in _kinds(field) else "integer" if int in _kinds(field) else "text"
    bounds = [
        f"{sign} {getattr(limit, bound):g}"
        for limit in field.metadata
        for bound, sign in SIGNS.items()
        if getattr(limit, bound, None) is not None
    ]
    return " ".join([kind, " and ".join(bounds)]).strip()


def _kinds(field: FieldInfo) -> tuple[Any, ...]:
    """The types that the annotation of `field` allows, without None."""
    annotation = field.annotation
    if annotation is None or get_origin(annotation) is Literal or isinstance(annotation, type):
        return (annotation,)
    return tuple(kind for kind in get_args(annotation) if kind is not NoneType)


def markdown(settings: Sequence[Setting]) -> str:
    """The catalogue as Markdown tables: one of the hyperparameters, one of all other names.

    Options of a place are a table of their own.
    """
    options = [[f"`{s.name}`", s.default, s.about] for s in settings if s.kind.startswith("option of")]
    if options:
        return "\n".join(_table(["`--place`", "default", "what it does"], options))
    fields = [s for s in settings if s.kind == "hyperparameter"]
    others = [s for s in settings if s.kind != "hyperparameter"]
    of_fields = [[f"`{s.name}`", s.default, s.values, s.role, s.about] for s in fields]
    of_others = [
        [s.kind, f"`{s.name}`", f"`{s.given}`" if "-" in s.given else s.given, s.about] for s in others
    ]
    return "\n".join(
        [
            *_table(["hyperparameter", "default", "values", "role", "what it does"], of_fields),
            "",
            *_table(["kind", "name", "given by", "what it does"], of_others),
        ]
    )


def _table(head: list[str], rows: list[list[str]]) -> Iterator[str]:
    for row in (head, ["---"] * len(head), *rows):
        cells = [cell.replace("|", "\\|") for cell in row]
        yield f"| {' | '.join(cells)} |"
