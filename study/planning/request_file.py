"""`request.json` in a study's folder: the request, as people read it.

The program never reads the file to decide anything: the ledger holds the plan that counts. The file holds the
command lines that began the study or changed its budget, the request as it was resolved, and the versions.
"""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from study.errors import masked
from study.planning.versions import code_version, library_versions
from study.storage.artifacts import write_atomically
from study.storage.disk import cannot_write

if TYPE_CHECKING:
    from study.planning.plan import Plan
    from study.planning.resolve import Resolved

__all__ = ["first_command", "write_request"]

REQUEST_FILE = "request.json"
BUDGETS = ("trials", "confirm_seeds")
ALL_BUDGETS = (*BUDGETS, "tunings")


def write_request(
    folder: Path, resolved: Resolved, arguments: Sequence[str] | None = None, plan: Plan | None = None
) -> None:
    """Write `request.json` into the study's `folder`, or add a command line that changes a budget.

    arguments: the command line; the default is the command line of this process. plan: the plan of `resolved`
    as it follows the study that was begun (`Plan.following`). A command that goes on with
    the same budget changes nothing. An error here stops no study, unless the disk is full or read-only.

    Raises:
        OSError: if the disk is full or read-only.
    """
    try:
        path = folder / REQUEST_FILE
        before, plan = _commands(path), plan or resolved.plan
        begun = {name: int(before[-1].get(name, 1)) if before else -1 for name in ALL_BUDGETS}
        wanted = {name: int(getattr(plan.space, name)) for name in BUDGETS} | {"tunings": plan.tunings}
        budgets = {
            name: wanted[name] if name in plan.exact else max(wanted[name], begun[name])
            for name in ALL_BUDGETS
        }
        if budgets == begun:
            return
        commands = [*before, _command(sys.argv if arguments is None else arguments) | budgets]
        content = {"study": resolved.plan.name, "commands": commands} | _described(resolved, plan, budgets)
        write_atomically(path, json.dumps(content, ensure_ascii=False, indent=1).encode())
    except Exception as error:
        if cannot_write(error):
            raise


def first_command(folder: Path) -> str | None:
    """The command line that began the study in `folder`, without secrets; None if it is not on record."""
    commands = _commands(folder / REQUEST_FILE)
    return str(commands[0]["command"]) if commands and "command" in commands[0] else None


def _commands(path: Path) -> list[dict[str, Any]]:
    """The command lines in the file at `path`; empty if the file is missing or damaged."""
    try:
        commands = json.loads(path.read_text(encoding="utf-8"))["commands"]
        return [one for one in commands if all(isinstance(one[name], int) for name in BUDGETS)]
    except (OSError, ValueError, LookupError, TypeError):
        return []


def _command(arguments: Sequence[str]) -> dict[str, Any]:
    program, *rest = arguments
    return {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": shlex.join([Path(program).name, *map(masked, rest)]),
        "folder": str(Path.cwd()),
        "code": code_version(),
        "versions": library_versions(),
    }


def _described(resolved: Resolved, plan: Plan, budgets: dict[str, int]) -> dict[str, Any]:
    """What the request came to: its words, the task and model that were found, and the space in layers."""
    task = resolved.task
    named = {k: masked(v) if isinstance(v, str) else v for k, v in resolved.request.recorded().items()}
    return {
        "request": named,
        "task": {
            "name": task.name,
            "fingerprint": task.fingerprint,
            "labels": list(task.labels),
            "languages": list(task.languages),
            "rows": {name: len(split) for name, split in task.splits.items()},
        },
        "model": {
            "source": resolved.model.source,
            "fingerprint": resolved.model.fingerprint or plan.constants["model"] or None,
            "layers": plan.constants["model_layers"],
        },
        "teacher": plan.constants["teacher"] or "trained for the study",
        "space": plan.space.model_dump(mode="json") | {name: budgets[name] for name in BUDGETS},
        "selection": plan.selection,
        "seed_block": plan.seed_block,
        "tunings": budgets["tunings"],
        "arms": [arm.name for arm in plan.arms()],
        "held": plan.held(),
    }
