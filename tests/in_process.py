"""The command in the process of the tests, and the contents of a folder."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.processes import Answer

__all__ = ["caller", "contents"]


def caller(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Answer]:
    """Returns `run(*arguments, **environment)`, which calls the entry point of the command."""
    from study.cli.app import main

    def run(*arguments: str | Path, **environment: str) -> Answer:
        monkeypatch.setattr(sys, "argv", ["kdstudy", *map(str, arguments)])
        monkeypatch.delenv("KDSTUDY_HOME", raising=False)
        for name, value in ({"HF_HUB_OFFLINE": "1"} | environment).items():
            monkeypatch.setenv(name, value)
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capsys.readouterr()
        return Answer(int(ended.value.code or 0), captured.out, captured.err)

    return run


def contents(folder: Path) -> dict[str, str]:
    """All names in a folder, and the digest of every file."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        for path in sorted(folder.rglob("*"))
    }
