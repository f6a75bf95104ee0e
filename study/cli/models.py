"""The models that a study leaves in MLflow: the best student of each arm, and the registered one."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from study.cli.console import note

if TYPE_CHECKING:
    from study.home import Home

__all__ = ["check_register", "log_models"]


def check_register(name: str | None) -> None:
    """Check the name of `--register`, if one is given.

    Raises:
        RequestError: if MLflow refuses the name.
    """
    if name is not None:
        from study.tracking.models.registry import check_name

        check_name(name)


def log_models(home: Home, name: str, registered: str | None = None) -> None:
    """Let MLflow have the models of the study `name`; one line says why, if MLflow cannot have them now.

    registered: the name under which the best student is registered.
    """
    from study.tracking.models import process

    if (why := process.log_models(home, name, registered)) is not None:
        again = f"kdstudy resume {shlex.quote(name)}{home.option}"
        again += f" --register {shlex.quote(registered)}" if registered else ""
        note(f"MLflow lacks models of the study: {why}; try again with: {again}")
    elif registered is not None:
        note(f"the best student is registered: models:/{registered}@best")
