"""What a study shows in MLflow's UI: written by `run`, brought back by `status --sync` and `report`."""

from __future__ import annotations

import json
import shutil
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from mlflow import MlflowClient
from mlflow.tracking._tracking_service import utils

from study.tracking.artifacts import SOURCE
from study.tracking.page.links import TAG, view_link

NOTE = "mlflow.note.content"


@dataclass(frozen=True)
class Copy:
    """A finished study in a home that a test may change."""

    home: Path
    name: str


@pytest.fixture
def shown(finished: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Copy:
    """A copy of the finished study. MLflow would look for the files of its runs in another copy."""
    monkeypatch.setattr(utils, "_artifact_repos_cache", OrderedDict())
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


ARM = {"languages.json", "languages.png", "learning_curves.png"}
CONFIRM = {"predictions.parquet", "confusion.json", "confusion.png"}


def folder_of(study: Any, run: Any) -> Path:
    """The folder of the run's artifacts; in a copied home, MLflow names the folder of the first home."""
    return Path(study.home, "mlartifacts", run.info.run_id, "artifacts")


def files(study: Any, run: Any) -> dict[str, bytes]:
    """The artifacts of `run` by their paths, without what kdstudy itself needs."""
    folder = folder_of(study, run)
    there = {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    return {name: content for name, content in there.items() if name != "texts.json"}


def published(study: Any) -> Iterator[Any]:
    """The runs that have files beside their numbers."""
    for phase in ("study", "arm", "confirm"):
        yield from runs_of(study, phase)


def unpublish(study: Any) -> None:
    """Bring the study to where a kill came before its files were sent."""
    for run in published(study):
        client_of(study).delete_tag(run.info.run_id, SOURCE)
        for name in files(study, run):
            (folder_of(study, run) / name).unlink()


def test_arms_confirm_runs_and_the_study_have_files_that_people_look_at(finished: Any) -> None:
    arms, confirm = runs_of(finished, "arm"), runs_of(finished, "confirm")
    assert (len(arms), len(confirm)) == (2, 2)
    assert [files(finished, run).keys() for run in arms] == [ARM] * 2
    assert [files(finished, run).keys() for run in confirm] == [CONFIRM] * 2
    (study,) = runs_of(finished, "study")
    assert {"learning_curves.png", "report/report.html", "report/per_language.csv"} <= files(
        finished, study
    ).keys()
    assert [files(finished, run) for run in runs_of(finished, "search")] == [{}] * 6


def test_the_table_of_an_arm_is_read_by_mlflow_and_has_the_numbers_of_its_run(
    finished: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = f"sqlite:///{finished.home / 'mlflow.db'}"
    monkeypatch.setattr(utils, "_tracking_uri", uri)  # MLflow's load_table reads this one, not the client's
    experiment = experiment_of(finished).experiment_id
    for run in runs_of(finished, "arm"):
        table = client_of(finished).load_table(experiment, "languages.json", [run.info.run_id])
        assert list(table["language"]) == ["deu", "hau", "yor", "macro", "worst"]
        for row in json.loads(files(finished, run)["languages.json"])["data"]:
            named = dict(zip(table, row, strict=True))
            assert named["accuracy"] == run.data.metrics[f"test/accuracy/{named['language']}"]
            assert named["retention"] == run.data.metrics[f"test/retention/{named['language']}"]


def test_predictions_give_the_accuracies_of_the_run_in_every_language(finished: Any) -> None:
    for run in runs_of(finished, "confirm"):
        table = pd.read_parquet(folder_of(finished, run) / "predictions.parquet")
        right = table["label"].astype(str) == table["prediction"].astype(str)
        for language, of_language in right.groupby(table["language"].astype(str)):
            assert of_language.mean() == pytest.approx(run.data.metrics[f"test/accuracy/{language}"])
        assert table["text"].tolist() == list(range(3 * 4 * 8))
        assert table["probability"].between(1 / 4, 1).all()
        matrices = json.loads(files(finished, run)["confusion.json"])
        assert sum(row[matrices["columns"].index("texts")] for row in matrices["data"]) == len(table)


@pytest.mark.long
@pytest.mark.parametrize("again", [["status", "--sync"], ["resume"]], ids=" ".join)
@pytest.mark.parametrize("how", ["killed", "away"])
def test_files_that_were_not_sent_are_made_up_for_and_then_nothing_is_sent(
    how: str, again: list[str], command: Any, shown: Copy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kill, or the end of the server, comes after the files of one run and before its tag."""
    before = {run.info.run_id: files(shown, run) for run in published(shown)}
    unpublish(shown)
    sent: list[str] = []
    send = MlflowClient.log_artifacts

    def breaks(client: MlflowClient, run: str, folder: str) -> None:
        send(client, run, folder)
        raise KeyboardInterrupt if how == "killed" else ConnectionError("the server is away")

    def counts(client: MlflowClient, run: str, folder: str) -> None:
        sent.append(run)
        send(client, run, folder)

    sync = (*again, shown.name, "--home", shown.home)
    monkeypatch.setattr(MlflowClient, "log_artifacts", breaks)
    answer = command(*sync)
    assert answer.code == (130 if how == "killed" else 0)
    assert ("MLflow lacks numbers or files of the report" in answer.err) == (how == "away")
    assert ("the server is away" in answer.err) == (how == "away")
    assert len([run for run in published(shown) if files(shown, run)]) == 1
    monkeypatch.setattr(MlflowClient, "log_artifacts", counts)
    assert command(*sync).code == 0
    assert {run.info.run_id: files(shown, run) for run in published(shown)} == before
    assert sorted(sent) == sorted(before)
    assert command(*sync).code == 0
    assert len(sent) == len(before)


def test_a_run_whose_trial_is_of_an_older_version_has_no_predictions(command: Any, shown: Copy) -> None:
    unpublish(shown)
    for path in (shown.home / "studies" / shown.name / "trials").glob("*/attempt-*/predictions.npz"):
        path.unlink()
    assert command("status", shown.name, "--sync", "--home", shown.home).code == 0
    assert [files(shown, run).keys() for run in runs_of(shown, "confirm")] == [set()] * 2
    assert [files(shown, run).keys() for run in runs_of(shown, "arm")] == [ARM] * 2


def test_artifacts_out_of_reach_are_named_and_stop_nothing(
    command: Any, shown: Copy, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(*given: Any) -> None:
        raise PermissionError(13, "Permission denied", "/srv/mlflow")

    unpublish(shown)
    monkeypatch.setattr(MlflowClient, "log_artifacts", refuses)
    answer = command("status", shown.name, "--sync", "--home", shown.home)
    assert answer.code == 0
    assert "MLflow's runs have no files beside their numbers: " in answer.err


def test_without_artifacts_runs_have_numbers_alone_until_they_are_wanted(
    command: Any, on_ray: list[str], asked: Any, shown: Copy
) -> None:
    unpublish(shown)
    run = ("run", asked.space, *asked.on, *on_ray, "--home", shown.home)
    for line in ([*run, "--artifacts", "none"], ["status", shown.name, "--sync", "--home", shown.home]):
        answer = command(*line)
        assert answer.code == 0, answer.err
        assert [files(shown, one) for one in published(shown)] == [{}] * 5
    assert command(*run, "--artifacts", "files").code == 0
    assert all(files(shown, one) for one in published(shown))


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
