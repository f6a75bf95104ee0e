"""The options of the commands: the type, the default, the help and the completion of each one, once.

Options that travel together are a group, a frozen dataclass (see `groups.py`); the largest group is in
`budget.py`. `requested.py` makes a request of the groups.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from study.cli import completion
from study.planning.request import Artifacts

__all__ = [
    "DEFAULT_HOME",
    "OUTPUT",
    "WHAT",
    "WHERE",
    "ClusterOption",
    "HomeOption",
    "HomesOption",
    "JsonOption",
    "OnWhat",
    "RegisterOption",
    "SetOption",
    "SpaceArgument",
    "StudyArgument",
    "Where",
]

WHAT, ON, WHERE, OUTPUT = "What to study", "On what", "Where it runs and what it stores", "Output"
"""The panels of the help."""

DEFAULT_HOME = Path("kdstudy-home")
LEAST_PART = 0.0001  # Ray counts GPUs in parts of this size


def _gpus(text: str) -> str | float:
    if text == "auto":
        return text
    try:
        gpus = float(text)
    except ValueError:
        gpus = -1
    if not 0 <= gpus < float("inf") or (gpus > 1 and gpus % 1) or 0 < gpus < LEAST_PART:
        raise typer.BadParameter(f"must be a whole number of GPUs, a part of one GPU, or auto, not {text!r}")
    return gpus


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
        help="The name of a place to run, a .py file that exports CLUSTER, or HOST:PORT of a Ray that runs.",
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

RegisterOption = Annotated[
    str | None,
    typer.Option(
        "--register",
        metavar="NAME",
        help="At the end, register the best student in MLflow as model NAME, with the alias best.",
        rich_help_panel=OUTPUT,
    ),
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
        str | None,
        typer.Option(metavar="A,B,C", help="Only these languages are scored.", rich_help_panel=ON),
    ] = None
    train_languages: Annotated[
        str | None,
        typer.Option(
            metavar="A,B,C",
            help="Students are trained on these languages alone, or on half:SEED (a random half) or but:CODE "
            "(all but one); the others are scored as unseen.",
            rich_help_panel=ON,
        ),
    ] = None
    teacher_languages: Annotated[
        str | None,
        typer.Option(
            metavar="A,B,C", help="The same for the teacher; the default is all.", rich_help_panel=ON
        ),
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
    artifacts: Annotated[
        Artifacts,
        typer.Option(
            help="What MLflow's runs receive besides numbers: files (figures, tables, predictions, the "
            "report) and models, files alone, or none of them.",
            rich_help_panel=WHERE,
        ),
    ] = "all"

    @property
    def given_urls(self) -> dict[str, str]:
        """The URLs that the user gave."""
        urls = {name: getattr(self, name) for name in ("tracking_uri", "ledger_url", "storage_url")}
        return {name: url for name, url in urls.items() if url}
