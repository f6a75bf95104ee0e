"""Small tasks on disk, and a hub that is a folder."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

Row = Mapping[str, Any]


def rows_in(*languages: str, start: int = 0) -> list[dict[str, Any]]:
    """Two rows of each of two labels in each language; other texts for another `start`."""
    return [
        {"text": f"{language} {label} {start + i}", "label": label, "lang": language}
        for language in languages
        for label in ("yes", "no")
        for i in range(2)
    ]


def as_json_lines(rows: Sequence[Row]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


@pytest.fixture
def splits() -> dict[str, list[dict[str, Any]]]:
    """A sound task in German and Swahili."""
    return {name: rows_in("de", "sw", start=10 * i) for i, name in enumerate(("train", "dev", "test"))}


@pytest.fixture
def write_folder(tmp_path: Path) -> Callable[..., Path]:
    """Writes rows as JSON lines (or text and bytes as they are) into a folder; keys name the files."""

    def write(files: Mapping[str, Any], name: str = "task") -> Path:
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        for key, content in files.items():
            path = folder / (key if "." in key else f"{key}.jsonl")
            if isinstance(content, bytes):
                path.write_bytes(content)
            else:
                text = content if isinstance(content, str) else as_json_lines(content)
                path.write_text(text, encoding="utf-8", newline="")
        return folder

    return write


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """An offline hub: puts files of a repository where a download would have left them."""
    from huggingface_hub import constants

    cache = tmp_path / "hub"
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)

    def put(repository: str, files: Mapping[str, str | bytes], revision: str = "main") -> Path:
        base = cache / f"datasets--{repository.replace('/', '--')}"
        commit = ("c" if revision == "main" else "d") * 40
        (base / "refs" / revision).parent.mkdir(parents=True, exist_ok=True)
        (base / "refs" / revision).write_text(commit)
        for name, content in files.items():
            path = base / "snapshots" / commit / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return base / "snapshots" / commit

    return put
