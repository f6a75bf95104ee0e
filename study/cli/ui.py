"""`kdstudy ui`: MLflow's own UI on what is recorded in the home."""

from __future__ import annotations

import os
import socket
import sys
from typing import Annotated

import typer

from study.cli.console import note
from study.cli.options import DEFAULT_HOME, WHERE, HomeOption
from study.errors import RequestError

__all__ = ["ui"]

BEGIN = "begin with: kdstudy run quickstart"


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
    from study.errors import masked
    from study.home import Home

    the_home = Home.at(home)
    if not the_home.database.exists():
        elsewhere = sorted({the_home.urls(name)["tracking_uri"] for name in the_home.studies()})
        where = f"its studies are recorded at {', '.join(map(masked, elsewhere))}" if elsewhere else BEGIN
        raise RequestError(f"{the_home.root}: nothing is recorded there yet; {where}")
    _check_free(port)
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", the_home.tracking_uri]
    command += ["--default-artifact-root", (the_home.root / "mlartifacts").as_uri()]
    command += ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    from study.tracking.database import move_artifacts, wait_until_free

    wait_until_free(the_home.database)
    move_artifacts(the_home.database, (the_home.root / "mlartifacts").as_uri())
    note(f"http://127.0.0.1:{port} (Ctrl-C ends it)")
    os.environ["PYTHONSAFEPATH"] = "1"  # else a file here that is called like a library would be imported
    os.execv(sys.executable, command)


def _check_free(port: int) -> None:
    """Raises RequestError if another program listens at `port`, or the port may not be used."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server does
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            why = error.strerror or str(error)
            raise RequestError(f"port {port} of 127.0.0.1: {why}; choose another --port") from None
