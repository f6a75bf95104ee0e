"""The README of the models: its table is what the matrix prints."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.trial.models.architectures import KINDS, write_task
from tests.trial.models.matrix import outcome_of

README = Path(__file__).parents[3] / "study/trial/models/README.md"


def rows() -> dict[str, str]:
    """The lines of the table by type."""
    text = README.read_text("utf-8")
    return {line.split("`")[1]: line for line in text.splitlines() if line.startswith("| `")}


def test_the_table_has_every_type_of_the_library() -> None:
    assert list(rows()) == list(KINDS)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_the_table_is_what_the_matrix_prints(kind: str, tmp_path: Path) -> None:
    assert rows()[kind] == str(outcome_of(kind, write_task(tmp_path / "task"), tmp_path / kind))
