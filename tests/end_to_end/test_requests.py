"""The installed command, if there is nothing to run: a wrong request, and a study that is finished."""

from __future__ import annotations

from typing import Any

import pytest


def test_the_installed_command_refuses_likewise(kdstudy: Any) -> None:
    answer = kdstudy("run", "nosuch")
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.startswith("kdstudy: nosuch: no such search space; there are best_student,")
    assert len(answer.err.splitlines()) == 1


@pytest.mark.parametrize("command", ["resume", "run"])
def test_a_finished_study_says_so_prints_the_same_and_starts_no_ray(
    finished: Any, asked: Any, kdstudy: Any, command: str
) -> None:
    words = ["resume", finished.name] if command == "resume" else ["run", asked.space, *asked.on]
    script = (
        "import sys\n"
        "from study.cli.app import main\n"
        "try:\n"
        "    main()\n"
        "finally:\n"
        "    print(sorted({'ray', 'torch'} & set(sys.modules)), file=sys.stderr)\n"
    )
    running = kdstudy.start(*words, "--home", finished.home, command=("-c", script))
    answer = running.finish()
    assert answer.code == 0, answer.err
    said, modules = answer.err.splitlines()
    assert said == f"study {finished.name} is finished: all 8 planned trials have ended"
    assert "ray" not in modules
    assert command == "run" or modules == "[]"
    assert answer.out == finished.answer.out
