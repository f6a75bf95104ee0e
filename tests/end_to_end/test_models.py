"""The models that a study leaves in MLflow: what they answer, and that each is there once."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlflow
import pytest
import yaml
from mlflow import MlflowClient
from mlflow.models import Model

from study.home import Home
from study.ledger.study import OpenStudy
from study.tracking.database import move_artifacts
from study.tracking.models import process
from study.tracking.models.logged import LoggedModels
from study.tracking.models.students import best_student, best_students, logs_models

README = Path(__file__).parents[2] / "study" / "tracking" / "README.md"
ARMS = ("init=random", "init=teacher")
LANGUAGES = 3
ODD = ["7", "None", "{'text': 'a'}", "", "bäkösta ṣéní 我想 " * 300]
"""Texts that somebody could take for something else than a text, and one that is too long for the model."""


@dataclass(frozen=True)
class Copy:
    """A finished study in a home that a test may change."""

    home: Path
    name: str

    @property
    def client(self) -> MlflowClient:
        return MlflowClient(f"sqlite:///{self.home / 'mlflow.db'}")

    @property
    def models(self) -> list[Any]:
        """All models of the study, by arm and time."""
        experiment = self.client.get_experiment_by_name(self.name)
        assert experiment is not None
        found = self.client.search_logged_models([experiment.experiment_id])
        return sorted(found, key=lambda model: (model.tags["kdstudy.arm"], model.creation_timestamp))

    @property
    def study(self) -> OpenStudy:
        return OpenStudy.at(Home(self.home), self.name, looks=True)

    def run(self, phase: str, arm: str) -> Any:
        query = f"tags.`kdstudy.identity` = '{phase}/{arm}'"
        (run,) = self.client.search_runs([self.models[0].experiment_id], query)
        return run


def copy_of(finished: Any, place: Path) -> Copy:
    home = Path(shutil.copytree(finished.home, place))
    move_artifacts(home / "mlflow.db", (home / "mlartifacts").as_uri())  # as `kdstudy ui` does
    return Copy(home, finished.name)


@pytest.fixture(scope="module")
def logged(finished: Any, tmp_path_factory: pytest.TempPathFactory) -> Copy:
    """For tests that only read: a copy in another place, so the models have moved with their home."""
    return copy_of(finished, tmp_path_factory.mktemp("logged") / "home")


@pytest.fixture
def mine(finished: Any, tmp_path: Path) -> Copy:
    return copy_of(finished, tmp_path / "home")


@pytest.fixture(scope="module")
def exported(logged: Copy, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The best student of the study, as `kdstudy export` writes it, loaded by transformers alone."""
    from transformers import pipeline

    out = tmp_path_factory.mktemp("exported") / "student"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [*f"kdstudy export {logged.name} --out".split(), str(out)])
        patch.setattr(sys, "argv", [*sys.argv, "--home", str(logged.home)])
        from study.cli.app import main

        with pytest.raises(SystemExit):
            main()
    return pipeline("text-classification", model=str(out), device="cpu")


@pytest.fixture(scope="module")
def texts(asked: Any) -> list[str]:
    """Texts of each language that no student was trained on, and odd ones."""
    rows = [json.loads(line) for line in (asked.task / "test.jsonl").read_text("utf-8").splitlines()]
    return [row["text"] for row in rows[:40]] + ODD


@contextmanager
def record_at(study: Copy) -> Iterator[None]:
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(f"sqlite:///{study.home / 'mlflow.db'}")
    try:
        yield
    finally:
        mlflow.set_tracking_uri(before)


def best_of(study: Copy) -> Any:
    record = best_student(study.study)
    return next(model for model in study.models if record and model.tags["kdstudy.key"] == record.key)


# What is there


def test_each_arm_has_its_best_student_as_a_model(logged: Copy) -> None:
    assert [model.tags["kdstudy.arm"] for model in logged.models] == list(ARMS)
    for model, record in zip(
        logged.models, sorted(best_students(logged.study), key=lambda r: r.arm), strict=True
    ):
        assert model.status == "READY"
        assert model.tags["kdstudy.key"] == record.key
        assert model.tags["kdstudy.best"] == "true"
        assert model.name == record.arm
        assert model.params == {name: str(value) for name, value in record.config.effective().items()}
        scores = {metric.key: metric.value for metric in model.metrics}
        assert scores["validation/accuracy/macro"] == record.value
        assert model.source_run_id == logged.run("arm", record.arm).info.run_id


def test_the_runs_of_arm_and_trial_show_the_model(logged: Copy) -> None:
    for model in logged.models:
        for run in (
            logged.run("arm", model.tags["kdstudy.arm"]),
            logged.run("trial", model.tags["kdstudy.key"]),
        ):
            assert [output.model_id for output in run.outputs.model_outputs] == [model.model_id]


def test_a_model_is_safetensors_and_text_with_exact_versions_and_an_example_a_language(
    logged: Copy, finished: Any
) -> None:
    from importlib.metadata import version

    for model in logged.models:
        (folder,) = logged.home.glob(f"mlartifacts/models/{model.model_id}/artifacts")
        assert model.artifact_location == folder.as_uri()
        files = [path for path in folder.rglob("*") if path.is_file()]
        kinds = {path.suffix for path in files}
        assert kinds == {"", ".json", ".safetensors", ".txt", ".yaml"}
        for path in files:  # everything but the weights is text
            if path.suffix != ".safetensors":
                assert str(finished.home) not in path.read_text("utf-8")
        about = yaml.safe_load((folder / "MLmodel").read_text())
        assert about["model_id"] == model.model_id
        assert about["metadata"]["key"] == model.tags["kdstudy.key"]
        assert json.loads(about["signature"]["inputs"])[0]["name"] == "text"
        wanted = {name: version(name).partition("+")[0] for name in ("torch", "transformers", "mlflow")}
        lines = (folder / "requirements.txt").read_text().split()
        assert lines == [f"{name}=={number}" for name, number in wanted.items()]
        assert len(json.loads((folder / "input_example.json").read_text())["data"]) == LANGUAGES


# What a model answers


def test_a_loaded_model_answers_as_the_exported_student_does(
    logged: Copy, exported: Any, texts: list[str]
) -> None:
    import pandas as pd

    with record_at(logged):
        model = mlflow.pyfunc.load_model(f"models:/{best_of(logged).model_id}")
    answers = model.predict(pd.DataFrame({"text": texts})).to_dict("records")
    check_same(answers, exported(texts, truncation=True))
    assert len({answer["label"] for answer in answers}) > 1
    example = model.input_example
    assert len(model.predict(example)) == len(example) == LANGUAGES


def check_same(answers: list[dict[str, Any]], wanted: list[dict[str, Any]]) -> None:
    assert [one["label"] for one in answers] == [one["label"] for one in wanted]
    assert [one["score"] for one in answers] == pytest.approx([one["score"] for one in wanted], abs=1e-6)


@pytest.mark.long
def test_a_registered_model_is_served_as_the_page_says(
    mine: Copy, exported: Any, texts: list[str], kdstudy: Any, monkeypatch: Any
) -> None:
    """The commands of the page, on loopback."""
    (block,) = re.findall(r"```\n(kdstudy [^`]*mlflow models serve[^`]*)```", README.read_text("utf-8"))
    register, address, serve, curl = block.strip().splitlines()
    words = register.split()
    assert words[:3] == ["kdstudy", "run", "quickstart"]
    answer = kdstudy("resume", mine.name, *words[3:], "--home", mine.home)
    assert answer.code == 0, answer.err

    variable, _, uri = address.removeprefix("export ").partition("=")
    assert (variable, uri) == ("MLFLOW_TRACKING_URI", "sqlite:////home/me/kdstudy-home/mlflow.db")
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = str(one.getsockname()[1])
    assert "-h 127.0.0.1 -p 5001" in serve
    here = os.environ | {variable: f"sqlite:///{mine.home / 'mlflow.db'}", "HF_HUB_OFFLINE": "1"}
    here["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    url = re.search(r"http://\S+", curl.replace("5001", port))
    assert url is not None
    body = json.loads(re.search(r"-d '(.*)'", curl)[1])  # type: ignore[index]
    assert list(body) == ["inputs"]
    with subprocess.Popen(serve.replace("5001", port).split(), env=here, start_new_session=True) as server:
        try:
            wait_for(f"http://127.0.0.1:{port}/ping", server)
            check_same(
                asked_of(url[0], body)["predictions"], exported([row["text"] for row in body["inputs"]])
            )
            rows = [{"text": text} for text in texts]
            answers = asked_of(url[0], {"inputs": rows})["predictions"]
        finally:
            with suppress(ProcessLookupError):
                os.killpg(server.pid, signal.SIGTERM)
    check_same(answers, exported(texts, truncation=True))


def wait_for(url: str, server: Any) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        assert server.poll() is None, "the server has ended"
        with suppress(OSError):
            urllib.request.urlopen(url, timeout=5).read()
            return
        time.sleep(0.3)
    pytest.fail("the server does not answer")


def asked_of(url: str, body: Any) -> Any:
    head = {"Content-Type": "application/json"}
    request = urllib.request.Request(url, json.dumps(body).encode(), head)
    return json.loads(urllib.request.urlopen(request, timeout=60).read())


# Once, whatever happens


def test_another_call_starts_no_process_and_adds_no_model(
    mine: Copy, command: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = [model.to_dictionary() for model in mine.models]
    monkeypatch.setattr(process, "_run", lambda arguments: pytest.fail("a process"))
    for line in ("resume {}", "status {} --sync"):
        assert command(*line.format(mine.name).split(), "--home", mine.home).code == 0
    assert [model.to_dictionary() for model in mine.models] == before


@pytest.mark.long
def test_models_come_back_with_a_lost_database_and_damaged_weights_cost_one_line(
    mine: Copy, command: Any
) -> None:
    best = {record.arm: record for record in best_students(mine.study)}
    (weights,) = (mine.study.trials / best["init=random"].key).rglob("model.safetensors")
    whole = weights.read_bytes()
    weights.write_bytes(whole[:100])
    (mine.home / "mlflow.db").unlink()
    answer = command("status", mine.name, "--sync", "--home", mine.home)
    assert answer.code == 0
    (line,) = [line for line in answer.err.splitlines() if "lacks" in line]
    assert line.startswith("MLflow lacks models of the study: ")
    assert "weights cannot be loaded" in line
    assert "Traceback" not in answer.err
    weights.write_bytes(whole)
    assert "lacks" not in command("status", mine.name, "--sync", "--home", mine.home).err
    assert [model.tags["kdstudy.arm"] for model in mine.models] == list(ARMS)
    assert {model.status for model in mine.models} == {"READY"}
    assert not list(mine.study.folder.glob(".model-*"))


@pytest.mark.long
def test_an_arm_whose_weights_are_not_stored_has_no_model_and_nothing_is_trained(
    mine: Copy, command: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for student in mine.study.trials.glob("*/attempt-*/student"):
        shutil.rmtree(student)
    (mine.home / "mlflow.db").unlink()
    monkeypatch.setattr(process, "_run", lambda arguments: pytest.fail("a process"))
    answer = command("status", mine.name, "--sync", "--home", mine.home)
    assert answer.code == 0
    assert "lacks" not in answer.err
    assert mine.models == []


def written(folder: Path) -> tuple[Path, Model]:
    """The folder of a model and its description, as `write_model` returns them, without the weights."""
    folder.mkdir()
    return folder, Model()


def test_a_better_student_gets_a_model_and_the_former_one_is_marked(mine: Copy, tmp_path: Path) -> None:
    study = mine.study
    (former,) = [model for model in mine.models if model.tags["kdstudy.arm"] == "init=random"]
    better = next(
        record
        for record in study.ledger.records()
        if record.phase == "search"
        and record.arm == "init=random"
        and record.key != former.tags["kdstudy.key"]
    )
    LoggedModels(study).log(better, *written(tmp_path / "model"))
    arm = [model for model in mine.models if model.tags["kdstudy.arm"] == "init=random"]
    marks = {model.tags["kdstudy.key"]: model.tags["kdstudy.best"] for model in arm}
    assert marks == {former.tags["kdstudy.key"]: "false", better.key: "true"}
    outputs = mine.run("arm", "init=random").outputs.model_outputs
    assert {output.model_id for output in outputs} == {model.model_id for model in arm}


def test_a_kill_before_the_files_leaves_a_model_that_the_next_call_completes(
    mine: Copy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study, before = mine.study, len(mine.models)
    record = next(r for r in study.ledger.records() if r.key not in LoggedModels(study).ready())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(MlflowClient, "log_model_artifacts", _killed)
        with pytest.raises(KeyboardInterrupt):
            LoggedModels(study).log(record, *written(tmp_path / "one"))
    assert record.key not in LoggedModels(study).ready()
    for name in ("two", "three"):
        LoggedModels(study).log(record, *written(tmp_path / name))
        assert record.key in LoggedModels(study).ready()
        assert len(mine.models) == before + 1


def _killed(*_: Any, **__: Any) -> None:
    raise KeyboardInterrupt


def test_the_process_ends_with_the_command_that_has_started_it(mine: Copy) -> None:
    """Its standard input ends when that command ends, however that happens."""
    line = [sys.executable, "-m", "study.tracking.models.process", str(mine.home), mine.name]
    with subprocess.Popen(line, stdin=subprocess.PIPE, cwd=README.parents[2]) as started:
        assert started.stdin is not None
        started.stdin.close()
        assert started.wait(60) == 2


# The registered model


def versions(study: Copy) -> list[Any]:
    return list(study.client.search_model_versions("name = 'intents'"))


def test_the_best_student_is_registered_once(mine: Copy, command: Any) -> None:
    for _ in range(2):
        answer = command("resume", mine.name, "--register", "intents", "--home", mine.home)
        assert answer.code == 0, answer.err
        assert "the best student is registered: models:/intents@best" in answer.err
        (version,) = versions(mine)
    best = best_of(mine)
    assert version.source == f"models:/{best.model_id}"
    assert version.tags == {name: best.tags[name] for name in ("kdstudy.study", "kdstudy.arm", "kdstudy.key")}
    assert mine.client.get_model_version_by_alias("intents", "best").version == version.version
    mine.client.delete_registered_model_alias("intents", "best")
    assert command("resume", mine.name, "--register", "intents", "--home", mine.home).code == 0
    assert len(versions(mine)) == 1
    assert mine.client.get_model_version_by_alias("intents", "best").version == version.version


@pytest.mark.parametrize("name", ["a/b", "a:b", " ", ""])
def test_a_name_that_mlflow_refuses_is_refused_before_anything_is_written(
    name: str, logged: Copy, asked: Any, command: Any, tmp_path: Path
) -> None:
    new = ("run", asked.space, *asked.on, "--home", tmp_path / "home", "--register", name)
    finished = ("resume", logged.name, "--home", logged.home, "--register", name)
    for line in (new, finished):
        answer = command(*line)
        assert answer.code == 2
        assert answer.err.strip().count("\n") == 0
        assert "--register" in answer.err
    assert not (tmp_path / "home").exists()


def test_without_artifacts_the_registered_model_alone_is_logged(
    mine: Copy, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = mine.study
    monkeypatch.setattr(process, "logs_models", lambda study: False)
    monkeypatch.setattr(LoggedModels, "ready", lambda self: {})
    models = LoggedModels(study)
    assert process._lacking(study, models, None) == []
    assert process._lacking(study, models, "intents") == [best_student(study)]


@pytest.mark.parametrize(
    ("artifacts", "wanted"), [(None, True), ("all", True), ("files", False), ("none", False)]
)
def test_models_are_logged_only_with_all_artifacts(
    artifacts: str | None, wanted: bool, logged: Copy, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = logged.study
    plan = study.ledger.require_plan()
    changed = plan.model_copy(update={"request": plan.request | {"artifacts": artifacts}})
    monkeypatch.setattr(study.ledger, "require_plan", lambda: changed)
    assert logs_models(study) is wanted
