"""MLflow's UI: what is refused before MLflow's server starts."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import pytest

from study.home import Home


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The command lines that this process has become."""
    lines: list[list[str]] = []
    monkeypatch.setenv("PYTHONSAFEPATH", "")
    monkeypatch.setattr(os, "execv", lambda program, line: lines.append(line))
    return lines


def test_a_port_that_is_taken_is_refused_in_one_line(
    command: Any, served: list[list[str]], tmp_path: Path
) -> None:
    Home(tmp_path).database.touch()
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        answer = command("ui", "--home", tmp_path, "--port", str(port))
    assert (answer.code, answer.out, served) == (2, "", [])
    assert answer.err == (
        f"kdstudy: port {port} of 127.0.0.1: Address already in use; choose another --port\n"
    )
    assert command("ui", "--home", tmp_path, "--port", str(port)).code == 0
    assert served[0][-4:] == ["--port", str(port), "--workers", "1"]


def test_a_home_whose_studies_are_recorded_elsewhere_names_the_place(
    command: Any, served: list[list[str]], tmp_path: Path
) -> None:
    Home(tmp_path).begin("demo", {"tracking_uri": "https://me:secret@mlflow.example"})
    answer = command("ui", "--home", tmp_path)
    assert (answer.code, served) == (2, [])
    assert "nothing is recorded there yet; its studies are recorded at https://me:***@mlflow" in answer.err


@pytest.mark.parametrize(
    ("connection", "line"),
    [
        ("198.51.100.7 50000 203.0.113.5 22", "ssh -N -L 8080:127.0.0.1:8080 ada@203.0.113.5"),
        ("198.51.100.7 50000 203.0.113.5 2222", "ssh -N -L 8080:127.0.0.1:8080 -p 2222 ada@203.0.113.5"),
        ("", None),
    ],
)
def test_the_ui_listens_on_loopback_and_under_ssh_names_the_line_that_forwards_its_port(
    command: Any,
    served: list[list[str]],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    connection: str,
    line: str | None,
) -> None:
    Home(tmp_path).database.touch()
    monkeypatch.setenv("SSH_CONNECTION", connection)
    monkeypatch.setenv("LOGNAME", "ada")
    monkeypatch.setattr("study.cli.ui._check_free", lambda port: None)
    answer = command("ui", "--home", tmp_path, "--port", "8080")
    assert answer.code == 0
    assert served[0][served[0].index("--host") + 1] == "127.0.0.1"
    assert [each.partition("with: ")[2] for each in answer.err.splitlines() if "ssh" in each] == [
        line
    ] * bool(line)
