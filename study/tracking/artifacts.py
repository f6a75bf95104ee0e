"""Files that people look at, as artifacts of MLflow's runs: figures, tables, predictions, the report.

Each run has a tag with the hash of what its files were made of. If the tag says the same, nothing is made and
nothing is sent. The tag is written after the files: if a kill comes between, the next call sends the files
again, and they replace those of the same name.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pandas as pd

from study.config import digest
from study.errors import RequestError, plain_reason
from study.ledger.records import Record, State
from study.ledger.study import OpenStudy
from study.tracking.predictions import TestTexts
from study.tracking.tracker import Tracker

__all__ = ["SOURCE", "Files", "WritePredictions", "files_of_trials", "send_files"]

SOURCE = "kdstudy.artifacts"
"""The tag of a run: the hash of what its files were made of."""
LOGGED = "mlflow.loggedArtifacts"
"""MLflow's tag for files that its UI shows as tables and `mlflow.load_table` reads."""

WritePredictions = Callable[[pd.DataFrame, str, Path], None]


@dataclass(frozen=True)
class Files:
    """The files of one run. source: the hash of what they are made of. write: writes them into a folder."""

    source: str
    write: Callable[[Path], None]


def send_files(study: OpenStudy, files: Mapping[str, Files]) -> str:
    """Send `files`, by the identities of their runs, in their order.

    Runs that have their files already are passed over. Returns why MLflow's artifacts are out of reach, for
    example because a server names a folder of its own machine; else "".

    Raises:
        RequestError: if the study is being run (its driver sends by itself), or if MLflow is away. The next
            call makes up for it.
    """
    # With a bar for each file, MLflow would write over the tables of the terminal.
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    with study.lease() as lease:
        try:
            tracker = Tracker.of(study)
            for run, of_run in files.items():
                if lease.holds():
                    tracker.mending(partial(_send, tracker, run, of_run))
        except (PermissionError, FileNotFoundError, NotADirectoryError) as error:
            return plain_reason(error)
        except RequestError:
            raise
        except Exception as error:  # each kind of store raises errors of its own
            raise RequestError(f"study {study.name}: MLflow is away ({plain_reason(error)})") from error
    return ""


def files_of_trials(study: OpenStudy, write: WritePredictions, form: int) -> dict[str, Files]:
    """The files of the complete confirm runs, by the identities of the runs.

    write: writes the files of a confirm run, of its predictions and what it is, into a folder. form: another
    number means that these files look otherwise, so that they are sent again. A trial is a function of its
    key, and so are its files.
    """
    records = [r for r in study.ledger.records() if r.phase == "confirm" and r.outcome == State.COMPLETE]
    if not records:
        return {}
    texts = TestTexts(study.store, records[0].config)

    def write_if_there(record: Record, folder: Path) -> None:
        predictions = texts.predictions(study.trials / record.key)
        if predictions is not None:
            write(predictions, f"{record.arm}, seed {record.config.seed}", folder)

    return {
        f"trial/{record.key}": Files(digest([form, record.key]), partial(write_if_there, record))
        for record in records
    }


def _send(tracker: Tracker, identity: str, files: Files) -> None:
    """Send `files` to the run `identity`, unless the run has them or is not there."""
    runs = tracker.runs
    run = runs.id_of(identity)
    if run is None or runs.tag(run, SOURCE) == files.source:
        return
    with tempfile.TemporaryDirectory(prefix="kdstudy-") as folder:
        files.write(Path(folder))
        names = sorted(path.name for path in Path(folder).iterdir())
        if names:
            runs.client.log_artifacts(run, folder)
    tables = [{"path": name, "type": "table"} for name in names if name.endswith(".json")]
    runs.set_tags(run, {SOURCE: files.source} | ({LOGGED: json.dumps(tables)} if tables else {}))
