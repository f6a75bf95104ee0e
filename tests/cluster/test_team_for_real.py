"""Two people run two studies on one tracking stack at once, and a third reads, as its README has it."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from requests import HTTPError

from study.ledger.ledger import Ledger
from tests.cluster.team import Team, blocks, start_team
from tests.postgres import ADMIN, installed_postgres
from tests.processes import Answer
from tests.s3 import S3
from tests.small_space import small_space

pytestmark = pytest.mark.cluster

SPACE = small_space(steps=40, teacher_steps=60, trials=1, reports=2, sampler="quasi")
PLANNED = 2 * 1 + 2 * 1
NAMES = ("ada_quickstart", "ben_quickstart")
PATIENCE = 600.0  # seconds
REFUSED = "the server does not accept this user: set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"


@pytest.fixture(scope="module")
def team(s3_server: S3, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    with (
        installed_postgres(passwords=True) as postgres,
        start_team(tmp_path_factory.mktemp("team"), postgres, s3_server) as started,
    ):
        yield started


@dataclass(frozen=True)
class Studies:
    """The two studies: who runs them, where, and what was to be seen of the processes meanwhile."""

    team: Team
    asked: str
    folder: Path
    answers: dict[str, Answer]
    seen: frozenset[str]

    def command(self, block: str, home: str, storage: bool = True) -> str:
        """The README's command, on a tiny task, in a home of its own."""
        block = block.replace("quickstart --name", f"{self.asked} --name")
        assert " --storage-url" in block
        block = block if storage else block.partition(" --storage-url")[0]
        return f"export KDSTUDY_HOME={self.folder / home}\n{block}"


def command_lines() -> Iterator[str]:
    """What `ps` shows of every process."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            yield (process / "cmdline").read_text(errors="replace")
        except OSError:
            continue


@pytest.fixture(scope="module")
def studies(
    team: Team, task_folder: Path, model_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Studies:
    folder = tmp_path_factory.mktemp("studies")
    (folder / "space.py").write_text(SPACE)
    asked = f"{folder / 'space.py'} --task {task_folder} --model {model_folder} --concurrency 1"
    found = Studies(team, asked, folder, {}, frozenset())
    (run, _) = blocks("Run")
    ada = team.shell(found.command(run, "ada"), (team.users["ada"], team.roles["ada"]), **team.bucket_keys)
    of_ben = found.command(run.replace("ada", "ben"), "ben", storage=False)
    ben = team.shell(of_ben, (team.users["ben"], team.roles["ben"]))  # without a key of the bucket
    seen: set[str] = set()
    deadline = time.monotonic() + PATIENCE
    while ada.process.poll() is None or ben.process.poll() is None:
        assert time.monotonic() < deadline, ada.stderr() + ben.stderr()
        seen.update(command_lines())
        time.sleep(0.5)
    return replace(found, answers={"ada": ada.finish(), "ben": ben.finish()}, seen=frozenset(seen))


@contextmanager
def as_user(team: Team, name: str) -> Iterator[MlflowClient]:
    """MLflow's client in this process, with the variables of a user."""
    with pytest.MonkeyPatch.context() as patch:
        for variable, value in team.as_user(name).items():
            patch.setenv(variable, value)
        yield MlflowClient(team.url)


def metric_rows_twice(team: Team) -> list[Any]:
    """Metrics that have two rows at one step of one run, in MLflow's own tables."""
    engine = sa.create_engine(f"postgresql://{ADMIN}@127.0.0.1:{team.postgres.port}/mlflow")
    query = "select run_uuid, key, step from metrics group by run_uuid, key, step having count(*) > 1"
    with engine.connect() as connection:
        found = list(connection.execute(sa.text(query)))
    engine.dispose()
    return found


def recorded(team: Team, name: str) -> tuple[list[Any], list[Any]]:
    """A study's runs in MLflow, as the reader sees them, and its records in the ledger."""
    with as_user(team, "rea") as client:
        experiment = client.get_experiment_by_name(name)
        assert experiment is not None
        runs = list(client.search_runs([experiment.experiment_id], max_results=1000))
    ledger = Ledger(f"postgresql://{ADMIN}@127.0.0.1:{team.postgres.port}/kdstudy", name)
    records = ledger.records()
    ledger.storage.remove_session()
    ledger.storage.engine.dispose()
    return runs, records


def test_both_studies_end_and_each_trial_is_recorded_once(studies: Studies) -> None:
    for name, answer in zip(NAMES, studies.answers.values(), strict=True):
        assert answer.code == 0, answer.err
        assert "note: MLflow" not in answer.err
        runs, records = recorded(studies.team, name)
        keys = [
            r.data.tags["kdstudy.key"] for r in runs if r.data.tags["kdstudy.phase"] in ("search", "confirm")
        ]
        assert len(keys) == len(set(keys)) == PLANNED
        assert sorted(keys) == sorted(record.key for record in records)
        assert {record.outcome for record in records} == {"complete"}
        assert {run.info.status for run in runs} == {"FINISHED"}
    assert metric_rows_twice(studies.team) == []


def test_files_of_runs_go_through_the_server_into_the_bucket(studies: Studies) -> None:
    """Also those of the person who has no key of the bucket."""
    for name in NAMES:
        runs, _ = recorded(studies.team, name)
        assert {run.info.artifact_uri.partition(":")[0] for run in runs} == {"mlflow-artifacts"}
        (study,) = (run for run in runs if run.data.tags["kdstudy.phase"] == "study")
        with as_user(studies.team, "rea") as client:
            assert "report" in [file.path for file in client.list_artifacts(study.info.run_id)]
    kept = {path.relative_to(studies.folder).parts[0] for path in studies.folder.rglob("mlartifacts")}
    assert kept == set()


def test_no_password_is_in_a_file_or_in_an_argument(studies: Studies) -> None:
    folders = (studies.folder, studies.team.folder, studies.team.postgres.folder)
    secrets = studies.team.secrets
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    assert len(files) > 1000
    found = [
        (path, at) for path in files for at, word in enumerate(secrets) if word.encode() in path.read_bytes()
    ]
    assert found == []
    assert [line for line in studies.seen if "kdstudy" in line]
    assert [line for line in studies.seen if any(word in line for word in secrets)] == []


def test_a_reader_finds_and_reports_a_study_and_writes_nothing(studies: Studies, tmp_path: Path) -> None:
    team, (read,) = studies.team, blocks("Read")
    read = f"export KDSTUDY_HOME={tmp_path / 'home'}\n" + read.replace("--out ", f"--out {tmp_path}/")
    answer = team.shell(read, **team.as_user("rea")).finish()
    assert answer.code == 0, answer.err
    for name in NAMES:
        assert f"{name}  {team.url}/#/experiments/" in answer.out
    assert (tmp_path / "ada_quickstart-report" / "report.html").exists()
    assert not (tmp_path / "home").exists()
    runs, _ = recorded(team, NAMES[0])
    with as_user(team, "rea") as client:
        for write in (
            lambda: client.create_run(runs[0].info.experiment_id),
            lambda: client.set_tag(runs[0].info.run_id, "a", "b"),
            lambda: client.log_metric(runs[0].info.run_id, "a", 1),
            lambda: client.log_text(runs[0].info.run_id, "a", "b.txt"),
            lambda: client.delete_experiment(runs[0].info.experiment_id),
        ):
            with pytest.raises((MlflowException, HTTPError), match="403"):
                write()


def test_a_reader_of_the_ledger_sees_how_far_a_study_is_and_writes_nothing(
    studies: Studies, tmp_path: Path
) -> None:
    """With the two roles of a reader, and `study.json` in a home of the reader's own."""
    team, folder = studies.team, tmp_path / "studies" / NAMES[0]
    folder.mkdir(parents=True)
    shutil.copy(studies.folder / "ada" / "studies" / NAMES[0] / "study.json", folder)
    variables = {"KDSTUDY_HOME": str(tmp_path)} | team.as_user("rea") | team.as_role("rea")
    status = team.shell(f"kdstudy status {NAMES[0]} --json", **variables).finish()
    assert status.code == 0, status.err
    shown = json.loads(status.out)
    assert (shown["planned"], shown["complete"]) == (PLANNED, PLANNED)
    resumed = team.shell(f"kdstudy resume {NAMES[0]}", **variables).finish()
    assert resumed.code == 2
    assert len(resumed.err.splitlines()) == 1, resumed.err
    assert [path.name for path in folder.iterdir()] == ["study.json"]


@pytest.mark.parametrize("wrong", [{}, {"MLFLOW_TRACKING_USERNAME": "ada", "MLFLOW_TRACKING_PASSWORD": "no"}])
def test_without_a_password_of_mlflow_one_line_names_the_variables_and_nothing_is_written(
    studies: Studies, wrong: dict[str, str], tmp_path: Path
) -> None:
    team, home = studies.team, tmp_path / "home"
    where = f"--tracking-uri {team.url}"
    report = f"kdstudy report {NAMES[0]} {where} --out {home}"
    run = f"kdstudy run {studies.asked} --home {home} {where}"
    for command in (run, *([] if wrong else [report, f"kdstudy ui {where}"])):
        answer = team.shell(command, **wrong).finish()
        assert (answer.code, answer.out) == (2, "")
        (line,) = answer.err.splitlines()
        assert line.startswith("kdstudy: ")
        assert line.endswith(REFUSED)
    assert list(tmp_path.iterdir()) == []


def test_a_colleague_goes_on_with_a_study_once_its_owner_permits_it(studies: Studies, tmp_path: Path) -> None:
    team, (run, permit) = studies.team, blocks("Run")
    command = studies.command(run, "colleague").replace(" --concurrency", " --trials 2 --concurrency")
    again = command.replace("=ada PGUSER=ada", "=ben PGUSER=ben")
    typed = (team.users["ben"], team.roles["ben"])
    refused = team.shell(again, typed, **team.bucket_keys).finish()
    assert (refused.code, refused.out) == (2, "")
    (line,) = (line for line in refused.err.splitlines() if "kdstudy: " in line)
    assert "has not given this user the permission; the experiment's owner can give MANAGE" in line
    assert not (studies.folder / "colleague").exists()
    permitted = team.python(permit, **team.as_user("ada"))
    assert permitted.code == 0, permitted.err
    answer = team.shell(again, typed, **team.bucket_keys).finish(PATIENCE)
    assert answer.code == 0, answer.err
    runs, records = recorded(team, NAMES[0])
    keys = [r.data.tags["kdstudy.key"] for r in runs if r.data.tags["kdstudy.phase"] in ("search", "confirm")]
    assert sorted(keys) == sorted(record.key for record in records)
    assert len(keys) == len(set(keys)) > PLANNED
    assert metric_rows_twice(team) == []
