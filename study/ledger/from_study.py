"""What another study of the home has found: the best tried point of each of its arms (`--from-study`)."""

from __future__ import annotations

from contextlib import suppress

from pydantic import ValidationError

from study.errors import RequestError
from study.home import Home
from study.ledger.records import Record
from study.ledger.study import OpenStudy
from study.planning.depths import in_layers
from study.planning.enqueued import with_enqueued
from study.selection import BestValidation
from study.space import SearchSpace, Value

__all__ = ["with_best_of"]


def with_best_of(space: SearchSpace, home: Home, name: str) -> SearchSpace:
    """`space` that tries first what was best in each arm of the study `name`.

    A best point that is not in `space` is left out: it has another level, or lies outside a range.

    Raises:
        RequestError: if the home has no such study, or none of its best points is in `space`.
    """
    if name not in home.studies():
        raise RequestError(f"--from-study {name}: {home.root} has no such study")
    records = OpenStudy.at(home, name, looks=True).ledger.records()
    best = BestValidation().best_of_arms(record for record in records if record.phase == "search")
    given = space.enqueued
    for record in best.values():
        space = in_layers(space, record.config.model_layers)
        with suppress(ValidationError):
            space = with_enqueued(space, [*space.enqueued, _point(space, record)])
    if len(space.enqueued) == len(given):
        raise RequestError(f"--from-study {name}: none of its arms has a best trial in this search space")
    return space


def _point(space: SearchSpace, record: Record) -> dict[str, Value]:
    """The values of the trial, as far as `space` searches them and they had an effect."""
    names = [name for name in (*space.scientific, *space.searched) if name not in record.config.inert()]
    return {name: getattr(record.config, name) for name in names}
