"""The requests of `plan`, `run` and `trial`, made from the options of the command line."""

from __future__ import annotations

from typing import Any

from study.home import Home
from study.planning.request import Request, absolute
from study.planning.resolve import Resolved, resolve
from study.planning.spaces import load_space, override

__all__ = ["request_of", "resolved_from"]


def request_of(space: str, options: dict[str, Any]) -> Request:
    """The request that a command's `options`, by their names, make; folders in it are absolute."""
    languages = options["languages"]
    codes = None if languages is None else (code.strip() for code in languages.split(","))
    where = ("cluster", "concurrency", "cpus_per_trial", "gpus_per_trial")
    return Request(
        space=space,
        task=absolute(options["task"]),
        model=absolute(options["model"]),
        teacher=absolute(options["teacher"]) if options["teacher"] else "",
        languages=None if codes is None else tuple(code for code in codes if code),
        drop_shared=options["drop_shared"],
        full_vocabulary=options["full_vocabulary"],
        **{name: options[name] for name in where if name in options},
    )


def resolved_from(options: dict[str, Any]) -> Resolved:
    """The study that the `options` of `plan` or `run` request. Writes nothing.

    Raises:
        RequestError: for anything that cannot be served, naming it in one line.
    """
    space_name, space = load_space(options["space"])
    space = override(space, options["settings"] or [])
    given = {name: options[name] for name in ("trials", "confirm_seeds", "sampler")}
    space = space.model_copy(update={k: v for k, v in given.items() if v is not None})
    home = Home.at(options["home"])
    name = space_name if options["name"] is None else options["name"]
    home.study(name)  # refuses what is no name
    return resolve(request_of(space_name, options), name, space, home.store)
