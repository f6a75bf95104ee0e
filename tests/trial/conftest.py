"""A store in which everything is still to be built."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from study.storage.artifacts import Store


@pytest.fixture
def fresh_store(workshop: Any, tmp_path: Path) -> Store:
    """A store with the tiny task and base model, and nothing else."""
    store = Store(tmp_path / "store")
    for kind in ("tasks", "models"):
        shutil.copytree(workshop.store.root / kind, store.root / kind)
    return store


@pytest.fixture
def config(workshop: Any) -> Any:
    """Of a teacher whose training takes a moment."""
    return workshop.config(teacher_steps=20)
