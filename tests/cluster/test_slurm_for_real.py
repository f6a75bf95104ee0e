"""A study under a real Slurm: two nodes, requeued, cancelled, and a node whose Ray is killed."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.whole import Whole, rows_of
from tests.cluster.slurm import Slurm
from tests.processes import COMMAND

pytestmark = pytest.mark.cluster

NAME = "my_space"
SPACE = """
from study.space import Range, SearchSpace

SPACE = SearchSpace(
    question="Does a copied student beat a new one?",
    scientific={"init": ("teacher", "random")},
    nuisance={"learning_rate": Range(low=1e-3, high=1e-2, log=True)},
    fixed={
        "steps": 400,
        "batch_size": 16,
        "teacher_steps": 120,
        "teacher_batch_size": 16,
        "teacher_learning_rate": 3e-3,
    },
    trials=3,
    confirm_seeds=1,
    reports=8,
    sampler="tpe",
)
"""
PLANNED = 2 * 3 + 2 * 1
WORKER = "ray::ImplicitFunc.train"  # Ray's title of a worker that trains
ENDED = ("COMPLETED", "FAILED", "CANCELLED", "NODE_FAIL")
PATIENCE = 900.0  # seconds


@dataclass(frozen=True)
class Study:
    """The study in a home of its own."""

    slurm: Slurm
    asked: tuple[str | Path, ...]
    home: Path

    def command(self, *words: str | Path) -> str:
        """Run `kdstudy` on the login node; returns what it prints."""
        return self.slurm(sys.executable, COMMAND, *words, "--home", self.home)

    def submit(self) -> str:
        """Begin the study on two nodes, or go on with the study; returns the job's number."""
        out = self.command("run", *self.asked, "--cluster", "slurm", "--place", "nodes=2")
        return out.splitlines()[0].removeprefix("submitted").strip()

    @property
    def whole(self) -> Whole:
        """What is on record now."""
        return Whole(self.home, NAME)

    def under_way(self, ended: int) -> bool:
        """Whether `ended` trials have ended, and a worker of each node trains."""
        database = self.home / "studies" / NAME / "optuna.db"
        states: dict[str, int] = {}
        with (
            suppress(sqlite3.OperationalError),
            closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as ledger,
        ):
            states = dict(ledger.execute("select state, count(*) from trials group by state").fetchall())
        train = [host.processes(WORKER) for host in self.slurm.nodes]
        return sum(states.values()) - states.get("RUNNING", 0) >= ended and all(train)

    def until(self, job: str, condition: Callable[[], Any]) -> None:
        """Wait until `condition` holds. If the job ends first, its output is shown."""

        def holds() -> bool:
            ended = self.slurm.of(job, "JobState") in ENDED
            held = bool(condition())
            assert held or not ended, f"the job has ended: {self.slurm.output(job)}"
            return held

        self.slurm.wait_until(holds, PATIENCE, job)

    def until_complete(self, job: str) -> None:
        self.until(job, lambda: self.slurm.of(job, "JobState") == "COMPLETED")


def facts(whole: Whole) -> dict[str, tuple[Any, ...]]:
    """Key -> how its trial ended, and every number of the student in MLflow."""
    return {r.key: (r.phase, r.arm, r.outcome, r.value, rows_of(whole, r.key)) for r in whole.records}


@pytest.fixture(scope="session")
def asked(
    task_folder: Path, model_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str | Path, ...]:
    space = tmp_path_factory.mktemp("space") / f"{NAME}.py"
    space.write_text(SPACE)
    return (space, "--task", task_folder, "--model", model_folder, "--artifacts", "none")


@pytest.fixture(scope="session")
def at_home(slurm: Slurm, asked: tuple[str | Path, ...], tmp_path_factory: pytest.TempPathFactory) -> Study:
    """The same study on one machine, without Slurm: run on the login node, which nobody disturbs."""
    study = Study(slurm, asked, tmp_path_factory.mktemp("at home") / "home")
    study.command("run", *asked, "--cluster", "local")
    assert study.whole.violations(PLANNED) == []
    return study


@pytest.fixture
def study(at_home: Study, tmp_path: Path) -> Study:
    """The study before its first trial: teacher and outputs are there."""
    shutil.copytree(at_home.home / "artifacts", tmp_path / "home" / "artifacts")
    return Study(at_home.slurm, at_home.asked, tmp_path / "home")


def test_a_study_runs_on_two_nodes_and_ends(
    slurm: Slurm, asked: tuple[str | Path, ...], at_home: Study, tmp_path: Path
) -> None:
    """Teacher and outputs are made in the job too."""
    study = Study(slurm, asked, tmp_path / "home")
    job = study.submit()
    study.until(job, lambda: study.under_way(ended=0))
    study.until_complete(job)
    shown = json.loads(study.command("status", NAME, "--json"))
    assert (shown["planned"], shown["complete"], shown["running"]) == (PLANNED, PLANNED, 0)
    assert study.whole.violations(PLANNED) == []
    assert facts(study.whole) == facts(at_home.whole)


def test_a_job_that_is_warned_or_requeued_goes_on_to_the_bit(study: Study, at_home: Study) -> None:
    slurm, job = study.slurm, study.submit()
    study.until(job, lambda: study.under_way(ended=1))
    slurm("scancel", "--batch", "--signal=USR1", job)  # what Slurm sends two minutes before the time is up
    study.until(job, lambda: slurm.of(job, "JobState") == "PENDING")
    assert "stopping: running trials go to their next report" in slurm.output(job)
    assert "RUNNING" not in study.whole.statuses
    slurm.begin_again(job, 1, PATIENCE)
    study.until(job, lambda: study.under_way(ended=2))
    slurm("scontrol", "requeue", job)  # SIGTERM to all processes, then SIGKILL
    slurm.begin_again(job, 2, PATIENCE)
    study.until_complete(job)
    assert study.whole.violations(PLANNED) == []
    assert facts(study.whole) == facts(at_home.whole)


def test_a_study_whose_job_is_cancelled_goes_on_in_a_new_job(study: Study, at_home: Study) -> None:
    slurm, job = study.slurm, study.submit()
    study.until(job, lambda: study.under_way(ended=1))
    slurm("scancel", job)
    slurm.wait_for_state(job, "CANCELLED", PATIENCE)
    again = study.submit()
    assert again != job
    study.until_complete(again)
    assert study.whole.violations(PLANNED) == []
    assert facts(study.whole) == facts(at_home.whole)


def test_a_node_whose_ray_is_killed_joins_again_and_the_study_ends_in_the_same_job(
    study: Study, at_home: Study
) -> None:
    slurm, job = study.slurm, study.submit()
    study.until(job, lambda: study.under_way(ended=1))
    node = slurm.nodes[1]
    (raylet,) = node.processes("raylet/raylet")
    os.kill(raylet, signal.SIGKILL)
    study.until(job, lambda: set(node.processes("raylet/raylet")) - {raylet})
    study.until_complete(job)
    assert slurm.of(job, "Restarts") == "0"
    assert study.whole.violations(PLANNED) == []
    assert facts(study.whole) == facts(at_home.whole)
