"""Lists of what a user can choose: spaces and tasks."""

from __future__ import annotations

import json
from typing import Any


def test_spaces_are_listed(command: Any) -> None:
    spaces = json.loads(command("spaces", "--json").out)
    assert {"quickstart", "init_vs_distillation", "low_resource", "depth"} <= spaces.keys()
    assert spaces["quickstart"]["scientific"]["init"] == ["random", "base", "teacher"]
    assert all(name in command("spaces").out for name in spaces)


def test_tasks_are_listed(command: Any) -> None:
    tasks = json.loads(command("tasks", "--json").out)
    assert next(iter(tasks)) == "phrasebook"
    assert tasks["phrasebook"].keys() == {"languages", "labels", "description"}
    table = command("tasks").out
    assert all(name in table for name in tasks)


def test_the_embedded_task_is_what_its_listing_says(command: Any) -> None:
    from study.trial.data.sources import load_task

    said = json.loads(command("tasks", "--json").out)["phrasebook"]
    task = load_task("phrasebook")
    assert (said["languages"], said["labels"]) == (len(task.languages), len(task.labels))
