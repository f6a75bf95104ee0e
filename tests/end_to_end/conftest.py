"""The command line from outside: real processes, Ray, Optuna and MLflow, on a study of seconds."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

SPACE = """
from study.space import Range, SearchSpace

SPACE = SearchSpace(
    question="Does a copied student beat a new one?",
    scientific={"init": ("teacher", "random")},
    nuisance={"learning_rate": Range(low=1e-3, high=1e-2, log=True)},
    fixed={
        "steps": 80,
        "batch_size": 16,
        "teacher_steps": 120,
        "teacher_batch_size": 16,
        "teacher_learning_rate": 3e-3,
    },
    trials=3,
    confirm_seeds=1,
    reports=4,
)
"""
PLANNED = 2 * 3 + 2 * 1
COMMAND = Path(sys.executable).with_name("kdstudy")


@dataclass(frozen=True)
class Answer:
    """What a command left behind."""

    code: int
    out: str
    err: str


@dataclass
class Running:
    """A command under way in a process group of its own, and what it has started."""

    process: subprocess.Popen[str]
    log: Path
    started: dict[int, str] = field(default_factory=dict)

    def wait_until(self, condition: Callable[[], Any], timeout: float = 180) -> None:
        deadline = time.monotonic() + timeout
        while not condition():
            assert self.process.poll() is None, f"ended with {self.process.returncode}: {self.stderr()}"
            assert time.monotonic() < deadline, f"not in time: {self.stderr()}"
            time.sleep(0.1)

    def stderr(self) -> str:
        return self.log.read_text(encoding="utf-8")

    def finish(self, timeout: float = 120) -> Answer:
        out, _ = self.process.communicate(timeout=timeout)
        return Answer(self.process.returncode, out, self.stderr())

    def kill(self) -> None:
        """SIGKILL the whole process group, and then what of its descendants (Ray's daemons) is left."""
        self.started |= _descendants(self.process.pid)
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        if self.process.stdout:
            self.process.stdout.close()
        deadline = time.monotonic() + 15  # Ray's daemons notice that their driver is gone
        while self.left() and time.monotonic() < deadline:
            time.sleep(0.2)
        for pid in self.left():
            os.kill(pid, signal.SIGKILL)

    def workers(self, title: str) -> list[int]:
        """Ray's workers at the task called `title`."""
        there = {pid: Path(f"/proc/{pid}/cmdline") for pid in _descendants(self.process.pid)}
        return [pid for pid, line in there.items() if line.exists() and title in line.read_text()]

    def left(self) -> list[int]:
        """Processes that the command started and that are still there."""
        return [pid for pid, begun in self.started.items() if _stat(pid)[1] == begun]


def _stat(pid: int) -> tuple[int, str]:
    """Parent and time of birth of a process that has not ended; a pid alone may be another's by now."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0, ""
    return (0, "") if fields[0] == "Z" else (int(fields[1]), fields[19])


def _descendants(root: int) -> dict[int, str]:
    """Processes below `root`, each with its time of birth."""
    processes = {int(entry.name): _stat(int(entry.name)) for entry in Path("/proc").glob("[0-9]*")}
    found: dict[int, str] = {}
    generation = {root}
    while generation:
        generation = {pid for pid, (parent, _) in processes.items() if parent in generation}
        found |= {pid: processes[pid][1] for pid in generation}
    return found


@dataclass(frozen=True)
class Kdstudy:
    """The installed command, run in `folder` by `python` with nothing of the caller's settings."""

    folder: Path
    python: Path
    running: list[Running] = field(default_factory=list)

    def __call__(self, *arguments: str | Path, timeout: float = 240, **environment: str) -> Answer:
        return self.start(*arguments, **environment).finish(timeout)

    def start(self, *arguments: str | Path, **environment: str) -> Running:
        mine = {k: v for k, v in os.environ.items() if not k.startswith(("KDSTUDY_", "RAY_", "MLFLOW_"))}
        log = self.folder / f"stderr-{len(self.running)}"
        with log.open("w") as err:
            process = subprocess.Popen(
                [str(part) for part in (self.python, COMMAND, *arguments)],
                cwd=self.folder,
                env=mine | {"HF_HUB_OFFLINE": "1"} | environment,
                stdout=subprocess.PIPE,
                stderr=err,
                text=True,
                start_new_session=True,
            )
        self.running.append(Running(process, log))
        return self.running[-1]


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
    from study.cli import main

    def run(*arguments: str | Path, **environment: str) -> Answer:
        monkeypatch.setattr(sys, "argv", ["kdstudy", *map(str, arguments)])
        monkeypatch.delenv("KDSTUDY_HOME", raising=False)
        for name, value in ({"HF_HUB_OFFLINE": "1"} | environment).items():
            monkeypatch.setenv(name, value)
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capsys.readouterr()
        return Answer(int(ended.value.code or 0), captured.out, captured.err)

    return run


@dataclass(frozen=True)
class Asked:
    """A study that can be asked for: its space, task and model, all in folders with awkward names."""

    space: Path
    task: Path
    model: Path

    @property
    def on(self) -> list[str]:
        """The options that say on what."""
        return ["--task", str(self.task), "--model", str(self.model)]


@pytest.fixture(scope="session")
def asked(task_folder: Path, model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Asked:
    """A user's own space, far from the repository; paths with spaces and letters that are not ASCII."""
    folder = tmp_path_factory.mktemp("ìṣẹ́ mi, 我的")
    (folder / "my_space.py").write_text(SPACE)
    task = shutil.copytree(task_folder, folder / "ìbéèrè errands")
    model = shutil.copytree(model_folder, folder / "mödel tiny")
    return Asked(folder / "my_space.py", task, model)


@dataclass(frozen=True)
class Finished:
    """A study that was run to its end, and what the command said."""

    home: Path
    name: str
    answer: Answer


@pytest.fixture(scope="session")
def finished(kdstudy: Kdstudy, asked: Asked, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """One study for all tests that only read."""
    home = tmp_path_factory.mktemp("at home, ở nhà") / "home"
    answer = kdstudy("run", asked.space, *asked.on, "--home", home)
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


def _tree(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        for path in sorted(folder.rglob("*"))
    }


@pytest.fixture(scope="session")
def tree() -> Callable[[Path], dict[str, str]]:
    """All that is in a folder: names, and the content of files."""
    return _tree


@dataclass(frozen=True)
class Recorded:
    """What MLflow and the ledger hold of one study."""

    runs: list[Any]
    metric_rows: list[tuple[Any, ...]]
    records: list[Any]

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

    from study.ledger import Ledger

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
