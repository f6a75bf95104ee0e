"""A study under a real Slurm: two nodes, requeued, cancelled, and a node whose Ray is killed."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.slurm import Slurm
from tests.cluster.studies import NAME, PATIENCE, PLANNED, AtHome, Study, train_on
from tests.processes import COMMAND

pytestmark = pytest.mark.cluster

ENDED = ("COMPLETED", "FAILED", "CANCELLED", "NODE_FAIL")


@dataclass(frozen=True)
class Submitted(Study):
    """The study in a home of its own, submitted from the login node."""

    slurm: Slurm
    asked: tuple[str | Path, ...]

    def command(self, *words: str | Path) -> str:
        """Run `kdstudy` on the login node; returns what it prints."""
        return self.slurm(sys.executable, COMMAND, *words, "--home", self.home)

    def submit(self) -> str:
        """Begin the study on two nodes, or go on with the study; returns the job's number."""
        out = self.command("run", *self.asked, "--cluster", "slurm", "--place", "nodes=2")
        return out.splitlines()[0].removeprefix("submitted").strip()

    def under_way(self, ended: int) -> bool:
        """Whether `ended` trials have ended, and a worker of each node trains."""
        return self.ended >= ended and train_on(self.slurm.nodes)

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


@pytest.fixture
def study(slurm: Slurm, at_home: AtHome, tmp_path: Path) -> Submitted:
    return Submitted(at_home.begun(tmp_path / "home").home, slurm, at_home.asked)


def test_a_study_runs_on_two_nodes_and_ends(slurm: Slurm, at_home: AtHome, tmp_path: Path) -> None:
    """Teacher and outputs are made in the job too."""
    study = Submitted(tmp_path / "home", slurm, at_home.asked)
    job = study.submit()
    study.until(job, lambda: study.under_way(ended=0))
    study.until_complete(job)
    shown = json.loads(study.command("status", NAME, "--json"))
    assert (shown["planned"], shown["complete"], shown["running"]) == (PLANNED, PLANNED, 0)
    at_home.check_same(study)


def test_a_job_that_is_warned_or_requeued_goes_on_to_the_bit(study: Submitted, at_home: AtHome) -> None:
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
    at_home.check_same(study)


def test_a_study_whose_job_is_cancelled_goes_on_in_a_new_job(study: Submitted, at_home: AtHome) -> None:
    slurm, job = study.slurm, study.submit()
    study.until(job, lambda: study.under_way(ended=1))
    slurm("scancel", job)
    slurm.wait_for_state(job, "CANCELLED", PATIENCE)
    again = study.submit()
    assert again != job
    study.until_complete(again)
    at_home.check_same(study)


def test_a_node_whose_ray_is_killed_joins_again_and_the_study_ends_in_the_same_job(
    study: Submitted, at_home: AtHome
) -> None:
    slurm, job = study.slurm, study.submit()
    study.until(job, lambda: study.under_way(ended=1))
    node = slurm.nodes[1]
    (raylet,) = node.processes("raylet/raylet")
    os.kill(raylet, signal.SIGKILL)
    study.until(job, lambda: set(node.processes("raylet/raylet")) - {raylet})
    study.until_complete(job)
    assert slurm.of(job, "Restarts") == "0"
    at_home.check_same(study)
