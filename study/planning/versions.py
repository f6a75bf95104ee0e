"""Which code a study runs on: the commit of this program, and the versions of what decides its numbers."""

from __future__ import annotations

import platform
import subprocess
from functools import cache
from importlib import metadata
from pathlib import Path

__all__ = ["code_commit", "code_version", "library_versions"]

PACKAGES = ("kdstudy", "torch", "transformers", "ray", "optuna", "mlflow")


@cache
def code_version() -> str:
    """The commit of this code, if it runs from a checkout; otherwise `unknown`."""
    return _described() or "unknown"


@cache
def code_commit() -> tuple[str, bool] | None:
    """The whole hash of the commit of this code, and whether files differ from it; None if it is unknown."""
    commit, _, dirty = _described("--abbrev=40", "--exclude=*").partition("-")
    return (commit, bool(dirty)) if commit else None


def _described(*how: str) -> str:
    """What `git describe` says of the checkout of this code; empty if there is no checkout or no git."""
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty", *how]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    except OSError:  # git is not installed
        return ""


def library_versions() -> dict[str, str | None]:
    """Versions of Python and of `PACKAGES`, without importing them; None for a package that is missing."""
    return {"python": platform.python_version()} | {name: _version(name) for name in PACKAGES}


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
