"""What the chaos tests share: the command, a study that nobody disturbed, and what it is asked on."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.chaos import NAME, SPACE, Whole
from tests.processes import Kdstudy


@pytest.fixture(scope="session")
def kdstudy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kdstudy]:
    command = Kdstudy(tmp_path_factory.mktemp("chaos"), Path(sys.executable))
    yield command
    for running in command.running:
        running.kill()


@pytest.fixture(scope="session")
def arguments(model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str | Path]:
    """Two languages of the embedded task, and a tiny base model."""
    space = tmp_path_factory.mktemp("space") / f"{NAME}.py"
    space.write_text(SPACE, encoding="utf-8")
    return ["run", space, "--languages", "eng,swh", "--model", model_folder]


@pytest.fixture(scope="session")
def undisturbed(
    kdstudy: Kdstudy, arguments: list[str | Path], tmp_path_factory: pytest.TempPathFactory
) -> Whole:
    """The study that nobody disturbed, one trial at a time."""
    home = tmp_path_factory.mktemp("undisturbed") / "home"
    answer = kdstudy(*arguments, "--home", home, "--concurrency", "1", timeout=600)
    assert answer.code == 0, answer.err
    whole = Whole(home, NAME)
    assert whole.violations() == []
    assert {record.outcome for record in whole.records} >= {"complete", "pruned"}
    return whole
