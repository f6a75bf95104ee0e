"""A study on a Ray of several hosts: hosts that are cut off or lost, and a head that dies."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.cluster.ray_hosts import QUICK_TO_NOTICE, Command, RayHosts
from tests.cluster.studies import NAME, AtHome, Study, train_on

pytestmark = pytest.mark.cluster


@pytest.fixture
def study(at_home: AtHome, tmp_path: Path) -> Study:
    return at_home.begun(tmp_path / "home")


def run(rays: RayHosts, at_home: AtHome, study: Study) -> Command:
    """Begin the study on the head's host, and wait until a worker of each other host trains."""
    command = rays.kdstudy("run", *at_home.asked, "--home", study.home, "--cluster", "running")
    command.until(lambda: study.ended >= 1 and train_on(rays.workers))
    return command


def test_a_study_runs_on_several_hosts(rays: RayHosts, at_home: AtHome, study: Study) -> None:
    rays.start_ray("--include-dashboard=false")
    run(rays, at_home, study).succeed()
    at_home.check_same(study)


def test_a_host_that_is_cut_off_for_some_seconds_costs_no_trial(
    rays: RayHosts, at_home: AtHome, study: Study
) -> None:
    """Ray's head bears 20 seconds, so the node stays. (After 45 seconds the head had given the node up.)"""
    rays.start_ray("--include-dashboard=false")
    command = run(rays, at_home, study)
    rays.cut(rays.workers[0])
    time.sleep(20)
    rays.mend(rays.workers[0])
    command.succeed()
    rays.until_nodes(3)
    at_home.check_same(study)


def test_a_host_that_is_cut_off_for_long_joins_again_and_another_is_lost(
    rays: RayHosts, at_home: AtHome, study: Study
) -> None:
    rays.start_ray("--include-dashboard=false", **QUICK_TO_NOTICE)
    first, second = rays.workers
    command = run(rays, at_home, study)
    rays.cut(first)
    rays.until_nodes(2)
    ended = study.ended
    command.until(lambda: study.ended > ended)  # on the other host
    rays.mend(first)
    command.until(lambda: not first.processes("raylet/raylet"))  # it learns that it counts as dead
    rays.join(first)
    command.until(lambda: train_on([first]))
    second.end()
    command.succeed()
    at_home.check_same(study)


def test_a_study_whose_ray_has_died_stops_and_goes_on_when_a_new_ray_runs(
    rays: RayHosts, at_home: AtHome, study: Study
) -> None:
    rays.start_ray("--include-dashboard=false")
    command = run(rays, at_home, study)
    rays.end_ray(rays.head)
    assert command.code(180) == 1
    line = f"the Ray at {rays.address} has died"
    assert [text for text in command.text.splitlines() if line in text]
    assert f"kdstudy resume {NAME}" in command.text.splitlines()[-1]
    assert "RUNNING" not in study.whole.statuses
    rays.end_ray(*rays.workers)
    rays.start_ray("--include-dashboard=false")
    rays.kdstudy("resume", NAME, "--home", study.home, "--cluster", "running").succeed()
    at_home.check_same(study)
