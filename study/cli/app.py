"""The command line: which commands there are, and what happens to an error.

Tables and JSON go to stdout, everything else to stderr. Exit codes: 0 all planned trials ended and none
failed; 1 some failed, or the study stopped, or `doctor` found what would stop a study; 2 the request was
wrong: one line on stderr, nothing written; 130 interrupted, and resumable.
"""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable
from importlib import metadata
from typing import Annotated, Any, NoReturn

import typer

from study.cli.console import log, note, open_closed_streams, outlasting, say
from study.cli.doctor import doctor
from study.cli.export import export
from study.cli.groups import grouped
from study.cli.lists import spaces, tasks
from study.cli.logs import show_logs
from study.cli.plan import plan
from study.cli.report import report
from study.cli.resume import resume
from study.cli.run import run
from study.cli.settings import settings
from study.cli.status import status
from study.cli.trial import trial
from study.cli.ui import ui
from study.errors import RequestError, StudyStopped, masked, no_permission, no_such_path
from study.storage.disk import cannot_write

__all__ = ["COMMANDS", "app", "main"]

COMMANDS: dict[str, tuple[Callable[..., None], ...]] = {
    "Run": (plan, run, resume, trial),
    "See what came out": (status, report, export, ui),
    "See what you can choose": (spaces, tasks, settings, doctor),
}
"""The commands, by panels of the help."""

app = typer.Typer(
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help", "-h"]},
    help="How much of a distilled multilingual student's quality comes from its initialisation?",
    epilog="Begin with: kdstudy run quickstart\nThen:       kdstudy COMMAND --help",
)


def _add(panel: str, command: Callable[..., None]) -> None:
    """Add a command; its docstring is its help, and the lines after "Examples:" are printed as they are."""
    text, _, examples = (inspect.getdoc(command) or "").partition("Examples:\n\n")
    app.command(rich_help_panel=panel, help=text, epilog=examples)(grouped(command))


for _panel, _commands in COMMANDS.items():
    for _command in _commands:
        _add(_panel, _command)


def _show_version(wanted: bool) -> None:
    if wanted:
        say(f"kdstudy {metadata.version('kdstudy')}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=_show_version,
            is_eager=True,
            help="Print the version.",
        ),
    ] = False,
    debug: Annotated[
        bool,
        typer.Option(
            "--debug",
            help="Show warnings, the logging of Ray, MLflow and transformers, and tracebacks. It may stand "
            "behind the command too; KDSTUDY_DEBUG=1 does the same.",
        ),
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        context.get_help()  # prints it


def main() -> None:
    """Entry point: one line on stderr for what is wrong, and the exit codes above."""
    open_closed_streams()
    show_logs("--debug" in sys.argv[1:] or os.environ.get("KDSTUDY_DEBUG", "0") not in ("", "0"))
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    arguments = [argument for argument in sys.argv[1:] if argument != "--debug"]
    sys.argv[1:] = map(masked, sys.argv[1:])  # Ray records the command line, and so does request.json
    command = typer.main.get_command(app)
    try:
        sys.exit(command.main(arguments, prog_name="kdstudy", standalone_mode=False) or 0)
    except RequestError as error:
        _complain(str(error))
    except StudyStopped as end:  # of a command that drives no study: the disk is full, the storage is away
        _stop(end)
    except OSError as error:
        if cannot_write(error):
            _stop(error)
        if (why := no_permission(error) or no_such_path(error)) is None:
            raise
        _complain(why)
    except Exception as error:
        if not hasattr(error, "format_message"):  # Typer's own complaints about options have it
            raise
        _complain(_in_one_sentence(error))


def _in_one_sentence(error: Any) -> str:
    """What Typer complains of, with a hint for a mistyped option."""
    if near := getattr(error, "possibilities", None):
        return f"{error.message} (did you mean {' or '.join(near)}?)"
    return str(
        error.format_message().replace("Value error, ", "")
    )  # a type's complaint, as pydantic words it


def _stop(end: Exception) -> NoReturn:
    log.debug("the command ended here:", exc_info=True)
    with outlasting():
        note(f"stopped: {end}")
        sys.stdout.flush()  # what the disk had no room for is dropped
    sys.exit(1)


def _complain(message: str) -> None:
    log.debug("the request was refused here:", exc_info=True)
    line = " ".join(message.split())
    print(f"kdstudy: {masked(line)}", file=sys.stderr)
    sys.exit(2)
