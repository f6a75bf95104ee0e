"""Points that are tried first (`--enqueue`): read from a file, and found for an arm."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from study.errors import RequestError
from study.space import SearchSpace, Value, parse_value

if TYPE_CHECKING:
    from study.planning.plan import Arm, Plan

__all__ = ["points_of", "with_enqueued", "with_points"]


def with_points(space: SearchSpace, path: Path) -> SearchSpace:
    """`space` with the points of the file at `path` in front of its own.

    The file is a `.csv` with a header, or a `.jsonl`: a row for each point, a column for each hyperparameter.
    An empty cell is no value.

    Raises:
        RequestError: if the file cannot be read, or a point is not in the space; the text names the file, the
            row and the hyperparameter.
    """
    points = _read(path)
    if not points:
        raise RequestError(f"{path}: there is no point")
    try:
        return with_enqueued(space, [*points, *space.enqueued])
    except ValidationError as error:
        message = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise RequestError(f"{path}: {message}") from None


def with_enqueued(space: SearchSpace, points: Sequence[Mapping[str, Value]]) -> SearchSpace:
    """`space` with `points` in place of its own.

    Raises:
        ValidationError: if a point is not in the space.
    """
    return SearchSpace(**space.model_dump() | {"enqueued": tuple(dict(point) for point in points)})


def _read(path: Path) -> list[dict[str, Value]]:
    readers = {".csv": _csv, ".jsonl": _jsonl}
    if path.suffix not in readers:
        raise RequestError(f"{path}: must be a .csv or a .jsonl file")
    try:
        return [point for point in readers[path.suffix](path) if point]
    except OSError as error:
        raise RequestError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise RequestError(f"{path}: is not UTF-8 text") from None
    except csv.Error as error:
        raise RequestError(f"{path}: is no table of comma-separated values ({error})") from None


def _csv(path: Path) -> Iterator[dict[str, Value]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        for number, row in enumerate(csv.DictReader(file), 1):
            if None in row:
                raise RequestError(f"{path}: point {number}: has more values than the header has names")
            cells = {name.strip(): (text or "").strip() for name, text in row.items()}
            yield {name: parse_value(text, name) for name, text in cells.items() if text}


def _jsonl(path: Path) -> Iterator[dict[str, Value]]:
    for number, line in enumerate(path.read_text(encoding="utf-8-sig").splitlines(), 1):
        if not line.strip():
            continue
        try:
            point: Any = json.loads(line)
        except json.JSONDecodeError:
            raise RequestError(f"{path}: line {number}: is not JSON") from None
        if not isinstance(point, dict):
            raise RequestError(
                f'{path}: line {number}: must be an object, such as {{"learning_rate": 0.001}}'
            )
        for name, value in point.items():
            if isinstance(value, bool) or not isinstance(value, int | float | str):
                raise RequestError(f"{path}: line {number}: {name}: must be a number or text, not {value!r}")
        yield point


def points_of(plan: Plan, arm: Arm) -> list[dict[str, Value]]:
    """The enqueued points of `arm`, each once: the searched values that have an effect there.

    A point with scientific values belongs to the arm that has these values, as far as they have an effect.

    Raises:
        RequestError: if a point lacks a value, or there are more points than trials.
    """
    space = plan.space
    if not space.enqueued:
        return []
    draft, found = plan.drafts(arm)[0], []
    for number, point in enumerate(space.enqueued, 1):
        tuned = {name: value for name, value in point.items() if name in space.searched}
        off = draft.model_copy(update=tuned).inert()
        if any(value != point.get(name, value) for name, value in arm.values if name not in off):
            continue
        for name in space.searched:
            if name not in off and name not in tuned:
                raise RequestError(
                    f"enqueued point {number}: {name}: a value is missing; {arm.name} searches it"
                )
        chosen = {name: value for name, value in tuned.items() if name not in off}
        if chosen not in found:
            found.append(chosen)
    if len(found) > space.trials:
        raise RequestError(
            f"{arm.name} has {len(found)} enqueued points and {space.trials} trials; "
            f"give --trials {len(found)} or more"
        )
    return found
