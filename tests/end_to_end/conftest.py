"""The command line from outside: real processes, Ray, Optuna and MLflow, on a study of seconds."""

from __future__ import annotations

import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from tests.in_process import caller, contents
from tests.processes import Answer, Kdstudy
from tests.small_space import small_space

SPACE = small_space(steps=80, teacher_steps=120, trials=3, reports=4)
PLANNED = 2 * 3 + 2 * 1


@pytest.fixture(scope="session")
def kdstudy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kdstudy]:
    """Runs the command, in an environment whose path has a space; whatever is left of it is ended."""
    environment = tmp_path_factory.mktemp("environment") / "my venv"
    environment.symlink_to(sys.prefix)
    command = Kdstudy(tmp_path_factory.mktemp("working directory"), environment / "bin" / "python")
    yield command
    for running in command.running:
        running.kill()


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Answer]:
    """The command's entry point in this process: as good for what starts no Ray, and far quicker."""
    return caller(monkeypatch, capsys)


HEAD = """
import sys

import ray

from cluster import find_cluster
from study.driver.ray_cluster import connected

with connected(find_cluster("local")):
    print(ray.get_runtime_context().gcs_address, flush=True)
    sys.stdin.read()
"""


@pytest.fixture(scope="session")
def on_ray() -> Iterator[list[str]]:
    """The options that run a study on a Ray which was started here, once for all tests of this process.

    With `command`, such a study loads no package and starts no Ray of its own.
    """
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", HEAD], text=True, start_new_session=True, **pipes) as head:
        assert head.stdout is not None
        yield ["--cluster", head.stdout.readline().strip()]
        assert head.poll() is None, "a study has ended a Ray that is not its own"
        head.communicate(timeout=60)


@dataclass(frozen=True)
class Question:
    """A study that can be asked for: its space, task and model, all in folders with awkward names."""

    space: Path
    task: Path
    model: Path

    @property
    def on(self) -> list[str]:
        """The options that say on what."""
        return ["--task", str(self.task), "--model", str(self.model)]

    @property
    def plain(self) -> list[str]:
        """The same, of a study that leaves no figures and models in MLflow: its end comes sooner."""
        return [*self.on, "--artifacts", "none"]


@dataclass(frozen=True)
class Finished:
    """A study that was run to its end, and what the command said."""

    home: Path
    name: str
    answer: Answer


@pytest.fixture(scope="session")
def of_all_workers(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A folder that pytest's workers share: what takes long is made by one of them."""
    own = tmp_path_factory.getbasetemp()
    shared = (own if worker_id == "master" else own.parent) / "end to end"
    shared.mkdir(exist_ok=True)
    return shared


@pytest.fixture(scope="session")
def asked(task_folder: Path, model_folder: Path, of_all_workers: Path) -> Question:
    """A user's own space, far from the repository; paths with spaces and letters that are not ASCII."""
    folder = of_all_workers / "ìṣẹ́ mi, 我的"
    asked = Question(folder / "my_space.py", folder / "ìbéèrè errands", folder / "mödel tiny")
    with FileLock(of_all_workers / "asked.lock"):
        if not asked.space.exists():
            shutil.copytree(task_folder, asked.task, dirs_exist_ok=True)
            shutil.copytree(model_folder, asked.model, dirs_exist_ok=True)
            asked.space.write_text(SPACE)  # last: it says that the others are there
    return asked


@pytest.fixture(scope="session")
def finished(kdstudy: Kdstudy, asked: Question, of_all_workers: Path) -> Finished:
    """One study for all tests that only read; where it failed, it has failed for all of them."""
    home, said = of_all_workers / "at home, ở nhà", of_all_workers / "answer.pickle"
    with FileLock(of_all_workers / "finished.lock"):
        if not said.exists():
            try:
                answer = kdstudy("run", asked.space, *asked.on, "--home", home)
            except subprocess.TimeoutExpired as late:
                answer = Answer(-1, "", str(late))
            said.write_bytes(pickle.dumps(answer))
    answer = pickle.loads(said.read_bytes())
    assert answer.code == 0, answer.err
    return Finished(home, "my_space", answer)


@pytest.fixture
def home_with_artifacts(finished: Finished, tmp_path: Path) -> Path:
    """A home without a study where the model, the teacher and its outputs are built already."""
    shutil.copytree(finished.home / "artifacts", tmp_path / "home" / "artifacts")
    return tmp_path / "home"


@pytest.fixture
def copied_home(finished: Finished, tmp_path: Path) -> Path:
    """A copy of the finished study's home, to go on with."""
    return shutil.copytree(finished.home, tmp_path / "home")


@pytest.fixture(scope="session")
def tree() -> Callable[[Path], dict[str, str]]:
    """All that is in a folder: names, and the content of files."""
    return contents


def measured(run: Any) -> dict[str, float]:
    """The metrics of a run that are numbers of the student: not its time, nor the use of its machine."""
    metrics: dict[str, float] = run.data.metrics
    return {k: v for k, v in metrics.items() if k != "seconds" and not k.startswith("system/")}


@dataclass(frozen=True)
class Recorded:
    """What MLflow and the ledger hold of one study."""

    runs: list[Any]
    metric_rows: list[tuple[Any, ...]]
    records: list[Any]

    @property
    def measured_rows(self) -> list[tuple[Any, ...]]:
        """The rows of what was measured of students; not how far a study was, nor what a machine did."""
        others = ("progress/", "best/", "system/")
        return [row for row in self.metric_rows if not row[1].startswith(others)]

    def of(self, *phases: str) -> list[Any]:
        return [run for run in self.runs if run.data.tags["kdstudy.phase"] in phases]

    @property
    def trials(self) -> dict[str, Any]:
        """The runs of trials by key."""
        return {run.data.tags["kdstudy.key"]: run for run in self.of("search", "confirm")}


@pytest.fixture(scope="session")
def read() -> Callable[..., Recorded]:
    """`read(home, name)`: what is on record, read with MLflow's own client, SQL, and Optuna."""
    import sqlite3

    from mlflow import MlflowClient

    from study.ledger.ledger import Ledger

    def read_home(home: Path, name: str) -> Recorded:
        client = MlflowClient(tracking_uri=f"sqlite:///{home / 'mlflow.db'}")
        experiment = client.get_experiment_by_name(name)
        assert experiment is not None
        runs = list(client.search_runs([experiment.experiment_id], max_results=1000))
        with sqlite3.connect(home / "mlflow.db") as database:
            rows = database.execute(
                "select m.run_uuid, m.key, m.step, m.timestamp, m.value from metrics m "
                "join runs r using (run_uuid) where r.experiment_id = ? order by 1, 2, 3, 4, 5",
                (experiment.experiment_id,),
            ).fetchall()
        database.close()
        ledger = Ledger(f"sqlite:///{home / 'studies' / name / 'optuna.db'}", name)
        records = ledger.records()
        ledger.storage.remove_session()
        ledger.storage.engine.dispose()
        return Recorded(runs, rows, records)

    return read_home


@pytest.fixture(scope="session")
def check_whole(read: Callable[..., Recorded]) -> Callable[[Path, str, int], Recorded]:
    """`check_whole(home, name, planned)`: every trial once, all ended, nothing twice."""

    def check(home: Path, name: str, planned: int) -> Recorded:
        on_record = read(home, name)
        keys = [run.data.tags["kdstudy.key"] for run in on_record.of("search", "confirm")]
        assert len(keys) == len(set(keys)) == planned
        assert sorted(keys) == sorted(record.key for record in on_record.records)
        assert {record.outcome for record in on_record.records} == {"complete"}
        assert {run.info.status for run in on_record.runs} == {"FINISHED"}
        steps = [(run, metric, step) for run, metric, step, *_ in on_record.metric_rows]
        assert len(steps) == len(set(steps))
        return on_record

    return check
