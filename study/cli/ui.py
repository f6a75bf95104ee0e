"""`kdstudy ui`: MLflow's own UI on what is recorded in the home."""

from __future__ import annotations

import getpass
import os
import shlex
import socket
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from study.cli.console import note, say
from study.cli.options import DEFAULT_HOME, WHERE, HomeOption
from study.errors import RequestError

if TYPE_CHECKING:
    from study.home import Home

__all__ = ["ui", "ui_lines"]

PORT = 5000

BEGIN = "begin with: kdstudy run quickstart"


def ui(
    home: HomeOption = DEFAULT_HOME,
    port: Annotated[
        int,
        typer.Option(
            min=1, max=65535, help="The port; only this machine can reach it.", rich_help_panel=WHERE
        ),
    ] = PORT,
    tracking_uri: Annotated[
        str | None,
        typer.Option(
            help="MLflow's URL of a server that runs: only the links to its studies are printed.",
            rich_help_panel=WHERE,
        ),
    ] = None,
) -> None:
    """MLflow's own UI on what is recorded in the home, with a link to the first view of each study.

    Examples:

    kdstudy ui
    kdstudy ui --home here --port 8080
    kdstudy ui --tracking-uri http://mlflow:5000
    """
    from study.errors import masked
    from study.home import Home

    if tracking_uri is not None:
        for name, link in _links_on_server(tracking_uri).items():
            say(f"{name}  {link}")
        return
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
    from study.tracking.page.links import recorded_studies, runs_link, view_link

    wait_until_free(the_home.database)
    move_artifacts(the_home.database, (the_home.root / "mlartifacts").as_uri())
    url = f"http://127.0.0.1:{port}"
    note(f"{url} (Ctrl-C ends it)")
    if (line := _ssh_line(port)) is not None:
        note(f"only this machine can reach it; forward the port with: {line}")
    for name, (experiment, views) in recorded_studies(the_home.database).items():
        note(f"{name}  {(view_link if views else runs_link)(url, experiment)}")
    os.environ["PYTHONSAFEPATH"] = "1"  # else a file here that is called like a library would be imported
    os.execv(sys.executable, command)


def ui_lines(home: Home, name: str) -> list[str]:
    """How to read the study `name` of `home` in MLflow's UI: a command or a link, each in a line.

    If the record is on a server that is away now, there is no line.
    """
    from study.tracking.page.links import recorded_studies, runs_link, view_link

    uri = home.urls(name)["tracking_uri"]
    if uri == home.tracking_uri:
        lines = [f"MLflow UI  kdstudy ui{home.option}"]
        if found := recorded_studies(home.database).get(name):
            experiment, views = found
            link = (view_link if views else runs_link)(f"http://127.0.0.1:{PORT}", experiment)
            lines.append(f"           then {link}")
        return lines
    if not uri.startswith(("http:", "https:")):
        return []
    try:
        there = _links_on_server(uri)
    except RequestError:
        return []
    return [f"MLflow UI  {there[name]}"] if name in there else []


def _links_on_server(uri: str) -> dict[str, str]:
    """Name of each study on the MLflow server at `uri` -> the link to its first view.

    Raises:
        RequestError: if the server does not answer.
    """
    from study.tracking.page.links import runs_link, view_link, without_user
    from study.tracking.store import studies_on_server

    return {
        name: (view_link if views else runs_link)(without_user(uri), experiment)
        for name, (experiment, views) in studies_on_server(uri).items()
    }


def _ssh_line(port: int) -> str | None:
    """The command that forwards `port` to where this user has come from by ssh; None without ssh."""
    match os.environ.get("SSH_CONNECTION", "").split():  # sshd(8), ENVIRONMENT
        case [_, _, host, at]:
            option = "" if at == "22" else f"-p {at} "
            user = shlex.quote(getpass.getuser())
            return f"ssh -N -L {port}:127.0.0.1:{port} {option}{user}@{host}"
    return None


def _check_free(port: int) -> None:
    """Raises RequestError if another program listens at `port`, or the port may not be used."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server does
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            why = error.strerror or str(error)
            raise RequestError(f"port {port} of 127.0.0.1: {why}; choose another --port") from None
