"""A study that another program starts: what is submitted is shown (`--print`) or handed over.

What is submitted is the same command, which attaches to the place's Ray by `--cluster=running`. So the engine
knows no scheduler, and the same command goes on with the study.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from study.cli import completion
from study.cli.console import note, say
from study.cli.options import WHERE
from study.errors import RequestError, masked

if TYPE_CHECKING:
    from cluster import Place
    from cluster.submission.options import Options
    from study.home import Home

__all__ = ["Submission", "There"]

FOLDERS = ("space", "task", "model", "teacher", "enqueue")
"""Parameters that may name a file or a folder."""
URLS = ("storage_url", "ledger_url", "tracking_uri")
OF_A_STUDY = ("status", "resume")
"""Lines of advice that only a study has."""
REPLACED = ("cluster", "elsewhere", "home", "place_settings", "prints")
"""Parameters that the submitted command has otherwise, or not at all."""


@dataclass(frozen=True)
class There:
    """What a place takes that submits, and the command line that is submitted."""

    context: typer.Context
    place_settings: Annotated[
        list[str] | None,
        typer.Option(
            "--place",
            metavar="KEY=VALUE",
            help="An option of the place, such as nodes=4; `kdstudy settings slurm` lists those of slurm.",
            rich_help_panel=WHERE,
            autocompletion=completion.place_options,
        ),
    ] = None
    prints: Annotated[
        bool,
        typer.Option("--print", help="Show what would be submitted, and do nothing.", rich_help_panel=WHERE),
    ] = False

    def at(self, name: str | None) -> Submission | None:
        """What is submitted at the cluster `name`; None if the study runs in this process.

        Raises:
            RequestError: if there is no such place, or the place has no such option.
        """
        from cluster import Place
        from study.planning.places import known_cluster, options_of

        place = None if name is None else known_cluster(name)
        if name is not None and isinstance(place, Place):
            options = options_of(name, place, self.place_settings or ())
            return Submission(name, place, options, self)
        for option, given in (("--place", self.place_settings), ("--print", self.prints)):
            if given:
                where = f"--cluster {name}" if name is not None else "without --cluster the study"
                raise RequestError(f"{option}: is for places that submit, and {where} submits nothing")
        return None


@dataclass(frozen=True)
class Submission:
    """A place by its name, with its options."""

    name: str
    place: Place
    options: Options
    there: There

    @property
    def prints(self) -> bool:
        """Whether the files are shown, and nothing is submitted."""
        return self.there.prints

    @property
    def is_here(self) -> bool:
        """Whether the place has the files and the installation of this machine."""
        return self.place.home is None

    def study_of(self, space: str, name: str | None, home: Home) -> str:
        """The name of the study of `space`, which is checked as far as a machine outside the place can.

        Raises:
            RequestError: if there is no such space, or the study cannot have the name.
        """
        from study.planning.spaces import load_space

        stem = Path(space).stem if space.endswith(".py") else load_space(space)[0]
        home.study(stem if name is None else name)
        return stem if name is None else name

    def hand_over(self, study: str, home: Home, lasts: bool = True) -> None:
        """Submit this command for the study called `study`; with `--print`, show the files alone.

        lasts: whether the command drives a study, which has a status and can be resumed.

        Raises:
            RequestError: if the command has a password or a file that the place lacks, or the scheduler
                refuses.
        """
        from cluster.submission.commands import CannotSubmit
        from cluster.submission.place import Study

        context = self.there.context
        there = self._home(context, home)
        what = Study(study, tuple(self._words(context, there)), there)
        files = self.place.render(what, self.options)
        for line in self._warnings(context, there):
            note(f"note: {line}")
        if self.prints:
            _show(files)
            note(f"nothing was submitted; without --print this goes to {self.place.tool}")
            return
        try:
            found = self.place.submit(what, self.options, files)
        except CannotSubmit as error:
            raise RequestError(f"--cluster {self.name}: {error}") from None
        lines = {"submitted": found, **self.place.advice(what, self.options, found)}
        lines |= {"resume": "the same command again"}
        if not lasts:
            lines = {purpose: line for purpose, line in lines.items() if purpose not in OF_A_STUDY}
        width = max(map(len, lines))
        for purpose, command in lines.items():
            say(f"{purpose:<{width}}  {command}")

    def _home(self, context: typer.Context, home: Home) -> str:
        """The home within the place."""
        if self.place.home is None:
            return str(home.root)
        if not _is_given(context, "home"):
            return self.place.home
        given = str(context.params["home"])
        if not given.startswith(("/", "~")):
            raise RequestError(f"--home {given}: give the absolute path that the home has at {self.name}")
        return given

    def _words(self, context: typer.Context, home: str) -> Iterator[str]:
        """The words of the command within the place, after `kdstudy`."""
        yield str(context.info_name)
        for parameter in context.command.params:
            name = str(parameter.name)
            if name in REPLACED or not _is_given(context, name):
                continue
            value = context.params[name]
            for each in value if isinstance(value, list | tuple) else [value]:
                self._check(name, parameter.opts[0], str(each))
                if parameter.param_type_name == "argument":
                    yield str(each)
                elif getattr(parameter, "is_flag", False):
                    yield parameter.opts[0]
                else:
                    yield f"{parameter.opts[0]}={each}"
        if getattr(self.options, "gpus", 0) and context.params.get("gpus_per_trial", "") is None:
            yield "--gpus-per-trial=1"  # an autoscaler may begin with no GPU, and Ray would show none
        yield "--cluster=running"
        yield f"--home={home}"

    def _check(self, name: str, option: str, value: str) -> None:
        """Refuse what others could read, and what is not there.

        Raises:
            RequestError: if `value` has a password or a line break, or names a file of this machine alone.
        """
        if masked(value) != value:
            raise RequestError(
                f"{option} {masked(value)}: others could read the secret in what is submitted; leave the "
                "secret out, and give it by a variable, such as --place secrets=PGPASSWORD"
            )
        if not value.isprintable():
            raise RequestError(f"{option} {value!r}: must be one line of printable text")
        if (
            name in FOLDERS
            and not self.is_here
            and (value.startswith((".", "~")) or _is_relative_file(value))
        ):
            raise RequestError(
                f"{option} {value}: {self.name} does not have the files of this machine; give the absolute "
                "path that the file has there"
            )

    def _warnings(self, context: typer.Context, home: str) -> Iterator[str]:
        missing = [
            f"--{name.replace('_', '-')}"
            for name in URLS
            if name in context.params and not context.params[name]
        ]
        if missing and not self.is_here and not self.place.lasts(self.options):
            yield (
                f"not every machine of {self.name} has the home {home}, or the home ends with its machine: "
                f"give {', '.join(missing)}, or a --home that all machines share and that stays"
            )


def _show(files: dict[str, str]) -> None:
    """Print the files; one file alone is printed as it is, so that a scheduler can read it."""
    for name, text in files.items():
        sys.stdout.write(text if len(files) == 1 else f"# {shlex.quote(name)}\n{text}\n")
    sys.stdout.flush()


def _is_given(context: typer.Context, name: str) -> bool:
    """Whether the command line has the parameter `name`."""
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def _is_relative_file(value: str) -> bool:
    return not value.startswith("/") and (value.endswith(".py") or Path(value).exists())
