"""MLflow's store: checked before a study begins, and made if it is a file of the home."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities import Experiment

from study.errors import RequestError, first_line

__all__ = ["check_ours", "check_tracking", "is_server", "make_database"]

# The outbox tries again. MLflow's client must not: if the server's answer was lost, a retry of the client
# would make a second run; and while a server is away, the client would try for minutes without a word.
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "30")
os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")


def check_tracking(uri: str, name: str, study_id: str | None) -> None:
    """Check, before anything is written, that the study `name` can be recorded at `uri`.

    study_id: the id of a study that has begun already; None before its first run. A study that has begun goes
    on if its server is away now.

    Raises:
        RequestError: if MLflow refuses the store, no server answers, or the name is another study's.
    """
    try:
        found = MlflowClient(tracking_uri=uri).get_experiment_by_name(name)
    except Exception as error:  # each kind of store raises errors of its own
        if study_id is not None and is_server(uri):
            return
        raise RequestError(f"--tracking-uri {uri}: {first_line(error)}") from None
    if found is not None:
        check_ours(found, study_id)


def make_database(path: Path) -> None:
    """Make MLflow's database at `path`, if it is missing.

    The database is made beside `path`, and renamed when it is complete: after a kill in the middle of its
    tables, MLflow could never open the database again. Only one process may call this at a time.
    """
    if path.exists():
        return
    for left in path.parent.glob(".mlflow-*"):  # left by a process that was killed
        shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=".mlflow-", dir=path.parent) as beside:
        new = Path(beside) / path.name
        MlflowClient(tracking_uri=f"sqlite:///{new}").search_experiments(max_results=1)
        new.rename(path)


def check_ours(experiment: Experiment, study_id: str | None) -> None:
    """Check that `experiment` belongs to the study `study_id`.

    Raises:
        RequestError: if the experiment was deleted, or belongs to another study or to none.
    """
    if experiment.lifecycle_stage == "deleted":
        raise RequestError(
            f"study {experiment.name}: its MLflow experiment was deleted; restore it or choose another --name"
        )
    if study_id is None or experiment.tags.get("kdstudy.study") != study_id:
        raise RequestError(
            f"study {experiment.name}: another study has this name in MLflow; choose another --name"
        )


def is_server(uri: str) -> bool:
    """Return whether `uri` names a server, which may be away, and not a file."""
    return not uri.startswith(("sqlite:", "file:"))
