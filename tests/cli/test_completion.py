"""What the shell completes, as the shell asks for it: through the entry point and the environment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from study.home import Home
from study.space import NOT_SEARCHED


@pytest.fixture
def complete(command: Any) -> Any:
    """`complete(line)`: the words that bash would offer at the end of `line`."""

    def ask(line: str, **environment: str) -> list[str]:
        words = line.split(" ")
        asked = {"_KDSTUDY_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
        answer = command(**asked, **environment)
        assert answer.code == 0
        return [word for word in answer.out.splitlines() if word]

    return ask


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home with two studies."""
    home = Home(tmp_path / "home")
    for name in ("depth", "deep-2"):
        home.begin(name, {})
    return home


def test_commands_are_completed(complete: Any) -> None:
    assert complete("kdstudy st") == ["status"]
    assert {"run", "resume", "report"} == set(complete("kdstudy r"))


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("kdstudy run qui", ["quickstart"]),
        ("kdstudy plan depth --task mass", ["massive", "massive-scenario"]),
        ("kdstudy run depth --cluster lo", ["local"]),
        ("kdstudy run depth --sampler ", ["quasi", "tpe", "random", "grid", "nsga2"]),
        ("kdstudy run depth --set temp", ["temperature="]),
        ("kdstudy settings temp", ["temperature"]),
    ],
)
def test_names_are_completed(complete: Any, line: str, words: list[str]) -> None:
    assert complete(line) == words


@pytest.mark.parametrize("command_line", ["status", "resume", "report", "export"])
def test_studies_of_the_home_are_completed(complete: Any, home: Home, command_line: str) -> None:
    assert complete(f"kdstudy {command_line} --home {home.root} de") == ["deep-2", "depth"]
    assert complete(f"kdstudy {command_line} dep", KDSTUDY_HOME=str(home.root)) == ["depth"]


def test_studies_of_the_default_home_are_completed(
    complete: Any, home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert complete("kdstudy status de") == []
    home.root.rename(tmp_path / "kdstudy-home")
    assert complete("kdstudy status de") == ["deep-2", "depth"]


def test_what_the_request_decides_is_no_key_of_set(complete: Any) -> None:
    keys = complete("kdstudy run depth --set ")
    assert "alpha=" in keys
    assert not {f"{name}=" for name in NOT_SEARCHED} & set(keys)
