"""The scheduler's own commands, run with text on their input: no secret is an argument, which `ps` shows."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

__all__ = ["CannotSubmit", "run_tool", "values_of", "watch_tool"]


class CannotSubmit(Exception):
    """The scheduler's command is missing, or refuses. The text is one line."""


def run_tool(words: Sequence[str], text: str) -> str:
    """Run the command `words` with `text` on its input; returns what the command prints.

    Raises:
        CannotSubmit: if the command is missing or fails; the text has the command's own reason.
    """
    try:
        done = subprocess.run(words, input=text, capture_output=True, text=True, env=_environment())
    except OSError as error:
        raise CannotSubmit(_missing(words, error)) from None
    if done.returncode:
        reason = " ".join((done.stderr or done.stdout).split())
        raise CannotSubmit(f"{words[0]} refused (exit code {done.returncode}): {reason}")
    return done.stdout.strip()


def watch_tool(words: Sequence[str]) -> None:
    """Run the command `words`, which takes minutes; what the command prints is shown on stderr.

    Raises:
        CannotSubmit: if the command is missing or fails.
    """
    try:
        done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=sys.stderr, env=_environment())
    except OSError as error:
        raise CannotSubmit(_missing(words, error)) from None
    if done.returncode:
        failed = f"{' '.join(words[:2])} failed (exit code {done.returncode})"
        raise CannotSubmit(f"{failed}; its own lines are above")


def values_of(secrets: Sequence[str]) -> dict[str, str]:
    """The values of the variables `secrets` in this process's environment.

    Raises:
        CannotSubmit: if a variable is not set here.
    """
    for name in secrets:
        if name not in os.environ:
            raise CannotSubmit(f"secrets: {name} is not set here; export {name} first")
    return {name: os.environ[name] for name in secrets}


def _environment() -> dict[str, str]:
    """The environment of this process; the programs beside the interpreter are found too, such as `ray`."""
    path = f"{os.environ.get('PATH', os.defpath)}{os.pathsep}{Path(sys.executable).parent}"
    return {"RAY_USAGE_STATS_ENABLED": "0", **os.environ, "PATH": path}


def _missing(words: Sequence[str], error: OSError) -> str:
    return f"{words[0]} cannot be run here: {error.strerror}; run this command where {words[0]} is installed"
