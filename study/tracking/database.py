"""MLflow's database as a file of the home: locked by another process, or moved with the home."""

from __future__ import annotations

import logging
import sqlite3
import time
from contextlib import closing, suppress
from pathlib import Path

from study.errors import RequestError, StudyStopped

__all__ = ["move_artifacts", "wait_until_free"]

LOCKED = 120.0  # seconds that a database may be locked by another process
HOLDERS = (
    ("runs", "artifact_uri", "experiment_id = ?"),
    ("logged_models", "artifact_location", "experiment_id = ?"),
    (
        "model_versions",
        "storage_location",
        "run_id IN (SELECT run_uuid FROM runs WHERE experiment_id = ?)",
    ),
)
"""Tables with paths of artifacts: the table, the column, and which rows are those of an experiment."""
log = logging.getLogger(__name__)


def wait_until_free(path: Path) -> None:
    """Wait while another process has locked MLflow's database at `path`, such as a backup.

    MLflow itself would try for a minute without a word, and then show a piece of SQL.

    Raises:
        RequestError: if the file is damaged; its studies can write their record again.
        StudyStopped: if the database is locked for longer than `LOCKED`.
    """
    until, waiting = time.monotonic() + LOCKED, False
    while path.exists():
        try:
            with closing(
                sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", timeout=1.0, uri=True)
            ) as one:
                one.execute("BEGIN EXCLUSIVE")
                return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error):  # whoever opens the database next has the words for this
                return
        except sqlite3.DatabaseError as error:
            raise RequestError(
                f"MLflow's database {path}: is damaged: {error}; put it back from a backup, or move it away: "
                "then `kdstudy status --sync` writes the record of each study again"
            ) from None
        if time.monotonic() > until:
            raise StudyStopped(
                f"MLflow's database {path}: another process has locked it; try again when that has ended"
            )
        if not waiting:
            log.warning("waiting for MLflow's database %s: another process has locked it", path)
            waiting = True
        time.sleep(0.2)


def move_artifacts(database: Path, location: str) -> None:
    """Let the studies of the home's `database` keep their artifacts at `location`, where the home is now.

    MLflow stores absolute paths: those of an experiment, and of each of its runs and models. If the home was
    copied or moved, these paths lead to the old place, which may be gone or another user's. If the database
    cannot be written to now, its next use moves them.
    """
    ours = "SELECT experiment_id FROM experiment_tags WHERE key = 'kdstudy.study'"
    moved = (
        "SELECT experiment_id, artifact_location FROM experiments WHERE artifact_location <> ? "
        f"AND artifact_location LIKE '%/mlartifacts' AND experiment_id IN ({ours})"
    )
    place = f"{database.absolute().as_uri()}?mode=rw"
    with suppress(sqlite3.DatabaseError), closing(sqlite3.connect(place, uri=True)) as one, one:
        for experiment, before in one.execute(moved, (location,)).fetchall():
            for table, column, which in HOLDERS:
                one.execute(
                    f"UPDATE {table} SET {column} = ? || substr({column}, ?) "
                    f"WHERE {which} AND substr({column}, 1, ?) = ?",
                    (location, len(before) + 1, experiment, len(before), before),
                )
            one.execute(
                "UPDATE experiments SET artifact_location = ? WHERE experiment_id = ?",
                (location, experiment),
            )
