"""A request: what a user wants, before any of it is checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from study.trial.data.sources import registered_tasks

__all__ = ["EMBEDDED", "Artifacts", "Request", "absolute", "absolute_file", "artifacts_of"]

EMBEDDED = "embedded"
"""The name of the default base model: the encoder that this program pretrains on phrasebook."""

Artifacts = Literal["all", "files", "none"]


@dataclass(frozen=True)
class Request:
    """A task, models, and a place to run. Folders are absolute paths, so that a resume finds them.

    space: name of the search space. task, model, teacher: a registered name, a folder, or a name on the hub;
    an empty teacher is trained for the study. languages: only these; None: all. drop_shared: drop training
    texts that stand in another split too. full_vocabulary: train all token embeddings. cluster: a name, or
    HOST:PORT. from_study: another study of the home, whose endings answer equal trials. concurrency: trials
    at once; None: as many as fit. CPUs and GPUs of a trial may be fractions. artifacts: what MLflow's runs
    receive besides numbers: files and models, files alone, or none.
    """

    space: str
    task: str = "phrasebook"
    languages: tuple[str, ...] | None = None
    drop_shared: bool = False
    full_vocabulary: bool = False
    model: str = EMBEDDED
    teacher: str = ""
    cluster: str = "local"
    concurrency: int | None = None
    cpus_per_trial: float | None = None
    gpus_per_trial: float | Literal["auto"] | None = None
    artifacts: Artifacts = "all"
    from_study: str = ""

    def recorded(self) -> dict[str, Any]:
        """The request as the ledger stores it."""
        return asdict(self)


def artifacts_of(request: Mapping[str, Any]) -> Artifacts:
    """What MLflow's runs receive besides numbers, by a `request` on record; older requests do not say it."""
    said: Artifacts = request.get("artifacts") or "all"
    return said


def absolute(source: str) -> str:
    """`source` as an absolute path if it is a folder; names of tasks and of hub repositories stay."""
    named = source == EMBEDDED or source.startswith("hub:") or source in {t.name for t in registered_tasks()}
    path = Path(source).expanduser()
    return (
        str(path.resolve()) if not named and (path.is_dir() or source.startswith((".", "/", "~"))) else source
    )


def absolute_file(cluster: str) -> str:
    """The place `cluster` with an absolute path if it is a user's file; names and addresses stay."""
    return str(Path(cluster).expanduser().resolve()) if cluster.endswith(".py") else cluster
