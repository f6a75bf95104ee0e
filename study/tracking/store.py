"""MLflow's store: checked before a study begins, and made if it is a file of the home."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import mlflow
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.utils.credentials import get_default_host_creds
from mlflow.utils.rest_utils import http_request

from study.errors import RequestError, plain_reason, refusal
from study.home import sqlite_url
from study.ledger.database import sqlite_file
from study.tracking.database import wait_until_free
from study.tracking.experiment import NAME, STUDY, find_experiment
from study.tracking.page.links import FIRST, TAG

__all__ = [
    "check_moved",
    "check_tracking",
    "is_away",
    "make_database",
    "server_version",
    "studies_on_server",
]

# The outbox tries again. MLflow's client must not: if the server's answer was lost, a retry of the client
# would make a second run; and while a server is away, the client would try for minutes without a word.
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "30")
os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")


def check_tracking(uri: str, name: str, study_id: str | None, called: str = "") -> None:
    """Check, before anything is written, that the study `name` can be recorded at `uri`.

    study_id: the id of a study that has begun already; None before its first run. A study that has begun goes
    on if its server is away now. called: the words for the store in errors; the default is the option.

    Raises:
        RequestError: if MLflow refuses the store, no server answers, the server does not let this user write,
            or the name is another study's.
        StudyStopped: if a database is locked by another process for long.
    """
    if (file := sqlite_file(uri)) is not None:
        wait_until_free(file)
    try:
        client = MlflowClient(tracking_uri=uri)
        found = find_experiment(client, name, study_id)
        if found is not None and found.lifecycle_stage == "active" and uri.startswith(("http:", "https:")):
            # A server lets some users only read. What is written here is there already.
            client.set_experiment_tag(found.experiment_id, STUDY, str(study_id))
    except RequestError:
        raise
    except Exception as error:  # each kind of store raises errors of its own
        if study_id is not None and is_away(uri, error):
            return
        raise RequestError(f"{called or f'--tracking-uri {uri}'}: {plain_reason(error)}") from None


def check_moved(uri: str, before: str, name: str, study_id: str | None) -> None:
    """Check that the record of the study `name`, which was at the URL `before`, is at `uri` now.

    If the record is at neither place, it was lost, and is made again at `uri`.

    Raises:
        RequestError: if `uri` has no record of the study and `before` has one, or `uri` cannot be read.
    """
    try:
        if _has_record(uri, name, study_id):
            return
    except RequestError:
        raise
    except Exception as error:
        raise RequestError(f"--tracking-uri {uri}: {plain_reason(error)}") from None
    try:
        lost = not _has_record(before, name, study_id)
    except Exception:  # nobody answers there, so a record there cannot be read any more
        lost = True
    if not lost:
        raise RequestError(
            f"--tracking-uri {uri}: has no record of study {name}, whose id is {study_id}; its record is at "
            f"{before}. Move that database, or leave this option away"
        )


def _has_record(uri: str, name: str, study_id: str | None) -> bool:
    """Return whether the study is on record at `uri`. MLflow would make a file that is missing."""
    file = sqlite_file(uri)
    if file is not None and not file.exists():
        return False
    return find_experiment(MlflowClient(tracking_uri=uri), name, study_id) is not None


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
        new.touch(0o666)  # the umask decides the mode; SQLite itself gives a group no writes
        MlflowClient(tracking_uri=sqlite_url(new)).search_experiments(max_results=1)
        new.rename(path)


def studies_on_server(uri: str) -> dict[str, tuple[str, bool]]:
    """The studies on the server at `uri`: name -> (id of the experiment, whether it has our views).

    Raises:
        RequestError: if the server does not answer.
    """
    try:
        found = MlflowClient(tracking_uri=uri).search_experiments(filter_string=f"tags.`{NAME}` LIKE '%'")
    except Exception as error:  # each kind of store raises errors of its own
        raise RequestError(f"--tracking-uri {uri}: {plain_reason(error)}") from None
    return {each.tags[NAME]: (str(each.experiment_id), TAG + FIRST in each.tags) for each in found}


def server_version(uri: str) -> str:
    """Return MLflow's version at `uri`: of the server, or of this program for a database; "" if unknown."""
    if not uri.startswith(("http:", "https:")):
        return str(mlflow.__version__)
    try:
        answer = http_request(get_default_host_creds(uri), "/version", "GET")
    except MlflowException:
        return ""
    return answer.text.strip() if answer.ok else ""


def is_away(uri: str, error: Exception) -> bool:
    """Return whether `error` means that the server at `uri` is away, and may come back.

    A file is never away, and a server that refuses the user has answered.
    """
    return not uri.startswith(("sqlite:", "file:")) and refusal(error) is None
