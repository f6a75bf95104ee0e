"""A request: what a user asked for, before anything of it is looked at."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from study.trial.data.sources import registered_tasks

__all__ = ["EMBEDDED", "Request", "absolute"]

EMBEDDED = "embedded"
"""Name of the default base model: the encoder that is pretrained here on phrasebook."""


@dataclass(frozen=True)
class Request:
    """On what, from which models, and where to run. Folders are absolute, so that a resume finds them."""

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

    def recorded(self) -> dict[str, Any]:
        """As the ledger keeps it."""
        return asdict(self)


def absolute(source: str) -> str:
    """`source` with a folder's path made absolute; names of tasks and of hub repositories as they are."""
    named = source == EMBEDDED or source.startswith("hub:") or source in {t.name for t in registered_tasks()}
    path = Path(source).expanduser()
    return (
        str(path.resolve()) if not named and (path.is_dir() or source.startswith((".", "/", "~"))) else source
    )
