"""Options: groups as Typer sees them, and the request that they make."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import pytest
import typer

from study.cli.app import COMMANDS
from study.cli.budget import Budget
from study.cli.groups import grouped
from study.cli.options import OnWhat, Where
from study.cli.requested import request_of

GROUPS = (Budget, OnWhat, Where)


@dataclass(frozen=True)
class Pair:
    """A group of two options."""

    left: Annotated[int, typer.Option(help="One.")] = 1
    right: Annotated[str, typer.Option("--of-the-right", help="Other.")] = "r"


def test_a_group_is_its_options_for_typer_and_itself_for_the_command() -> None:
    seen: list[Any] = []

    def command(name: Annotated[str, typer.Argument()], pair: Pair, end: bool = False) -> None:
        seen.append((name, pair, end))

    flat = grouped(command)
    parameters = inspect.signature(flat).parameters
    assert list(parameters) == ["name", "left", "right", "end"]
    assert parameters["right"].default == "r"
    flat(name="n", left=2, right="x", end=True)
    assert seen == [("n", Pair(2, "x"), True)]


def options_of_groups() -> Iterator[tuple[str, Any]]:
    for group in GROUPS:
        kinds = get_type_hints(group, include_extras=True)
        yield from ((field.name, kinds[field.name].__metadata__[0]) for field in fields(group))


@pytest.mark.parametrize(("name", "option"), list(options_of_groups()))
def test_every_option_of_a_group_has_help_and_a_panel(name: str, option: Any) -> None:
    assert option.help.endswith(".")
    assert option.rich_help_panel


def test_an_option_means_the_same_in_every_command() -> None:
    """Its type and its default; what it is called there may differ in the help."""
    known: dict[str, Any] = {}
    for commands in COMMANDS.values():
        for command in commands:
            for name, parameter in inspect.signature(grouped(command)).parameters.items():
                if name not in ("context", "name", "to", "tracking_uri"):
                    assert known.setdefault(name, parameter.default) == parameter.default, name


def test_a_request_is_made_of_the_options_and_its_folders_are_absolute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine").mkdir()
    monkeypatch.chdir(tmp_path)
    on = OnWhat(task="mine", languages=" deu, yor,", model="./model", drop_shared=True)
    request = request_of("demo", on, Where(cluster="running", gpus_per_trial=0.5))
    assert request.task == str(tmp_path / "mine")
    assert request.model == str(tmp_path / "model")
    assert request.languages == ("deu", "yor")
    assert (request.drop_shared, request.full_vocabulary, request.teacher) == (True, False, "")
    assert (request.cluster, request.gpus_per_trial, request.cpus_per_trial) == ("running", 0.5, None)
    assert request_of("demo", OnWhat()).languages is None
    assert (request.artifacts, request_of("demo", on, Where(artifacts="none")).artifacts) == ("all", "none")


def test_urls_are_given_or_not() -> None:
    assert Where().given_urls == {}
    assert Where(ledger_url="sqlite:///x.db").given_urls == {"ledger_url": "sqlite:///x.db"}


@pytest.mark.parametrize("text", ["many", "-1", "inf", "nan"])
def test_gpus_that_are_no_number_are_refused(command: Any, text: str) -> None:
    answer = command("run", "quickstart", f"--gpus-per-trial={text}")
    assert (answer.code, answer.out) == (2, "")
    assert "must be a whole number of GPUs, a part of one GPU, or auto" in answer.err
