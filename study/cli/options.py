"""The options of the commands: the type, the default, the help and the completion of each one, once.

Options that travel together are a group, a frozen dataclass (see `groups.py`). `resolved` makes an exact
request of the groups of `plan` and `run`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from study.cli import completion
from study.errors import RequestError, did_you_mean
from study.planning.samplers import samplers
from study.planning.seeds import MOST_BLOCK

if TYPE_CHECKING:
    from study.planning.request import Request
    from study.planning.resolve import Resolved

__all__ = [
    "DEFAULT_HOME",
    "OUTPUT",
    "WHAT",
    "WHERE",
    "Budget",
    "ClusterOption",
    "HomeOption",
    "HomesOption",
    "JsonOption",
    "OnWhat",
    "SetOption",
    "SpaceArgument",
    "StudyArgument",
    "Where",
    "request_of",
    "resolved",
]

WHAT, ON, WHERE, OUTPUT = "What to study", "On what", "Where it runs and what it stores", "Output"
"""The panels of the help."""

DEFAULT_HOME = Path("kdstudy-home")


def _gpus(text: str) -> str | float:
    if text == "auto":
        return text
    try:
        gpus = float(text)
    except ValueError:
        gpus = -1
    if not 0 <= gpus < float("inf"):
        raise typer.BadParameter(f"must be a number of GPUs, a part of one GPU, or auto, not {text!r}")
    return gpus


def _sampler(name: str) -> str:
    if name not in samplers():
        known, near = ", ".join(map(repr, samplers())), did_you_mean(name, samplers())
        raise typer.BadParameter(f"{name!r} is not one of {known}{near}")
    return name


HomeOption = Annotated[
    Path,
    typer.Option(
        "--home",
        envvar="KDSTUDY_HOME",
        metavar="FOLDER",
        help="The folder that stores everything.",
        rich_help_panel=WHERE,
    ),
]
HomesOption = Annotated[
    list[Path],
    typer.Option(
        "--home",
        envvar="KDSTUDY_HOME",
        metavar="FOLDER",
        help="The folder that stores the study; several homes are read as one study.",
        rich_help_panel=WHERE,
    ),
]
ClusterOption = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="The name of a cluster, or HOST:PORT of a Ray that runs.",
        rich_help_panel=WHERE,
        autocompletion=completion.clusters,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON alone.", rich_help_panel=OUTPUT)]
SpaceArgument = Annotated[
    str,
    typer.Argument(
        help="The name of a search space, or a .py file that exports SPACE.", autocompletion=completion.spaces
    ),
]
StudyArgument = Annotated[
    str, typer.Argument(help="The name of the study.", autocompletion=completion.studies)
]

SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="key=value fixes a hyperparameter, key=a,b gives levels, key=low..high gives a range; "
        "`kdstudy settings` lists the keys.",
        rich_help_panel=WHAT,
        autocompletion=completion.hyperparameters,
    ),
]


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
            parser=_sampler,
            metavar="|".join(samplers()),
            help="How the points of the search are chosen; the default is the sampler of the space. "
            "`kdstudy settings` describes each one.",
            rich_help_panel=WHAT,
            autocompletion=completion.samplers,
        ),
    ] = None


@dataclass(frozen=True)
class OnWhat:
    """On what a study or a trial runs: the data, the base model and the teacher."""

    task: Annotated[
        str,
        typer.Option(
            metavar="TASK",
            help="A registered task, a folder, or hub:REPO[:CONFIG].",
            rich_help_panel=ON,
            autocompletion=completion.tasks,
        ),
    ] = "phrasebook"
    languages: Annotated[
        str | None, typer.Option(metavar="A,B,C", help="Only these languages.", rich_help_panel=ON)
    ] = None
    drop_shared: Annotated[
        bool,
        typer.Option(
            "--drop-shared",
            help="Drop the training texts that are in validation or test too.",
            rich_help_panel=ON,
        ),
    ] = False
    model: Annotated[
        str,
        typer.Option(
            metavar="MODEL",
            help="The base model: a hub id or a folder; the default is the embedded encoder.",
            rich_help_panel=ON,
        ),
    ] = "embedded"
    teacher: Annotated[
        str,
        typer.Option(metavar="MODEL", help="A fine-tuned teacher: a folder or a hub id.", rich_help_panel=ON),
    ] = ""
    full_vocabulary: Annotated[
        bool,
        typer.Option(
            "--full-vocabulary",
            help="Train the embeddings of all tokens: slower, with the same numbers.",
            rich_help_panel=ON,
        ),
    ] = False


@dataclass(frozen=True)
class Where:
    """Where a study runs, and where it stores its results."""

    cluster: ClusterOption = "local"
    concurrency: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="N", help="Trials at once; the default is as many as fit.", rich_help_panel=WHERE
        ),
    ] = None
    cpus_per_trial: Annotated[
        float | None,
        typer.Option(min=0.1, metavar="N", help="CPUs per trial; the default is 1.", rich_help_panel=WHERE),
    ] = None
    gpus_per_trial: Annotated[
        Any,
        typer.Option(
            parser=_gpus,
            metavar="NUMBER|auto",
            help="GPUs per trial; the default is 1 if there are GPUs; "
            "auto: as many trials share a GPU as fit.",
            rich_help_panel=WHERE,
        ),
    ] = None
    home: HomeOption = DEFAULT_HOME
    tracking_uri: Annotated[
        str | None,
        typer.Option(
            metavar="URL", help="MLflow's URL; the default is a database in the home.", rich_help_panel=WHERE
        ),
    ] = None
    ledger_url: Annotated[
        str | None,
        typer.Option(
            metavar="URL", help="Optuna's URL; the default is a database in the home.", rich_help_panel=WHERE
        ),
    ] = None
    storage_url: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Store checkpoints and artifacts there too (s3://BUCKET/PREFIX), for nodes that share "
            "no file system, or to resume on another machine.",
            rich_help_panel=WHERE,
        ),
    ] = None

    @property
    def given_urls(self) -> dict[str, str]:
        """The URLs that the user gave."""
        urls = {name: getattr(self, name) for name in ("tracking_uri", "ledger_url", "storage_url")}
        return {name: url for name, url in urls.items() if url}


def request_of(space: str, on: OnWhat, where: Where | None = None) -> Request:
    """The request that the options make; its folders are absolute."""
    from study.planning.request import Request, absolute

    codes = None if on.languages is None else [code.strip() for code in on.languages.split(",")]
    names = ("cluster", "concurrency", "cpus_per_trial", "gpus_per_trial")
    return Request(
        space=space,
        task=absolute(on.task),
        model=absolute(on.model),
        teacher=absolute(on.teacher) if on.teacher else "",
        languages=None if codes is None else tuple(code for code in codes if code),
        drop_shared=on.drop_shared,
        full_vocabulary=on.full_vocabulary,
        **({} if where is None else {name: getattr(where, name) for name in names}),
    )


def resolved(space: str, budget: Budget, on: OnWhat, where: Where) -> Resolved:
    """The study that the options of `plan` or `run` request. Writes nothing.

    Raises:
        RequestError: if the request cannot be served; the text names the reason in one line.
    """
    from study.home import Home
    from study.planning.resolve import resolve
    from study.planning.shares import check_distinct
    from study.planning.spaces import load_space, override

    space_name, the_space = load_space(space)
    given = {name: getattr(budget, name) for name in ("trials", "confirm_seeds", "sampler")}
    the_space = the_space.model_copy(update={k: v for k, v in given.items() if v is not None})
    if budget.settings:  # after the sampler, so that the sampler is checked with the ranges as they will be
        the_space = override(the_space, budget.settings)
    home = Home.at(where.home)
    name = space_name if budget.name is None else budget.name
    try:
        home.study(name)  # refuses a text that is no name
    except RequestError as error:
        if budget.name is not None:
            raise
        raise RequestError(f"{space}: gives the study its name; {error}") from None
    home.check_databases(name, where.given_urls)
    found = resolve(request_of(space_name, on, where), name, the_space, home.store)
    if name not in home.studies():  # a study that has begun goes on, with the arms that it has
        check_distinct(found.plan, found.shares)
    options = {each: getattr(budget, each) for each in ("trials", "confirm_seeds", "seed_block", "tunings")}
    options["margin"] = None if budget.margin is None else budget.margin / 100
    exact = tuple(each for each, value in options.items() if value is not None)
    own = {each: options[each] for each in exact if each not in ("trials", "confirm_seeds")}
    return replace(found, plan=found.plan.model_copy(update=own | {"exact": exact}))
