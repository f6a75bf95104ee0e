"""`kdstudy ui`: MLflow's own UI on what is recorded in the home."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from study.cli.console import note
from study.cli.options import DEFAULT_HOME, WHERE, HomeOption
from study.errors import RequestError

__all__ = ["ui"]


def ui(
    home: HomeOption = DEFAULT_HOME,
    port: Annotated[
        int,
        typer.Option(
            min=1, max=65535, help="The port; only this machine can reach it.", rich_help_panel=WHERE
        ),
    ] = 5000,
) -> None:
    """MLflow's own UI on what is recorded in the home.

    Examples:

    kdstudy ui
    kdstudy ui --home here --port 8080
    """
    from study.home import Home

    the_home = Home.at(home)
    if not the_home.database.exists():
        raise RequestError(f"{the_home.root}: nothing is recorded there yet")
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", the_home.tracking_uri]
    command += ["--default-artifact-root", (the_home.root / "mlartifacts").as_uri()]
    command += ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    from study.tracking.database import move_artifacts

    move_artifacts(the_home.database, (the_home.root / "mlartifacts").as_uri())
    note(f"http://127.0.0.1:{port} (Ctrl-C ends it)")
    os.execv(sys.executable, command)
