"""A study as a job of Ray itself: `ray job submit` to the head of several hosts, and `ray job stop`."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from ray._private.utils import get_dashboard_dependency_error

from tests.cluster.ray_hosts import RAY, Command, RayHosts
from tests.cluster.studies import NAME, AtHome, Study, train_on
from tests.processes import COMMAND

pytestmark = pytest.mark.cluster

DASHBOARD = "--address=http://127.0.0.1:8265"
IN_ORDER = '--runtime-env-json={"env_vars": {"RAY_JOB_STOP_WAIT_TIME_S": "100"}}'
"""`ray job stop` then waits for the study's end. Without this, it kills the study after three seconds."""


def job(rays: RayHosts, action: str, *more: str | Path) -> Command:
    """Start `ray job ACTION`."""
    return rays.start(rays.head, RAY, "job", action, DASHBOARD, *more)


def submit(rays: RayHosts, at_home: AtHome, study: Study, name: str, *options: str) -> Command:
    """Submit the study as the job `name`, and follow the job's output."""
    asked = (sys.executable, COMMAND, "run", *at_home.asked, "--home", study.home, "--cluster", "running")
    return job(rays, "submit", f"--submission-id={name}", *options, "--", *asked)


def stop(rays: RayHosts, study: Study, submitted: Command, name: str, ended: int) -> None:
    """Stop the job once so many trials have ended and a worker of each host trains."""
    submitted.until(lambda: study.ended >= ended and train_on(rays.workers))
    job(rays, "stop", name).succeed()
    assert f"Job '{name}' was stopped" in job(rays, "status", name).succeed()


def test_a_study_is_a_job_that_is_stopped_and_submitted_again_until_it_succeeds(
    rays: RayHosts, at_home: AtHome, tmp_path: Path
) -> None:
    """The first stop kills, the second waits for the orderly end."""
    if lacking := get_dashboard_dependency_error():
        pytest.skip(f'Ray has no dashboard (pip install "ray[default]"): {lacking}')
    study = at_home.begun(tmp_path / "home")
    rays.start_ray("--include-dashboard=true", "--dashboard-host=127.0.0.1")
    stop(rays, study, submit(rays, at_home, study, "first"), "first", 1)
    stop(rays, study, second := submit(rays, at_home, study, "second", IN_ORDER), "second", 2)
    assert "stopping: running trials go to their next report" in second.text
    assert f"kdstudy resume {NAME}" in second.text
    assert "RUNNING" not in study.whole.statuses
    third = submit(rays, at_home, study, "third").succeed()
    assert "Job 'third' succeeded" in third
    at_home.check_same(study)
