"""A place that submits: it renders files from typed options, and hands the files to a scheduler."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cluster.submission.options import Options

__all__ = ["Place", "Study", "name_of"]


@dataclass(frozen=True)
class Study:
    """The study that a place runs.

    name: the study's name. command: the words after `kdstudy`, as they are within the place: the study
    attaches to the place's Ray by `--cluster=running`. home: the home within the place.
    """

    name: str
    command: tuple[str, ...]
    home: str

    @property
    def words(self) -> tuple[str, ...]:
        """The whole command, `kdstudy` included."""
        return ("kdstudy", *self.command)


@dataclass(frozen=True)
class Place:
    """Where a scheduler or a cloud starts Ray, and then the study.

    description: one line. options: the pydantic model of what `--place KEY=VALUE` takes. tool: the command
    that takes the files; it must be on the path. render: the files by name, as text, which holds no secret;
    the same arguments give the same text. submit: gives the files to the tool, and returns the id of what
    was submitted. advice: the commands that watch, show and stop what was submitted, by what they do.
    home: the home within the place; if None, the place shares this machine's files and this installation, so
    `--home` means the same there and here. lasts: whether all machines have `home`, and `home` outlives them.
    """

    description: str
    options: type[Options]
    tool: str
    render: Callable[[Study, Any], dict[str, str]]
    submit: Callable[[Study, Any, dict[str, str]], str]
    advice: Callable[[Study, Any, str], dict[str, str]]
    home: str | None = None
    lasts: Callable[[Any], bool] = lambda options: True


def name_of(study: Study, longest: int = 40) -> str:
    """A name for a job, a cluster or a file: `kdstudy-` and the study's name in a-z, 0-9 and "-".

    If the study's name has other letters or is too long, a part of its hash keeps the names of two studies
    apart. The result is a DNS label (RFC 1035).
    """
    plain = re.sub(r"[^a-z0-9]+", "-", study.name.lower()).strip("-")
    digest = hashlib.sha256(study.name.encode()).hexdigest()[:6]
    room = longest - len("kdstudy-")
    if plain == study.name and len(plain) <= room:
        return f"kdstudy-{plain}"
    return "-".join(part for part in ("kdstudy", plain[: room - 7].strip("-"), digest) if part)
