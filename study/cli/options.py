"""The options that commands share: their types, ranges and help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from study.errors import did_you_mean
from study.planning.samplers import samplers

__all__ = [
    "ClusterOption",
    "ConcurrencyOption",
    "CpusOption",
    "FullVocabularyOption",
    "GpusOption",
    "HomeOption",
    "HomesOption",
    "JsonOption",
    "LanguagesOption",
    "ModelOption",
    "NameOption",
    "SamplerOption",
    "SeedsOption",
    "SetOption",
    "SharedOption",
    "StorageOption",
    "TaskOption",
    "TeacherOption",
    "TrialsOption",
]

HomeOption = Annotated[Path, typer.Option("--home", envvar="KDSTUDY_HOME", help="Where everything is kept.")]
HomesOption = Annotated[
    list[Path],
    typer.Option("--home", envvar="KDSTUDY_HOME", help="Where it was recorded; several are read as one."),
]
TaskOption = Annotated[str, typer.Option(help="A registered task, a folder, or hub:REPO[:CONFIG].")]
LanguagesOption = Annotated[str | None, typer.Option(help="Only these languages: a,b,c.")]
SharedOption = Annotated[
    bool, typer.Option("--drop-shared", help="Drop training texts shared with other splits.")
]
FullVocabularyOption = Annotated[
    bool,
    typer.Option("--full-vocabulary", help="Train all token embeddings: slower, and the same numbers."),
]
ModelOption = Annotated[
    str, typer.Option(help="Base model: a hub id or a folder; default the embedded encoder.")
]
TeacherOption = Annotated[str, typer.Option(help="A fine-tuned teacher: a folder or a hub id.")]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", help="key=value fixes, key=a,b gives levels, key=low..high a range."),
]
StorageOption = Annotated[
    str | None,
    typer.Option(
        help="Also keep checkpoints and artifacts there (s3://BUCKET/PREFIX): for nodes that share "
        "no file system, and to go on from another machine."
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON alone.")]
NameOption = Annotated[str | None, typer.Option(help="The study's name; default the space's.")]


def _sampler(name: str) -> str:
    if name not in samplers():
        known, near = ", ".join(map(repr, samplers())), did_you_mean(name, samplers())
        raise typer.BadParameter(f"{name!r} is not one of {known}{near}")
    return name


SamplerOption = Annotated[
    str | None,
    typer.Option(
        parser=_sampler,
        metavar="|".join(samplers()),
        help="; ".join(f"{s.name}: {s.about}" for s in samplers().values()) + ". Default: the space's.",
    ),
]
TrialsOption = Annotated[int | None, typer.Option(min=1, help="Search trials per arm.")]
SeedsOption = Annotated[int | None, typer.Option(min=0, help="Confirm runs per arm.")]
ClusterOption = Annotated[str, typer.Option(help="A cluster's name, or HOST:PORT of a running Ray.")]
ConcurrencyOption = Annotated[
    int | None, typer.Option(min=1, help="Trials at once; default: as many as fit.")
]
CpusOption = Annotated[float | None, typer.Option(min=0.1, help="CPUs a trial; default 1.")]


def _gpus(text: str) -> str | float:
    if text == "auto":
        return text
    try:
        gpus = float(text)
    except ValueError:
        gpus = -1
    if not 0 <= gpus < float("inf"):
        raise typer.BadParameter(f"a number of GPUs, a part of one, or auto, not {text!r}")
    return gpus


GpusOption = Annotated[
    Any,
    typer.Option(
        parser=_gpus,
        metavar="NUMBER|auto",
        help="GPUs a trial; default 1 where there are any; auto: as many trials share one as fit.",
    ),
]
