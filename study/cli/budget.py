"""The group of options that say what to study: changes of a search space, its points, and its budgets."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from study.cli import completion
from study.cli.options import WHAT, SetOption
from study.errors import did_you_mean
from study.planning.pruners import pruners
from study.planning.samplers import samplers
from study.planning.seeds import MOST_BLOCK
from study.selection import SelectOn

__all__ = ["Budget"]


def _one_of(names: Collection[str]) -> Callable[[str], str]:
    """Reads an option that is one of `names`."""

    def read(name: str) -> str:
        if name not in names:
            known, near = ", ".join(map(repr, names)), did_you_mean(name, names)
            raise typer.BadParameter(f"{name!r} is not one of {known}{near}")
        return name

    return read


@dataclass(frozen=True)
class Budget:
    """What to study: changes of the search space, and how many trials."""

    name: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="The name of the study; the default is the name of the space.",
            rich_help_panel=WHAT,
        ),
    ] = None
    settings: SetOption = None
    vary: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=LOW..HIGH",
            help="Vary a hyperparameter over a range, or over levels key=a,b: each trial has a value of its "
            "own, and the report shows its effect. May be given several times.",
            rich_help_panel=WHAT,
            autocompletion=completion.hyperparameters,
        ),
    ] = None
    objective: Annotated[
        str | None,
        typer.Option(
            metavar="SCORE,COST,...",
            help="Several objectives, such as accuracy,latency: the study then finds the students that no "
            "other student beats. Costs are parameters, size and latency.",
            rich_help_panel=WHAT,
        ),
    ] = None
    trials: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Search trials per arm.", rich_help_panel=WHAT)
    ] = None
    confirm_seeds: Annotated[
        int | None, typer.Option(min=0, metavar="N", help="Confirm runs per arm.", rich_help_panel=WHAT)
    ] = None
    margin: Annotated[
        float | None,
        typer.Option(
            min=0.01,
            max=50,
            metavar="POINTS",
            help="A difference of at most so many points of accuracy counts as no difference; the default "
            "is 1.",
            rich_help_panel=WHAT,
        ),
    ] = None
    tunings: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="K",
            help="Tune each arm K times, each time with its own search trials and confirm runs; "
            "the default is 1.",
            rich_help_panel=WHAT,
        ),
    ] = None
    select_on: Annotated[
        SelectOn | None,
        typer.Option(
            help="The languages of the validation accuracy that selects: those that a student is trained on "
            "(seen, the default), or all.",
            rich_help_panel=WHAT,
        ),
    ] = None
    seed_block: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=MOST_BLOCK,
            metavar="N",
            help="The block that the seeds and the search points come from; the default follows from the "
            "name of the study.",
            rich_help_panel=WHAT,
        ),
    ] = None
    sampler: Annotated[
        str | None,
        typer.Option(
            parser=_one_of(samplers()),
            metavar="|".join(samplers()),
            help="How the points of the search are chosen; the default is the sampler of the space. "
            "`kdstudy settings` describes each one.",
            rich_help_panel=WHAT,
            autocompletion=completion.samplers,
        ),
    ] = None
    pruner: Annotated[
        str | None,
        typer.Option(
            parser=_one_of(pruners()),
            metavar="|".join(pruners()),
            help="Which weak trials stop early; the default is the pruner of the space. `kdstudy settings` "
            "describes each one.",
            rich_help_panel=WHAT,
            autocompletion=completion.pruners,
        ),
    ] = None
    tie: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=VALUE,...",
            help="Scientific values that go together, such as depth=2,steps=400; given once for each "
            "combination that makes arms.",
            rich_help_panel=WHAT,
        ),
    ] = None
    exclude: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=VALUE,...",
            help="Leave out the arms that have these scientific values together; may be given several times.",
            rich_help_panel=WHAT,
        ),
    ] = None
    enqueue: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Points that are tried first: a .csv or .jsonl file, a row for each point, a column for "
            "each hyperparameter. A point without scientific values is tried in every arm.",
            rich_help_panel=WHAT,
        ),
    ] = None
    from_study: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Try first what was best in each arm of this study of the home.",
            rich_help_panel=WHAT,
            autocompletion=completion.studies,
        ),
    ] = None
    reports: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="How many times a trial is scored on validation, evenly spread over its steps; the default "
            "is that of the space.",
            rich_help_panel=WHAT,
        ),
    ] = None
