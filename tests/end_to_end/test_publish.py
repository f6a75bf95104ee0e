"""What a study shows in MLflow's UI: written by `run`, brought back by `status --sync` and `report`."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from study.tracking.page.links import TAG, view_link

NOTE = "mlflow.note.content"


@dataclass(frozen=True)
class Copy:
    """A finished study in a home that a test may change."""

    home: Path
    name: str


@pytest.fixture
def shown(finished: Any, tmp_path: Path) -> Copy:
    return Copy(Path(shutil.copytree(finished.home, tmp_path / "home")), finished.name)


def client_of(study: Any) -> MlflowClient:
    return MlflowClient(f"sqlite:///{study.home / 'mlflow.db'}")


def experiment_of(study: Any) -> Any:
    found = client_of(study).get_experiment_by_name(study.name)
    assert found is not None
    return found


def runs_of(study: Any, phase: str) -> list[Any]:
    query = f"tags.kdstudy.phase = '{phase}'"
    return list(client_of(study).search_runs([experiment_of(study).experiment_id], query))


def views(study: Any) -> dict[str, str]:
    return {name: value for name, value in experiment_of(study).tags.items() if name.startswith(TAG)}


def test_views_are_written_once_and_a_users_view_stays(command: Any, shown: Any) -> None:
    study, before = shown, views(shown)
    assert len(before) == 5
    experiment = experiment_of(study).experiment_id
    client_of(study).set_experiment_tag(experiment, f"{TAG}mine", "my view")
    client_of(study).set_experiment_tag(experiment, f"{TAG}kdstudy-arms", "broken")
    for _ in range(2):
        assert command("status", study.name, "--sync", "--home", study.home).code == 0
        assert views(study) == before | {f"{TAG}mine": "my view"}
    assert view_link("", experiment) in command("status", study.name, "--home", study.home).out


def test_a_description_and_a_name_that_a_user_wrote_stay(command: Any, shown: Any) -> None:
    study, client = shown, client_of(shown)
    (arm, *_), (trial, *_) = runs_of(study, "arm"), runs_of(study, "search")
    client.set_tag(arm.info.run_id, NOTE, "my words")
    client.update_run(trial.info.run_id, name="my favourite")
    assert command("status", study.name, "--sync", "--home", study.home).code == 0
    assert client.get_run(arm.info.run_id).data.tags[NOTE] == "my words"
    assert client.get_run(trial.info.run_id).info.run_name == "my favourite"


@pytest.mark.parametrize("line", ["status {name} --sync", "report {name}", "resume {name}"])
def test_a_study_of_an_older_version_gets_names_descriptions_numbers_and_views(
    line: str, command: Any, shown: Any
) -> None:
    """Such a study has the key as a trial's name, and nothing of the others."""
    study, client = shown, client_of(shown)
    wanted = {run.info.run_id: run.info.run_name for run in runs_of(study, "search")}
    before, (arm, *_) = views(study), runs_of(study, "arm")
    numbers = arm.data.metrics
    for run in (*runs_of(study, "search"), *runs_of(study, "arm")):
        for tag in (NOTE, "kdstudy.note"):
            client.delete_tag(run.info.run_id, tag)
    for run in runs_of(study, "search"):
        client.update_run(run.info.run_id, name=run.data.tags["kdstudy.key"][:8])
    _forget(study)
    assert views(study) == {}
    done = command(*line.format(name=study.name).split(), "--home", study.home)
    assert done.code == 0, done.err
    assert views(study) == before
    assert {run.info.run_id: run.info.run_name for run in runs_of(study, "search")} == wanted
    assert all(NOTE in run.data.tags for phase in ("search", "arm") for run in runs_of(study, phase))
    assert client.get_run(arm.info.run_id).data.metrics == numbers


def _forget(study: Any) -> None:
    """Remove what MLflow's client cannot remove: tags of the experiment, and metrics of the arms' runs."""
    import sqlite3

    arms = [run.info.run_id for run in runs_of(study, "arm")]
    with sqlite3.connect(study.home / "mlflow.db") as database:
        database.execute("DELETE FROM experiment_tags WHERE key LIKE ?", (f"{TAG}%",))
        for table in ("metrics", "latest_metrics"):
            database.executemany(f"DELETE FROM {table} WHERE run_uuid = ?", [(arm,) for arm in arms])
    database.close()
