"""A private folder of this user for each cluster: its files, its token, and its secrets."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from pathlib import Path

__all__ = ["TOKEN", "folder_of", "put"]

TOKEN = "token"


def folder_of(name: str) -> Path:
    """The folder of the cluster `name`. Nobody else may read the folder, and no repository holds it."""
    return Path.home() / ".kdstudy" / "clusters" / name


def put(folder: Path, files: Mapping[str, str]) -> None:
    """Write `files` into the private `folder`, and Ray's token if there is none yet.

    The token has 256 bits of the system's random source. The token is made once for each cluster, because
    machines that run already know the first one.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    for name, text in files.items():
        _write(folder / name, text)
    if not (folder / TOKEN).exists():
        _write(folder / TOKEN, secrets.token_hex(32))


def _write(path: Path, text: str) -> None:
    """Replace the file at once, readable by its owner alone from the first byte on."""
    new = path.with_name(f".{path.name}.new")
    new.unlink(missing_ok=True)
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    new.replace(path)
