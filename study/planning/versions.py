"""Which code a study runs on: the commit of this program, and the versions of what decides its numbers."""

from __future__ import annotations

import platform
import subprocess
from functools import cache
from importlib import metadata
from pathlib import Path

__all__ = ["code_version", "library_versions"]

PACKAGES = ("kdstudy", "torch", "transformers", "ray", "optuna", "mlflow")


@cache
def code_version() -> str:
    """The commit of this code, if it runs from a checkout; otherwise `unknown`."""
    here = Path(__file__).parent
    try:
        answer = subprocess.run(
            ["git", "-C", str(here), "describe", "--always", "--dirty"],
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError:  # git is not installed
        return "unknown"
    return answer.stdout.strip() or "unknown"


def library_versions() -> dict[str, str | None]:
    """Versions of Python and of `PACKAGES`, without importing them; None for a package that is missing."""
    return {"python": platform.python_version()} | {name: _version(name) for name in PACKAGES}


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
