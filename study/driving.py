"""Drive a study from the command line: what is shown while it runs, at its end, and where it was stopped."""

from __future__ import annotations

import shlex
import signal
import sys
from contextlib import redirect_stdout

import typer

from analysis.record.study_record import read_study
from cluster import find_cluster
from study.config import RequestError, StudyStopped
from study.console import err, out, print_findings
from study.home import Home
from study.ledger import Ledger
from study.live import view_for
from study.request import Asked
from study.run import run_study
from study.tables import status_table

__all__ = ["drive"]


def drive(asked: Asked, home: Home, given_urls: dict[str, str], retry_failed: bool = False) -> None:
    """Run `asked` to its end, and print what it found.

    Raises:
        RequestError: for a cluster that is not known, and whatever else is wrong with the request.
        typer.Exit: 130 interrupted, 1 stopped or some trials failed.
    """
    try:
        the_cluster = find_cluster(asked.request.cluster)
    except LookupError as error:
        raise RequestError(f"--cluster {error.args[0]}") from None
    name = asked.plan.name
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with view_for(err) as view, redirect_stdout(sys.stderr):  # libraries print; stdout is for tables
            found = run_study(asked, home, given_urls, the_cluster, view, retry_failed)
    except (KeyboardInterrupt, StudyStopped) as end:
        why, code = ("interrupted", 130) if isinstance(end, KeyboardInterrupt) else (f"stopped: {end}", 1)
        again = (
            f"kdstudy resume {shlex.quote(name)}{home.option}" if _is_begun(home, name) else _this_command()
        )
        go_on = f"{why}; go on with: {again}"
        err.print(go_on, highlight=False, markup=False, soft_wrap=True)
        raise typer.Exit(code) from None

    out.print(status_table(found))
    if not found["unsent"]:
        print_findings(read_study(home.urls(name)["tracking_uri"], name))
    for line in (
        f"home       {home.root}",
        f"trials     {home.trials(name)}",
        f"MLflow UI  kdstudy ui{home.option}",
        f"export     kdstudy export {shlex.quote(name)} --out student{home.option}",
    ):
        out.print(line, highlight=False, markup=False, soft_wrap=True)
    if found["failed"]:
        raise typer.Exit(1)


def _is_begun(home: Home, name: str) -> bool:
    """Whether the study's plan is on record, so that it can be resumed by its name."""
    if name not in home.studies():
        return False
    try:
        return Ledger(home.urls(name)["ledger_url"], name).plan is not None
    except RequestError:  # the ledger is away
        return True
    except StudyStopped:  # there was no room for it yet
        return False


def _this_command() -> str:
    return shlex.join(["kdstudy", *sys.argv[1:]])
