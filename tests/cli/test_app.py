"""The entry point: help, version, debug, mistyped words, and what happens to an error."""

from __future__ import annotations

import inspect
import logging
import os
import re
import subprocess
import sys
import warnings
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import typer

from study.cli import app as module
from study.cli.app import COMMANDS, app
from study.errors import RequestError, StudyStopped

NAMES = [command.__name__ for commands in COMMANDS.values() for command in commands]
ROOT = Path(__file__).parents[2]
WIDTHS = ("80", "140")


@pytest.fixture(autouse=True)
def nothing_stays_as_the_command_has_set_it(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Warnings, and the environment."""
    for variable in ("MLFLOW_LOGGING_LEVEL", "TRANSFORMERS_VERBOSITY", "KDSTUDY_DEBUG"):
        monkeypatch.setenv(variable, "")
        monkeypatch.delenv(variable)
    with warnings.catch_warnings():
        yield


def examples(name: str) -> list[str]:
    """The commands that the help of a command gives as examples."""
    command: Any = typer.main.get_command(app)
    return [line for line in command.commands[name].epilog.splitlines() if line]


def test_without_a_command_it_says_what_it_can_do(command: Any) -> None:
    answer = command()
    assert answer.code == 0
    assert all(name in answer.out for name in NAMES)
    assert answer.out.rstrip() == command("--help").out.rstrip()


def test_the_version_is_the_packages(command: Any) -> None:
    answer = command("--version")
    assert (answer.code, answer.out) == (0, f"kdstudy {metadata.version('kdstudy')}\n")


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", NAMES)
def test_help_has_the_examples_as_they_are(command: Any, name: str, width: str) -> None:
    answer = command(name, "--help", COLUMNS=width)
    assert answer.code == 0
    shown = [line.strip() for line in answer.out.splitlines()]
    assert len(examples(name)) >= 2
    assert set(examples(name)) <= set(shown)
    assert "Examples:" not in answer.out


@pytest.mark.parametrize("name", NAMES)
def test_examples_are_commands_that_the_command_line_takes(name: str) -> None:
    command: Any = typer.main.get_command(app)
    for line in examples(name):
        program, first, *rest = line.split()
        assert (program, first) == ("kdstudy", name)
        command.commands[name].make_context(name, rest)


@pytest.mark.processes
def test_debug_prints_tracebacks_on_stderr() -> None:
    line = [sys.executable, "-c", "from study.cli.app import main; main()", "run", "nosuch", "--debug"]
    answer = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
    assert (answer.returncode, answer.stdout) == (2, "")
    assert "Traceback (most recent call last)" in answer.stderr
    assert answer.stderr.splitlines()[-1].startswith("kdstudy: nosuch: no such search space")


@pytest.mark.parametrize("name", ["plan", "run"])
def test_options_stand_in_panels(command: Any, name: str) -> None:
    panels = re.findall(r"^╭─ (.*?) ─+╮$", command(name, "--help").out, re.M)
    wanted = ["What to study", "On what", "Where it runs and what it stores"]
    assert [panel for panel in panels if panel in wanted] == wanted


def test_a_mistyped_command_or_option_is_answered_with_what_is_near(command: Any) -> None:
    assert command("stauts").err == "kdstudy: No such command 'stauts'. Did you mean 'status'?\n"
    assert command("tasks", "--jsn").err == "kdstudy: No such option: --jsn (did you mean --json?)\n"
    assert command("status", "--zzz").err == "kdstudy: No such option: --zzz\n"


@pytest.mark.parametrize(
    ("arguments", "near"),
    [
        ("run quickstrat", "quickstart"),
        ("plan quickstart --task masive", "massive"),
        ("settings temprature", "temperature"),
    ],
)
def test_a_mistyped_name_is_answered_with_what_is_near(command: Any, arguments: str, near: str) -> None:
    answer = command(*arguments.split())
    assert (answer.code, answer.out) == (2, "")
    assert f"(did you mean {near}?)" in answer.err
    assert len(answer.err.splitlines()) == 1


@pytest.fixture
def fails(monkeypatch: pytest.MonkeyPatch) -> Any:
    """`fails(error)`: `kdstudy spaces` raises `error` from now on."""

    def let(error: Exception) -> None:
        def listing() -> None:
            raise error

        monkeypatch.setattr("study.planning.spaces.registered_spaces", listing)

    return let


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (RequestError("no\n such thing"), 2, "kdstudy: no such thing"),
        (StudyStopped("the disk is full"), 1, "stopped: the disk is full"),
    ],
)
def test_an_error_is_one_line_and_with_debug_its_traceback_too(
    command: Any,
    fails: Any,
    error: Exception,
    code: int,
    line: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    fails(error)
    answer = command("spaces")
    assert (answer.code, answer.out, answer.err) == (code, "", f"{line}\n")
    assert caplog.text == ""
    for arguments, environment in (
        (["--debug", "spaces"], {}),
        (["spaces", "--debug"], {}),
        (["spaces"], {"KDSTUDY_DEBUG": "1"}),
    ):
        caplog.clear()
        answer = command(*arguments, **environment)
        assert (answer.code, answer.out, answer.err) == (code, "", f"{line}\n")
        assert "Traceback (most recent call last)" in caplog.text  # pytest has the handler


def test_a_fault_of_the_program_ends_in_a_traceback(command: Any, fails: Any) -> None:
    fails(ZeroDivisionError("a fault"))
    with pytest.raises(ZeroDivisionError):
        command("spaces")


def test_debug_shows_what_is_silenced_otherwise(command: Any) -> None:
    command("spaces")
    assert os.environ["MLFLOW_LOGGING_LEVEL"] == "CRITICAL"
    assert not logging.getLogger("study").isEnabledFor(logging.DEBUG)
    del os.environ["MLFLOW_LOGGING_LEVEL"]
    command("spaces", "--debug")
    assert os.environ["MLFLOW_LOGGING_LEVEL"] == "INFO"
    assert logging.getLogger("study").isEnabledFor(logging.DEBUG)
    assert warnings.filters[0][0] == "default"


def test_every_command_says_what_it_is_for() -> None:
    for commands in COMMANDS.values():
        for one in commands:
            text = inspect.getdoc(one) or ""
            assert text.partition("Examples:")[0].strip().endswith((".", "?")), one


@pytest.mark.processes
def test_the_script_that_completes_can_be_shown() -> None:
    """Typer finds out which shell has called it, so a shell has to."""
    line = f"{sys.executable} -c 'from study.cli.app import main; main()' --show-completion; exit $?"
    answer = subprocess.run(
        ["bash", "-c", line], cwd=ROOT, capture_output=True, text=True, check=False, timeout=300
    )
    assert answer.returncode == 0, answer.stderr
    assert "_KDSTUDY_COMPLETE=complete_bash" in answer.stdout


def test_the_module_is_short() -> None:
    assert len(inspect.getsource(module).splitlines()) < 150
