"""MLflow's rows, by its client and by SQL: the same tables in the same order, and no traceback."""

from __future__ import annotations

import math
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from analysis.record.reading import merge, read_study
from analysis.record.source import Client, Database, _check
from study.errors import RequestError, StudyStopped
from tests.analysis.recorded import assert_same, runs_of

NO_EXPERIMENT = (
    r"^nowhere: MLflow at \S+ has no experiment of this name; the study has recorded nothing there, or its "
    r"record was lost: `kdstudy status nowhere --sync` writes the record again$"
)


@pytest.fixture
def mlflow_uri(tracking_uri: str) -> str:
    """A database, as a home has it."""
    return tracking_uri


def test_an_unknown_study_is_refused(tracking_uri: str) -> None:
    with pytest.raises(
        RequestError,
        match=NO_EXPERIMENT,
    ):
        read_study(tracking_uri, "nowhere")
    with pytest.raises(
        RequestError,
        match=NO_EXPERIMENT,
    ):
        merge([Client(tracking_uri, "nowhere")], "nowhere")


@pytest.mark.parametrize(
    ("content", "why"), [(b"", "no such table: experiments"), (b"garbage", "file is not a database")]
)
def test_a_database_without_a_record_is_refused_in_plain_words(
    tmp_path: Path, content: bytes, why: str
) -> None:
    (tmp_path / "mlflow.db").write_bytes(content)
    with pytest.raises(RequestError, match=f"^demo: MLflow cannot be read: {why}$"):
        Database(f"sqlite:///{tmp_path / 'mlflow.db'}", "demo")


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("postgresql://me:secret@host/db", "postgresql://me:***@host/db"),
        ("https://me:secret@host:5000", "https://me:***@host:5000"),
        ("databricks", "databricks"),
    ],
)
def test_no_password_is_printed(uri: str, shown: str) -> None:
    with pytest.raises(RequestError) as refused:
        _check("demo", uri, [])
    assert f" at {shown} has no experiment" in str(refused.value)


def test_a_report_that_was_logged_twice_is_one_point_of_its_curve(recorder: Any) -> None:
    """With another time MLflow keeps both; the later one counts."""
    recorder.trial(0, 1, 0.5, reports=2)
    (run,) = runs_of(recorder, "search")
    recorder.tracker.runs.client.log_metric(run.info.run_id, "loss", 0.1, timestamp=1_800_000_000_000, step=3)
    curves = recorder.read().curves
    assert list(curves["step"]) == [3, 6]
    assert list(curves["loss"]) == pytest.approx([0.1, 0.5])


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_not_finite_is_missing(recorder: Any, value: float) -> None:
    key = recorder.trial(0, 0, 0.5)
    (run,) = runs_of(recorder, "search")
    for name in ("loss", "seconds", "validation/accuracy/deu"):
        recorder.tracker.runs.client.log_metric(run.info.run_id, name, value, step=1000)
    for record in (recorder.read(), merge([Client(recorder.uri, recorder.plan.name)], recorder.plan.name)):
        row = record.trials.set_index("key").loc[key]
        assert row[["training_loss", "seconds"]].isna().all()
        accuracy = record.scores_of("search", "validation", "accuracy")
        assert set(accuracy["language"]) == {"yor", "macro", "worst"}


def test_the_tables_are_those_that_mlflows_client_gives(finished: Any) -> None:
    finished.trial(0, 3, None, "diverged")
    finished.trial(1, 3, 0.2, None)
    name = finished.plan.name
    record = finished.read()
    assert (len(record.scores), len(record.curves)) == (7 * 12 + 4 * 24 + 8, 6)
    assert_same(record, merge([Client(finished.uri, name)], name))


def test_rows_stand_in_the_same_order_wherever_the_database_lies_and_however_it_was_filled(
    finished: Any, tmp_path: Path
) -> None:
    copy = tmp_path / "copy" / "other.db"
    copy.parent.mkdir()
    shutil.copy(finished.uri.removeprefix("sqlite:///"), copy)
    connection = sqlite3.connect(copy)
    for table in ("runs", "tags", "params", "latest_metrics", "metrics"):
        connection.execute(f"CREATE TABLE turned AS SELECT * FROM {table} ORDER BY rowid DESC")
        connection.execute(f"DELETE FROM {table}")
        connection.execute(f"INSERT INTO {table} SELECT * FROM turned")
        connection.execute("DROP TABLE turned")
    connection.commit()
    connection.close()
    assert_same(finished.read(), read_study(f"sqlite:///{copy}", finished.plan.name))


def test_runs_of_others_and_deleted_ones_are_no_part_of_a_study(finished: Any) -> None:
    before, client = finished.read(), finished.tracker.runs.client
    foreign = client.create_run(finished.tracker.runs.experiment, run_name="my own")
    client.log_metric(foreign.info.run_id, "validation/accuracy/deu", 0.99)
    client.log_param(foreign.info.run_id, "learning_rate", "1")
    tagged = client.create_run(finished.tracker.runs.experiment, tags={"kdstudy.phase": "search"})
    client.log_metric(tagged.info.run_id, "validation/accuracy/macro", 0.99)
    finished.trial(0, 3, 0.99)
    (late,) = (
        r for r in runs_of(finished, "search") if r.data.metrics.get("validation/accuracy/deu") == 0.99
    )
    client.delete_run(late.info.run_id)
    assert_same(before, finished.read())


@pytest.mark.parametrize("source", [Client, Database])
def test_a_renamed_experiment_is_found_by_its_tag(finished: Any, source: Any) -> None:
    before, client, name = finished.read(), finished.tracker.runs.client, finished.plan.name
    client.rename_experiment(finished.tracker.runs.experiment, f"{name}, my best study")
    assert_same(before, merge([source(finished.uri, name)], name))


@pytest.mark.parametrize("source", [Client, Database])
def test_a_study_that_is_split_over_two_experiments_is_read_as_a_whole(finished: Any, source: Any) -> None:
    """An older version made a second experiment after the first one had been renamed."""
    before, client, name = finished.read(), finished.tracker.runs.client, finished.plan.name
    client.rename_experiment(finished.tracker.runs.experiment, f"{name}, renamed")
    client.create_experiment(name, tags={"kdstudy.study": finished.tracker.runs.study_id})
    assert_same(before, merge([source(finished.uri, name)], name))


def test_a_locked_database_is_waited_for_and_then_said_in_plain_words(
    finished: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    copy = tmp_path / "copy.db"
    connection = finished_database(finished, copy)
    connection.execute("BEGIN EXCLUSIVE")
    monkeypatch.setattr("analysis.record.source.LOCKED", 6.0)
    with pytest.raises(StudyStopped, match=r": MLflow's database is locked by another process; try again "):
        read_study(f"sqlite:///{copy}", finished.plan.name)
    assert caplog.messages == ["waiting for MLflow's database: another process has locked it"]
    connection.rollback()
    connection.close()
    assert_same(finished.read(), read_study(f"sqlite:///{copy}", finished.plan.name))


def finished_database(finished: Any, copy: Path) -> sqlite3.Connection:
    """A connection to a copy of the database."""
    shutil.copy(finished.uri.removeprefix("sqlite:///"), copy)
    return sqlite3.connect(copy)


def test_a_deleted_experiment_is_refused(finished: Any) -> None:
    finished.tracker.runs.client.delete_experiment(finished.tracker.runs.experiment)
    with pytest.raises(
        RequestError,
        match=r": the MLflow experiment of this study was deleted; restore the experiment to report it: ",
    ):
        finished.read()


def test_nothing_is_written_where_there_is_no_database(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=r"^demo: MLflow at .* has no experiment of this name"):
        read_study(f"sqlite:///{tmp_path / 'none.db'}", "demo")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "uri",
    [
        "http://127.0.0.1:9",
        "nonsense://here",
        "postgresql://127.0.0.1:9/none",
        "postgresql://127.0.0.1:port/none",
        "postgresql+nosuch://127.0.0.1/none",
        "postgresql:nothing",
        "sqlite+pysqlcipher:///none.db",
    ],
)
def test_a_store_that_cannot_be_read_is_refused_in_one_line(uri: str) -> None:
    with pytest.raises(RequestError, match=r"^demo: MLflow cannot be read: [^\n]+$"):
        read_study(uri, "demo")


def test_a_file_that_is_no_database_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").write_text("not a database", encoding="utf-8")
    with pytest.raises(RequestError, match=r"^demo: MLflow cannot be read: [^\n]+$"):
        read_study(f"sqlite:///{tmp_path / 'mlflow.db'}", "demo")
