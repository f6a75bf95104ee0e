"""Links into MLflow's UI: to a saved view of a study, and to a run. This module imports no MLflow."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

__all__ = ["FIRST", "LIST", "TAG", "recorded_studies", "run_link", "runs_link", "view_link", "without_user"]

TAG = "mlflow.sharedViewState."
"""What the tag of a saved view begins with; the id of the view follows."""
FIRST, LIST = "kdstudy-arms", "kdstudy-failures"
"""The id of the view to begin with, and of the view that is a list of runs, without charts."""


def view_link(url: str, experiment: str, view: str = FIRST) -> str:
    """The link to the view with the id `view` of an experiment, on the server at `url`."""
    mode = "" if view == LIST else "&compareRunsMode=CHART"
    return f"{runs_link(url, experiment)}{mode}&viewStateShareKey={view}"


def runs_link(url: str, experiment: str) -> str:
    """The link to the runs of an experiment, on the server at `url`."""
    return f"{url.rstrip('/')}/#/experiments/{experiment}/runs?workflowType=machine_learning"


def run_link(experiment: str, run: str) -> str:
    """The link to the page of a run, on the same server."""
    return f"#/experiments/{experiment}/runs/{run}?workflowType=machine_learning"


def without_user(url: str) -> str:
    """`url` without user and password, which a browser asks for."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def recorded_studies(database: Path) -> dict[str, tuple[str, bool]]:
    """The studies in MLflow's `database`: name -> (id of the experiment, whether it has our views)."""
    query = (
        "SELECT named.value, named.experiment_id, EXISTS (SELECT 1 FROM experiment_tags AS view WHERE "
        "view.experiment_id = named.experiment_id AND view.key = ?) FROM experiment_tags AS named "
        "JOIN experiments USING (experiment_id) "
        "WHERE named.key = 'kdstudy.name' AND lifecycle_stage = 'active' ORDER BY named.value"
    )
    try:
        with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)) as one:
            rows = one.execute(query, (TAG + FIRST,)).fetchall()
    except sqlite3.Error:  # whoever opens the database next has the words for this
        return {}
    return {str(name): (str(experiment), bool(views)) for name, experiment, views in rows}
