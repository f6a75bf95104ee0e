"""MLflow's record in a home: whatever was lost, deleted, renamed or moved there, a sync brings it back."""

from __future__ import annotations

import logging
import os
import shutil
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient
from mlflow.tracking._tracking_service import utils

from study.errors import RequestError, StudyStopped
from study.home import Home
from study.ledger.progress import summary
from study.ledger.records import State
from study.ledger.study import OpenStudy
from study.tracking import database
from study.tracking.database import move_artifacts, wait_until_free
from study.tracking.journal import Journal, find_unsent, unsent_mark
from study.tracking.outbox import Outbox
from study.tracking.posts import Posts
from study.tracking.store import check_moved
from study.tracking.sync import sync_study
from study.tracking.tracker import Tracker
from study.trial.progress import Progress

NAME = "demo"
ENDS = ("complete", "failed", "pruned", "complete")


@pytest.fixture(scope="module")
def recorded(
    fast_sqlite: None,
    make_plan: Callable[..., Any],
    make_report: Callable[..., Progress],
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """A home with one finished study, of which MLflow has everything."""
    home = Home(tmp_path_factory.mktemp("recorded") / "home")
    home.begin(NAME, {})
    study = OpenStudy.at(home, NAME)
    arms = {"init": ("random", "teacher")}
    study.ledger.open(make_plan(name=NAME, trials=2, confirm_seeds=0, scientific=arms))
    with Outbox() as outbox:
        posts = Posts(outbox, Tracker.of(study), study.folder, study.store)
        for outcome in ENDS:
            record = study.ledger.ask_search()
            assert record is not None
            folder = study.trials / record.key
            journal = Journal(folder)
            journal.add(make_report(1, 0.4))
            journal.add(make_report(2, 0.5, "complete") if outcome == "complete" else make_report(2, 0.5))
            if outcome == "failed":
                (folder / "traceback.txt").write_text("Traceback ...\nValueError: no")
            posts.trial(record, journal, State(outcome))
            study.ledger.tell(record, State(outcome), 0.55)
        posts.progress(summary(study.ledger.require_plan(), study.ledger.records(), driver=None), now=True)
        posts.study([], "finish", len(ENDS))
        assert outbox.finish(60), outbox.away
    study.ledger.storage.remove_session()
    study.ledger.storage.engine.dispose()
    assert find_unsent(study.trials) == []
    return home.root


@pytest.fixture
def home(recorded: Path, tmp_path: Path) -> Home:
    """A copy of the home, at another place; this process does not know the old one, as a new one does not."""
    utils._artifact_repos_cache.clear()
    return Home(shutil.copytree(recorded, tmp_path / "home"))


@pytest.fixture
def before(recorded: Path) -> dict[str, Any]:
    """What MLflow has at first. It is read at the old place: MLflow keeps a database open."""
    return record_of(Home(recorded))


def client_of(home: Home) -> MlflowClient:
    return MlflowClient(home.tracking_uri)


def experiment_of(home: Home) -> Any:
    (found,) = client_of(home).search_experiments(filter_string="tags.`kdstudy.name` = 'demo'")
    return found


SHOWN = ("progress/", "best/")
"""What the metrics on the progress of study and arms begin with."""


def record_of(home: Home, ids: bool = False) -> dict[str, Any]:
    """All that MLflow has of each run of the study, by identity: every metric row, with its time.

    How far study and arms are has the time at which it was shown, and a description has ids of runs.
    """
    mlflow, found = client_of(home), {}
    every = mlflow.search_runs([experiment_of(home).experiment_id])
    identities = {run.info.run_id: run.data.tags["kdstudy.identity"] for run in every}
    assert len(set(identities.values())) == len(every), "a run is there twice"
    for run in every:
        tags = {k: v for k, v in run.data.tags.items() if k.startswith("kdstudy.") and k != "kdstudy.note"}
        assert "mlflow.note.content" in run.data.tags or tags["kdstudy.phase"] == "teacher"
        parent = run.data.tags.get("mlflow.parentRunId")
        rows = [
            (metric.key, metric.step, 0 if metric.key.startswith(SHOWN) else metric.timestamp, metric.value)
            for name in run.data.metrics
            for metric in mlflow.get_metric_history(run.info.run_id, name)
        ]
        assert len(rows) == len(set(rows))
        found[identities[run.info.run_id]] = (
            run.info.status,
            tags,
            parent and identities[parent],
            run.data.params,
            sorted(rows),
            run.info.run_id if ids else "",
        )
    return found


def lose_the_database(home: Home) -> None:
    home.database.unlink()


def delete_the_experiment(home: Home) -> None:
    client_of(home).delete_experiment(experiment_of(home).experiment_id)


def delete_the_experiment_for_good(home: Home) -> None:
    delete_the_experiment(home)
    with closing(sqlite3.connect(home.database)) as base, base:
        for table in ("metrics", "latest_metrics", "params", "tags"):
            base.execute(f"delete from {table}")
        for table in ("runs", "experiment_tags"):
            base.execute(f"delete from {table} where experiment_id <> 0")
        base.execute("delete from experiments where experiment_id <> 0")


def delete_runs(home: Home) -> None:
    """A trial's, and the one of the arm of another trial."""
    mlflow, of_trials = client_of(home), {}
    for run in mlflow.search_runs([experiment_of(home).experiment_id]):
        of_trials[run.data.tags["kdstudy.identity"]] = run.info.run_id
    trial = next(name for name in of_trials if name.startswith("trial/"))
    for gone in (trial, "arm/init=random", "study"):
        mlflow.delete_run(of_trials[gone])


def delete_runs_for_good(home: Home) -> None:
    delete_runs(home)
    with closing(sqlite3.connect(home.database)) as base, base:
        gone = "(select run_uuid from runs where lifecycle_stage = 'deleted')"
        for table in ("metrics", "latest_metrics", "params", "tags"):
            base.execute(f"delete from {table} where run_uuid in {gone}")
        base.execute("delete from runs where lifecycle_stage = 'deleted'")


def go_back_to_an_older_copy(home: Home) -> None:
    """A backup: the runs are open, and have no results yet."""
    with closing(sqlite3.connect(home.database)) as base, base:
        base.execute("update runs set status = 'RUNNING', end_time = null")
        base.execute("delete from metrics where step > 3")
        base.execute("delete from latest_metrics where step > 3 or key = 'seconds'")
        base.execute("delete from tags where key in ('kdstudy.outcome', 'kdstudy.trials')")


def rename_the_experiment(home: Home) -> None:
    client_of(home).rename_experiment(experiment_of(home).experiment_id, "my best study")


def change_tags(home: Home) -> None:
    """Of each arm's first trial and of an arm, in MLflow's UI."""
    mlflow = client_of(home)
    for run in mlflow.search_runs([experiment_of(home).experiment_id]):
        of_a_trial = run.data.tags.get("kdstudy.number") == "1" and "kdstudy.key" in run.data.tags
        if of_a_trial or run.data.tags["kdstudy.identity"] == "arm/init=random":
            for tag in ("kdstudy.arm", "kdstudy.phase"):
                mlflow.set_tag(run.info.run_id, tag, "oops")


def duplicate_a_run_and_delete_another(home: Home) -> None:
    mlflow, experiment = client_of(home), experiment_of(home).experiment_id
    runs = [run for run in mlflow.search_runs([experiment]) if "kdstudy.outcome" in run.data.tags]
    one, other = runs[:2]
    mlflow.create_run(experiment, tags=one.data.tags)
    mlflow.delete_run(other.info.run_id)


LOSSES = [
    (change_tags, 2),
    (duplicate_a_run_and_delete_another, 1),
    (lose_the_database, 4),
    (delete_the_experiment, 0),
    (delete_the_experiment_for_good, 4),
    (delete_runs, 1),
    (delete_runs_for_good, 2),
    (go_back_to_an_older_copy, 4),
    (rename_the_experiment, 0),
]


@pytest.mark.parametrize(("lose", "sent"), LOSSES, ids=[lose.__name__ for lose, _ in LOSSES])
def test_whatever_was_lost_in_mlflow_comes_back_once_with_the_times_of_its_rows(
    home: Home, before: dict[str, Any], lose: Callable[[Home], None], sent: int
) -> None:
    lose(home)
    found = sync_study(home, NAME)
    assert found == sent or (lose is delete_runs_for_good and found >= 1)
    assert record_of(home) == before
    assert find_unsent(home.trials(NAME)) == []
    again = record_of(home, ids=True)
    assert sync_study(home, NAME) == 0
    assert record_of(home, ids=True) == again


def test_a_journal_that_was_lost_too_is_written_again_from_the_result(
    home: Home, before: dict[str, Any]
) -> None:
    from dataclasses import asdict, replace

    from study.storage.attempts import attempt_folder, write_ending

    for folder in home.trials(NAME).iterdir():
        last = Journal(folder).last
        if last is None or last.result is None:
            continue
        own = attempt_folder(folder, 1)
        own.mkdir()
        reports = [asdict(replace(report, result=None)) for report in Journal(folder).reports]
        write_ending(own, reports, last.result | {"key": folder.name})
        (folder / "progress.jsonl").unlink()
    lose_the_database(home)
    assert sync_study(home, NAME) == len(ENDS)
    assert record_of(home) == before


# A home at another place


def test_artifacts_follow_the_home(home: Home, recorded: Path) -> None:
    """The traceback of a trial that fails after a move goes to the new place, and is read there."""
    mlflow = client_of(home)
    assert experiment_of(home).artifact_location == (recorded / "mlartifacts").as_uri()
    files = sorted(recorded.rglob("*"))
    (failed,) = mlflow.search_runs([experiment_of(home).experiment_id], "attributes.status = 'FAILED'")
    unsent_mark(home.trials(NAME) / failed.data.tags["kdstudy.key"]).touch()
    shutil.rmtree(home.root / "mlartifacts")
    assert sync_study(home, NAME) == 1
    assert experiment_of(home).artifact_location == (home.root / "mlartifacts").as_uri()
    for run in mlflow.search_runs([experiment_of(home).experiment_id]):
        assert run.info.artifact_uri.startswith((home.root / "mlartifacts").as_uri() + "/")
    (text,) = (home.root / "mlartifacts").rglob("traceback.txt")
    assert text.read_text().endswith("ValueError: no")
    read = mlflow.download_artifacts(failed.info.run_id, "traceback.txt")
    assert Path(read).read_text() == text.read_text()
    assert sorted(recorded.rglob("*")) == files


def test_a_move_leaves_the_artifacts_of_others_where_they_are(home: Home) -> None:
    mlflow = client_of(home)
    theirs = mlflow.create_experiment("somebody's", "file:///elsewhere/mlartifacts")
    move_artifacts(home.database, "file:///new/mlartifacts")
    assert mlflow.get_experiment(theirs).artifact_location == "file:///elsewhere/mlartifacts"
    assert experiment_of(home).artifact_location == "file:///new/mlartifacts"


def test_a_traceback_that_cannot_be_stored_does_not_keep_a_run_open(
    home: Home, before: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server may keep its artifacts in a folder of its own machine."""

    def refused(*_: Any, **__: Any) -> None:
        raise PermissionError(13, "Permission denied", "/srv/mlflow")

    lose_the_database(home)
    monkeypatch.setattr(MlflowClient, "log_text", refused)
    assert sync_study(home, NAME) == len(ENDS)
    assert record_of(home) == before


# A record at another address


def test_a_record_may_move_to_another_address_if_it_is_the_same_study(home: Home, tmp_path: Path) -> None:
    study_id = OpenStudy.at(home, NAME, looks=True).ledger.study_id
    moved, empty = tmp_path / "moved.db", tmp_path / "empty.db"
    shutil.copy(home.database, moved)
    MlflowClient(f"sqlite:///{empty}").search_experiments()
    check_moved(f"sqlite:///{moved}", home.tracking_uri, NAME, study_id)
    with pytest.raises(RequestError, match=r"has no record of study demo, whose id is .*; its record is at"):
        check_moved(f"sqlite:///{empty}", home.tracking_uri, NAME, study_id)
    with pytest.raises(RequestError, match="another study has this name in MLflow"):
        check_moved(f"sqlite:///{moved}", home.tracking_uri, NAME, "another id")
    home.database.unlink()  # nothing is left of it: the record is written again
    check_moved(f"sqlite:///{empty}", home.tracking_uri, NAME, study_id)
    check_moved(f"sqlite:///{tmp_path / 'absent.db'}", home.tracking_uri, NAME, study_id)
    assert not (tmp_path / "absent.db").exists(), "to check writes nothing"
    check_moved(f"sqlite:///{empty}", "http://127.0.0.1:9", NAME, study_id)


# A database that another process has locked


def test_a_locked_database_is_waited_for_with_a_word(home: Home, caplog: pytest.LogCaptureFixture) -> None:
    locker = sqlite3.connect(home.database, check_same_thread=False)
    locker.execute("BEGIN EXCLUSIVE")
    release = threading.Timer(1.5, locker.rollback)
    release.start()
    with caplog.at_level(logging.WARNING):
        wait_until_free(home.database)
    release.join()
    locker.close()
    assert caplog.messages == [
        f"waiting for MLflow's database {home.database}: another process has locked it"
    ]


def test_a_database_that_stays_locked_stops_in_plain_words(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "LOCKED", 0.0)
    with closing(sqlite3.connect(home.database)) as locker:
        locker.execute("BEGIN EXCLUSIVE")
        with pytest.raises(
            StudyStopped, match=r"^MLflow's database \S+: another process has locked it; try "
        ):
            sync_study(home, NAME)
    assert sync_study(home, NAME) == 0


def test_a_database_that_is_missing_or_cannot_be_written_is_not_waited_for(tmp_path: Path) -> None:
    wait_until_free(tmp_path / "mlflow.db")
    assert os.listdir(tmp_path) == []


def test_a_damaged_database_is_one_line_that_says_how_the_record_comes_back(
    home: Home, before: dict[str, Any]
) -> None:
    home.database.write_text("no database")
    with pytest.raises(
        RequestError, match=r"mlflow.db: is damaged: file is not a database; put it back .* or"
    ):
        sync_study(home, NAME)
    home.database.rename(home.root / "away")
    assert sync_study(home, NAME) == len(ENDS)
    assert record_of(home) == before
