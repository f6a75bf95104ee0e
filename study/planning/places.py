"""Places to run: by name, by address or by file, and the options that a place takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_origin

from pydantic import ValidationError

from cluster import Cluster, Place, find_cluster, registered_clusters
from cluster.submission.options import Options
from study.errors import RequestError, did_you_mean
from study.planning.changes import first_problem
from study.planning.exports import exported

__all__ = ["known_cluster", "options_of"]

GIVEN = "--place"


def known_cluster(name: str) -> Cluster | Place:
    """The place that `--cluster` names: a name, HOST:PORT, or a .py file that exports CLUSTER.

    Raises:
        RequestError: if there is no such place; the text names the places that exist.
    """
    if name.endswith(".py"):
        try:
            found: Cluster | Place = exported(
                name, "CLUSTER", Cluster | Place, "a cluster.Cluster or a cluster.Place"
            )
            return found
        except ValidationError as error:
            raise RequestError(f"--cluster {name}: {first_problem(error)}") from None
        except RequestError as error:
            raise RequestError(f"--cluster {error}") from None
    try:
        return find_cluster(name)
    except LookupError as error:
        near = did_you_mean(name, registered_clusters())
        raise RequestError(f"--cluster {error.args[0]}{near}") from None


def options_of(name: str, place: Place, settings: Sequence[str]) -> Options:
    """The options that the `settings` KEY=VALUE give to the `place` called `name`.

    Commas divide the items of a list. A list, or variables, may be given several times.

    Raises:
        RequestError: if the place has no such option, or an option may not have its value.
    """
    found: dict[str, Any] = {}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if key not in (fields := place.options.model_fields):
            near = did_you_mean(key, fields)
            raise RequestError(
                f"{GIVEN} {key}: {name} has no such option{near}; it has {', '.join(place.options.names())}"
            )
        if not equals:
            raise RequestError(f"{GIVEN} {key}: must be {key}=VALUE")
        kind = get_origin(fields[key].annotation)
        if kind is tuple:
            found[key] = [*found.get(key, ()), *(item.strip() for item in value.split(","))]
        elif kind is dict:
            variable, equals, text = value.partition("=")
            if not equals:
                raise RequestError(f"{GIVEN} {key}: must be {key}=NAME=VALUE")
            found[key] = found.get(key, {}) | {variable: text}
        elif key in found:
            raise RequestError(f"{GIVEN} {key}: is given twice")
        else:
            found[key] = value
    try:
        return place.options.model_validate(found)
    except ValidationError as error:
        problem = _problem(error)
    raise RequestError(f"{GIVEN} {problem}; kdstudy settings {name} lists the options")


def _problem(error: ValidationError) -> str:
    first = error.errors()[0]
    return f"{first['loc'][0]}: is needed" if first["type"] == "missing" else first_problem(error)
