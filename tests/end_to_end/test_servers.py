"""Ledger and MLflow on servers, which go away in the middle: nothing is lost, nothing comes twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from tests.end_to_end.conftest import measured
from tests.postgres import Postgres, free_port, installed_postgres

NAME = "my_space"
PLANNED = 8
LEDGER_AWAY = "note: the ledger is away, training goes on: "
LONG_SPACE = """
from study.space import SearchSpace

SPACE = SearchSpace(
    question="What goes on while the ledger is away?",
    scientific={"learning_rate": (1e-3, 2e-3, 3e-3, 4e-3)},
    fixed={
        "init": "teacher",
        "steps": 900,
        "batch_size": 16,
        "teacher_steps": 120,
        "teacher_batch_size": 16,
        "teacher_learning_rate": 3e-3,
    },
    trials=1,
    confirm_seeds=0,
    reports=15,
    pruner="median",  # asked at every report, it wants the ledger; of so few trials it stops none
)
"""


@dataclass
class MlflowServer:
    """`mlflow server` on loopback, which can be killed and started again."""

    folder: Path
    store: str
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", self.store]
        command += ["--default-artifact-root", (self.folder / "artifacts").as_uri(), "--workers", "1"]
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                [*command, "--host", "127.0.0.1", "--port", str(self.port)],
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + 120
        while not self._answers():
            assert self.process.poll() is None, (self.folder / "server.log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.3)

    def kill(self) -> None:
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/health", timeout=2) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False


@pytest.fixture
def postgres() -> Iterator[Postgres]:
    with installed_postgres() as server:
        yield server


@pytest.fixture
def mlflow_server(tmp_path: Path) -> Iterator[Callable[[str], MlflowServer]]:
    """Starts an MLflow server on the store at a URL."""
    started: list[MlflowServer] = []

    def start(store: str) -> MlflowServer:
        folder = tmp_path / f"server-{len(started)}"
        folder.mkdir()
        started.append(MlflowServer(folder, store))
        started[-1].start()
        return started[-1]

    yield start
    for server in started:
        server.kill()


def checkpoints(home: Path) -> set[Path]:
    """Checkpoints and results of the trials: what is written by those that run."""
    names = ("checkpoint-*.pt", "result.json")
    return {path for name in names for path in home.glob(f"studies/{NAME}/trials/*/attempt-*/{name}")}


def reported(home: Path) -> dict[str, int]:
    """Trial's key -> the step of its newest checkpoint; all of them where it has its result."""
    found = {path.name: 0 for path in home.glob(f"studies/{NAME}/trials/*")}
    for path in checkpoints(home):
        step = 10**8 if path.name == "result.json" else int(path.stem.partition("-")[2])
        found[path.parent.parent.name] = max(found[path.parent.parent.name], step)
    return found


def check_mlflow(url: str, finished: Any, read: Callable[..., Any]) -> None:
    """On the server: one run of each key, closed, every metric at each step once, with the right values."""
    client = MlflowClient(url)
    experiment = client.get_experiment_by_name(NAME)
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id], max_results=1000)
    assert {run.info.status for run in runs} == {"FINISHED"}
    trials = [run for run in runs if run.data.tags["kdstudy.phase"] in ("search", "confirm")]
    expected = read(finished.home, finished.name).trials
    assert sorted(run.data.tags["kdstudy.key"] for run in trials) == sorted(expected)
    for run in trials:
        assert measured(run) == measured(expected[run.data.tags["kdstudy.key"]])
        history = client.get_metric_history(run.info.run_id, "validation/accuracy/macro")
        assert len({row.step for row in history}) == len(history)


@pytest.mark.long
def test_servers_that_go_away_in_the_middle_cost_nothing(
    kdstudy: Any,
    command: Any,
    asked: Any,
    finished: Any,
    home_with_artifacts: Path,
    postgres: Postgres,
    mlflow_server: Callable[[str], MlflowServer],
    read: Callable[..., Any],
) -> None:
    """PostgreSQL keeps the ledger and, behind a server, MLflow; the server is killed, then PostgreSQL."""
    server = mlflow_server(postgres.url("mlflow"))
    where = ["--home", home_with_artifacts, "--ledger-url", postgres.url("ledger")]
    running = kdstudy.start("run", asked.space, *asked.plain, *where, "--tracking-uri", server.url)
    running.wait_until(lambda: running.done() >= 1)
    server.kill()
    running.wait_until(lambda: running.done() >= 3)  # training goes on meanwhile
    postgres.stop()
    try:
        # Those that run end, however soon; no other can begin. The ledger is missed when it is to be told.
        running.wait_until(lambda: min(reported(home_with_artifacts).values()) == 10**8)
        running.wait_until(lambda: LEDGER_AWAY in running.stderr())
    finally:
        postgres.start()
    server.start()
    answer = running.finish(timeout=240)
    assert answer.code == 0, answer.err
    assert "note: MLflow is away, training goes on: " in answer.err
    assert LEDGER_AWAY in answer.err
    assert "note: the ledger is back" in answer.err
    assert "Traceback" not in answer.err
    check_mlflow(server.url, finished, read)
    again = command("resume", NAME, "--home", home_with_artifacts)
    assert again.code == 0, again.err
    check_mlflow(server.url, finished, read)


@pytest.mark.slow
def test_with_the_ledger_away_running_trials_end_and_none_begins(
    kdstudy: Any,
    asked: Any,
    home_with_artifacts: Path,
    postgres: Postgres,
    tmp_path: Path,
) -> None:
    """Of four trials two run when PostgreSQL goes: both report on and end, and the other two wait for it."""
    home, space = home_with_artifacts, tmp_path / f"{NAME}.py"
    space.write_text(LONG_SPACE, encoding="utf-8")
    ledger = postgres.url("ledger")
    where = ["--home", home, "--ledger-url", ledger, "--concurrency", "2"]
    running = kdstudy.start("run", space, *asked.plain, *where)
    running.wait_until(lambda: len(reported(home)) == 2 and min(reported(home).values()) >= 120)
    postgres.stop()
    try:
        before = reported(home)
        assert len(before) == 2
        assert max(before.values()) < 600, "they must have some of their way to go"
        running.wait_until(lambda: all(step >= before[key] + 300 for key, step in reported(home).items()))
        assert LEDGER_AWAY in running.stderr()
        running.wait_until(lambda: min(reported(home).values()) == 10**8)  # both have room for another
        time.sleep(5)
        assert reported(home).keys() == before.keys()
        assert running.done() == 0
    finally:
        postgres.start()
    answer = running.finish(timeout=240)
    assert answer.code == 0, answer.err
    assert "note: the ledger is back" in answer.err
    client = MlflowClient(f"sqlite:///{home / 'mlflow.db'}")
    experiment = client.get_experiment_by_name(NAME)
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id], "tags.kdstudy.phase = 'search'")
    assert sorted(run.data.tags["kdstudy.key"] for run in runs) == sorted(reported(home))
    assert [run.info.status for run in runs] == ["FINISHED"] * 4
    for run in runs:
        history = client.get_metric_history(run.info.run_id, "validation/accuracy/macro")
        assert [row.step for row in history] == list(range(60, 901, 60))


@pytest.mark.slow
def test_mlflow_away_for_a_minute_gets_all_of_it_afterwards(
    kdstudy: Any,
    asked: Any,
    home_with_artifacts: Path,
    mlflow_server: Callable[[str], MlflowServer],
    tmp_path: Path,
) -> None:
    """Trials end all the while, and their runs get every step, once, with its own time."""
    home, trials = home_with_artifacts, 90  # the study must outlast the minute
    server = mlflow_server(f"sqlite:///{tmp_path / 'server.db'}")
    where = ["--home", home, "--tracking-uri", server.url, "--trials", str(trials)]
    running = kdstudy.start("run", asked.space, *asked.plain, *where)
    running.wait_until(lambda: running.done() >= 2)
    server.kill()
    before, until = running.done(), time.monotonic() + 60
    running.wait_until(lambda: time.monotonic() > until)
    assert running.done() > before + 2
    server.start()
    answer = running.finish(timeout=400)
    assert answer.code == 0, answer.err
    assert "note: MLflow is back, and gets what it missed" in answer.err
    client = MlflowClient(server.url)
    experiment = client.get_experiment_by_name(NAME)
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id], max_results=1000)
    ended = [run for run in runs if run.data.tags["kdstudy.phase"] in ("search", "confirm")]
    assert {run.info.status for run in ended} <= {"FINISHED", "KILLED"}
    assert len(ended) == len({run.data.tags["kdstudy.key"] for run in ended})
    journals = {path.parent.name: path for path in home.glob(f"studies/{NAME}/trials/*/progress.jsonl")}
    assert journals.keys() == {run.data.tags["kdstudy.key"] for run in ended}
    for run in ended:
        history = client.get_metric_history(run.info.run_id, "validation/accuracy/macro")
        lines = map(json.loads, journals[run.data.tags["kdstudy.key"]].read_text("utf-8").splitlines())
        assert [(row.step, row.timestamp) for row in history] == [(li["step"], li["time_ms"]) for li in lines]


@pytest.mark.slow
def test_what_mlflow_missed_is_sent_by_status_sync(
    kdstudy: Any,
    command: Any,
    asked: Any,
    finished: Any,
    home_with_artifacts: Path,
    mlflow_server: Callable[[str], MlflowServer],
    tmp_path: Path,
    read: Callable[..., Any],
) -> None:
    """The server does not come back before the study has ended: a note says how to go on, and it works."""
    home = home_with_artifacts
    server = mlflow_server(f"sqlite:///{tmp_path / 'server.db'}")
    running = kdstudy.start("run", asked.space, *asked.plain, "--home", home, "--tracking-uri", server.url)
    running.wait_until(lambda: running.done() >= 2)
    server.kill()
    answer = running.finish(timeout=300)
    assert answer.code == 0, answer.err
    assert f"kdstudy status {NAME} --sync" in answer.err
    away = command("status", NAME, "--home", home, "--sync")
    assert (away.code, away.out) == (2, "")
    assert len(away.err.splitlines()) == 1
    server.start()
    sent = command("status", NAME, "--home", home, "--sync")
    assert sent.code == 0, sent.err
    assert "unsent" not in sent.out
    assert not list(home.glob("studies/*/trials/*/unsent"))
    check_mlflow(server.url, finished, read)
