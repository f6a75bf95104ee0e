"""What was asked of a study stands in its folder, for people to read."""

from __future__ import annotations

import json
import shlex
from typing import Any


def test_a_finished_study_has_its_command_and_its_request_beside_it(finished: Any, asked: Any) -> None:
    path = finished.home / "studies" / finished.name / "request.json"
    found = json.loads(path.read_text("utf-8"))
    (command,) = found["commands"]
    words = shlex.split(command["command"])
    assert words[1:] == ["run", str(asked.space), *asked.on, "--home", str(finished.home)]
    assert (found["study"], found["request"]["task"]) == (finished.name, str(asked.task))
    assert len(found["task"]["fingerprint"]) == len(found["model"]["fingerprint"]) == 64
    assert (command["trials"], command["confirm_seeds"]) == (3, 1)
