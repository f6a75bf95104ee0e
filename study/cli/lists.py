"""`kdstudy spaces` and `kdstudy tasks`: the questions that there are, and the data sets."""

from __future__ import annotations

from study.cli.console import listing, print_json, print_table
from study.cli.options import JsonOption

__all__ = ["spaces", "tasks"]


def spaces(as_json: JsonOption = False) -> None:
    """The search spaces: the questions that a study can answer.

    Examples:

    kdstudy spaces
    kdstudy spaces --json
    """
    from study.planning.spaces import registered_spaces

    found = registered_spaces()
    if as_json:
        return print_json({name: space.model_dump(mode="json") for name, space in found.items()})
    rows = [[name, space.question, space.trials, space.confirm_seeds] for name, space in found.items()]
    print_table(listing(["space", "question", "trials/arm", "confirm seeds"], rows))
    return None


def tasks(as_json: JsonOption = False) -> None:
    """The registered tasks. A folder or hub:REPO[:CONFIG] is a task too.

    Examples:

    kdstudy tasks
    kdstudy tasks --json
    """
    from study.trial.data.sources import registered_tasks

    rows = [[t.name, t.languages, t.labels, t.description] for t in registered_tasks()]
    if as_json:
        columns = ("languages", "labels", "description")
        return print_json({name: dict(zip(columns, facts, strict=True)) for name, *facts in rows})
    print_table(listing(["task", "languages", "labels", "description"], rows))
    return None
