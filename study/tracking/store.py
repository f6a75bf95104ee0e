"""MLflow's store: looked at before a study begins, and made where it is a file of the home."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities import Experiment

from study.errors import RequestError

__all__ = ["check_ours", "check_tracking", "first_line", "is_server", "make_database"]

# The outbox tries again. A retry inside MLflow's client would make a second run where an answer was lost,
# and would keep silent for minutes about a server that is away.
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "30")
os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")


def check_tracking(uri: str, name: str, study_id: str | None) -> None:
    """Look, before anything is written, whether the study `name` can be recorded at `uri`.

    A server that held the study `study_id` when that began may be away by now: its study goes on.

    Raises:
        RequestError: where MLflow refuses the store, no server answers, or the name is another study's.
    """
    try:
        found = MlflowClient(tracking_uri=uri).get_experiment_by_name(name)
    except Exception as error:  # every kind of store raises its own
        if study_id is not None and is_server(uri):
            return
        raise RequestError(f"--tracking-uri {uri}: {first_line(error)}") from None
    if found is not None:
        check_ours(found, study_id)


def make_database(path: Path) -> None:
    """MLflow's own database at `path`, unless it is there: made beside it, and renamed once it is whole.

    For one process at a time. A kill while MLflow makes its tables would leave a database that it never opens
    again.
    """
    if path.exists():
        return
    for left in path.parent.glob(".mlflow-*"):  # by a process that was killed
        shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=".mlflow-", dir=path.parent) as beside:
        new = Path(beside) / path.name
        MlflowClient(tracking_uri=f"sqlite:///{new}").search_experiments(max_results=1)
        new.rename(path)


def check_ours(experiment: Experiment, study_id: str | None) -> None:
    """Raises:
    RequestError: where the experiment was deleted, or is not of the study `study_id`.
    """
    if experiment.lifecycle_stage == "deleted":
        raise RequestError(
            f"study {experiment.name}: its MLflow experiment was deleted; restore it or choose a --name"
        )
    if study_id is None or experiment.tags.get("kdstudy.study") != study_id:
        raise RequestError(
            f"study {experiment.name}: another study has this name in MLflow; choose another --name"
        )


def is_server(uri: str) -> bool:
    """Whether a process that may be away answers at `uri`."""
    return not uri.startswith(("sqlite:", "file:"))


def first_line(error: Exception) -> str:
    """What of an error fits into a line; its kind where it says nothing."""
    return str(error).strip().partition("\n")[0] or type(error).__name__
