"""Where a task comes from: a registered name, `hub:REPO[:CONFIG]`, or a folder.

A source is looked up in this order: `hub:` is the hub; then a registered name; otherwise a path. So
`massive` is the registered task, even if the working directory has a folder of that name, and `./massive` is
the folder.

A new task is one function here under `@task`, or one entry in `named.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from study.errors import RequestError, did_you_mean
from study.trial.data.checks import build_task
from study.trial.data.folder import folder_rows
from study.trial.data.hub import HubData, hub_rows
from study.trial.data.named import NAMED
from study.trial.data.rows import Splits, printable, rows_of
from study.trial.data.task import Task

__all__ = ["RegisteredTask", "load_task", "registered_tasks"]

HUB = "hub:"
Load = Callable[[Sequence[str] | None], Splits]


@dataclass(frozen=True)
class RegisteredTask:
    """A task that has a name, and what is known of the task before it is loaded.

    load: (chosen languages, or none for all) -> rows. It may leave out rows of the other languages.
    """

    name: str
    description: str
    languages: int
    labels: int
    load: Load


_TASKS = {
    name: RegisteredTask(name, data.description, data.languages, data.labels, partial(hub_rows, data.source))
    for name, data in NAMED.items()
}


def task(name: str, description: str, languages: int, labels: int) -> Callable[[Load], Load]:
    """Register the decorated function as the loader of the task called `name`."""

    def register(load: Load) -> Load:
        _TASKS[name] = RegisteredTask(name, description, languages, labels, load)
        return load

    return register


@task("phrasebook", "embedded: requests to an assistant, needs no download", languages=12, labels=10)
def _phrasebook(chosen: Sequence[str] | None) -> Splits:
    from study.trial.data.phrasebook.task import phrasebook  # takes a second, and few callers need it

    return rows_of(phrasebook())


@task("phrasebook_slots", "embedded: who, when and where in phrasebook's texts, as tags", 12, 7)
def _phrasebook_slots(chosen: Sequence[str] | None) -> Splits:
    from study.trial.data.phrasebook.slots import phrasebook_slots

    return rows_of(phrasebook_slots())


def registered_tasks() -> list[RegisteredTask]:
    """The tasks that have a name: first the embedded task, then the others by name."""
    return sorted(_TASKS.values(), key=lambda known: (known.name in NAMED, known.name))


def load_task(source: str, languages: Sequence[str] | None = None, drop_shared: bool = False) -> Task:
    """The task at `source`, checked; if `languages` is given, with their rows alone.

    drop_shared: whether training loses the texts that validation or test has as well.
    A data set at `hub:REPO` must have the columns text, label and lang, or tokens, tags and lang; see
    `hub_rows` for configurations that are languages.

    Raises:
        RequestError: in one line, if there is no such task, or its data is not what a task needs.
    """
    if source.startswith(HUB):
        repository, _, configuration = source.removeprefix(HUB).partition(":")
        data = HubData(repository, language="lang", configuration=configuration or None)
        return build_task(source.removeprefix(HUB), hub_rows(data, languages), languages, drop_shared)
    if source in _TASKS:
        return build_task(source, _TASKS[source].load(languages), languages, drop_shared)
    folder = Path(source).expanduser()
    if not source or not folder.exists():
        known = [task.name for task in registered_tasks()]
        near, names = did_you_mean(source, known), ", ".join(known)
        raise RequestError(
            f"{printable(source) or repr(source)}: no such task or folder{near}; tasks are {names}, a folder "
            "with train, dev and test files, or hub:REPO[:CONFIG]"
        )
    if not folder.is_dir():
        raise RequestError(f"{printable(source)}: a file; a task is a folder with train, dev and test files")
    return build_task(folder.resolve().name, folder_rows(folder), languages, drop_shared)
