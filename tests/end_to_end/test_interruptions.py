"""Killed, interrupted or told to stop in the middle: `resume` ends as if nothing had happened."""

from __future__ import annotations

import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from study.tracking.page.links import TAG
from tests.processes import COMMAND

NAME = "my_space"  # as the study that nobody disturbed, so that the two can be compared
PLANNED = 8


def check_undisturbed(finished: Any, home: Path, whole: Any, read: Callable[..., Any]) -> None:
    """The study in `home` has the numbers, to the bit, of the one that nobody disturbed."""
    expected = read(finished.home, finished.name)
    assert {r.key: (r.phase, r.arm, r.value) for r in whole.records} == {
        r.key: (r.phase, r.arm, r.value) for r in expected.records
    }
    for key, run in whole.trials.items():
        ours, undisturbed = run.data.metrics, expected.trials[key].data.metrics
        assert ours.keys() == undisturbed.keys()
        of_machine = {name for name in undisturbed if name.startswith("system/")} | {"seconds"}
        assert all(ours[name] == undisturbed[name] for name in undisturbed.keys() - of_machine)
    assert len(whole.measured_rows) == len(expected.measured_rows)


def check_paused(home: Path, running: Any, read: Callable[..., Any]) -> None:
    """No run is RUNNING, and nothing that the study started is left."""
    statuses = {run.info.status for run in read(home, NAME).runs}
    assert "SCHEDULED" in statuses
    assert "RUNNING" not in statuses
    deadline = time.monotonic() + 15
    while running.left() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert [Path(f"/proc/{pid}/cmdline").read_text() for pid in running.left()] == []


SLOW = pytest.mark.slow


@pytest.mark.long
@pytest.mark.parametrize(
    ("how", "group", "killed"),
    [
        (signal.SIGINT, True, False),  # a terminal's Ctrl-C
        (signal.SIGTERM, True, False),  # `timeout`, `scancel`
        pytest.param(signal.SIGTERM, False, True, marks=SLOW),
        pytest.param(signal.SIGHUP, True, False, marks=SLOW),  # a terminal that is closed
        pytest.param(signal.SIGUSR1, False, False, marks=SLOW),  # Slurm's warning
        pytest.param(signal.SIGUSR2, False, False, marks=SLOW),
    ],
    ids=lambda value: value.name if isinstance(value, signal.Signals) else "",
)
def test_a_study_that_was_told_to_stop_comes_to_the_same_end(
    kdstudy: Any,
    command: Any,
    asked: Any,
    finished: Any,
    home_with_artifacts: Path,
    check_whole: Callable[..., Any],
    read: Callable[..., Any],
    how: signal.Signals,
    group: bool,
    killed: bool,
) -> None:
    home, done = home_with_artifacts, 0
    running = kdstudy.start("run", asked.space, *asked.plain, "--home", home)
    running.wait_until(lambda: running.done() >= 2)
    if killed:
        running.kill()
        assert running.process.returncode == -signal.SIGKILL
        counts = json.loads(command("status", NAME, "--home", home, "--json").out)
        assert counts["waiting"] > 0
        assert (counts["running"], counts["driver"]) == (0, None)  # nothing runs without a driver
        running, done = kdstudy.start("resume", NAME, "--home", home), counts["complete"]
        running.wait_until(lambda: running.done() > done)
    running.remember()
    (os.killpg if group else os.kill)(running.process.pid, how)
    answer = running.finish(timeout=60)
    assert answer.code == 130
    assert answer.out == ""
    *_, last = answer.err.splitlines()
    assert last == f"interrupted; go on with: kdstudy resume {NAME} --home {home}"
    assert "Traceback" not in answer.err
    assert "stopping: running trials go to their next report" in answer.err
    check_paused(home, running, read)
    again = command(*last.partition("kdstudy ")[2].split())
    assert again.code == 0, again.err
    check_undisturbed(finished, home, check_whole(home, NAME, PLANNED), read)


def test_one_that_is_stopped_before_its_plan_is_on_record_says_the_command_to_run_again(
    kdstudy: Any, asked: Any, tmp_path: Path
) -> None:
    """There is no study yet that could be resumed by its name."""
    home = tmp_path / "a home"
    running = kdstudy.start("run", asked.space, *asked.plain, "--home", home)
    running.wait_until(lambda: "preparing the task" in running.stderr())
    running.process.send_signal(signal.SIGTERM)
    answer = running.finish(timeout=60)
    assert answer.code == 130, answer.err
    *_, last = answer.err.splitlines()
    run = shlex.join(["kdstudy", "run", *map(str, [asked.space, *asked.plain, "--home", home])])
    assert last == f"interrupted; go on with: {run}"


@pytest.mark.long
def test_if_ray_dies_the_study_stops_soon_with_one_line_and_can_be_resumed(
    kdstudy: Any, command: Any, asked: Any, home_with_artifacts: Path, read: Callable[..., Any]
) -> None:
    home = home_with_artifacts
    running = kdstudy.start("run", asked.space, *asked.plain, "--home", home)
    running.wait_until(lambda: running.done() >= 1)
    running.remember()
    (head,) = running.workers("gcs_server")
    os.kill(head, signal.SIGKILL)
    answer = running.finish(timeout=45)
    assert answer.code == 1, answer.err
    *_, last = answer.err.splitlines()
    assert "stopped: " in last
    assert "the Ray at " in last
    assert " has died" in last
    assert last.endswith(f"; go on with: kdstudy resume {NAME} --home {home}")
    assert "Traceback" not in answer.err
    check_paused(home, running, read)
    assert json.loads(command("status", NAME, "--home", home, "--json").out)["driver"] is None


@pytest.mark.slow
def test_a_study_goes_on_if_nobody_reads_its_output_any_more(
    kdstudy: Any, asked: Any, home_with_artifacts: Path, check_whole: Callable[..., Any]
) -> None:
    """A pipe that is closed, and the end of an ssh."""
    home = home_with_artifacts
    running = kdstudy.start(
        "-c", PIPED, COMMAND, "run", asked.space, *asked.plain, "--home", home, command=()
    )
    answer = running.finish(timeout=240)
    assert (answer.code, answer.out, answer.err) == (0, "", "")
    check_whole(home, NAME, PLANNED)


PIPED = """
import subprocess, sys

study = subprocess.Popen([sys.executable, *sys.argv[1:]], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
study.stdout.readline()
study.stdout.close()
sys.exit(study.wait())
"""


@pytest.mark.slow
def test_killed_again_and_again_it_still_comes_to_the_same_end(
    kdstudy: Any,
    asked: Any,
    finished: Any,
    home_with_artifacts: Path,
    check_whole: Callable[..., Any],
    read: Callable[..., Any],
) -> None:
    home = home_with_artifacts
    running = kdstudy.start("run", asked.space, *asked.plain, "--home", home)
    for kills in range(1, 6):
        running.wait_until(lambda: running.done() >= kills)  # noqa: B023 (it is called here)
        running.kill()
        running = kdstudy.start("resume", NAME, "--home", home)
    answer = running.finish(timeout=240)
    assert answer.code == 0, answer.err
    check_undisturbed(finished, home, check_whole(home, NAME, PLANNED), read)
    experiment = MlflowClient(f"sqlite:///{home / 'mlflow.db'}").get_experiment_by_name(NAME)
    assert experiment is not None
    views = [json.loads(value)["name"] for tag, value in experiment.tags.items() if tag.startswith(TAG)]
    assert len(views) == len(set(views)) == 5


@pytest.mark.slow
def test_a_trial_whose_worker_was_killed_goes_on_in_another(
    kdstudy: Any,
    asked: Any,
    finished: Any,
    home_with_artifacts: Path,
    check_whole: Callable[..., Any],
    read: Callable[..., Any],
) -> None:
    home = home_with_artifacts
    running = kdstudy.start("run", asked.space, *asked.plain, "--home", home)
    for kills in (1, 2, 3):
        running.wait_until(lambda: running.done() >= kills)  # noqa: B023
        running.wait_until(lambda: running.workers("ray::ImplicitFunc"))
        os.kill(running.workers("ray::ImplicitFunc")[0], signal.SIGKILL)
    answer = running.finish(timeout=240)
    assert answer.code == 0, answer.err
    check_undisturbed(finished, home, check_whole(home, NAME, PLANNED), read)


@pytest.mark.slow
def test_two_studies_may_begin_in_a_new_home_at_once(
    kdstudy: Any, asked: Any, home_with_artifacts: Path, check_whole: Callable[..., Any]
) -> None:
    """The same seed block makes them the same trials."""
    few = ["--trials", "1", "--confirm-seeds", "0", "--seed-block", "7", "--home", home_with_artifacts]
    both = [kdstudy.start("run", asked.space, *asked.plain, *few, "--name", name) for name in ("one", "two")]
    for running in both:
        answer = running.finish(timeout=240)
        assert answer.code == 0, answer.err
    one, two = (check_whole(home_with_artifacts, name, 2) for name in ("one", "two"))
    assert one.trials.keys() == two.trials.keys()


@pytest.mark.processes
def test_one_study_has_one_driver_at_a_time(command: Any, asked: Any, copied_home: Path) -> None:
    ledger = copied_home / "studies" / NAME / "optuna.db"
    driver = subprocess.Popen(
        [sys.executable, "-c", HOLD, f"sqlite:///{ledger}", NAME],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with driver:
        assert driver.stdout is not None
        since = driver.stdout.readline().rstrip("\n")
        assert since
        answer = command("run", asked.space, *asked.on, "--home", copied_home)
        status = json.loads(command("status", NAME, "--home", copied_home, "--json").out)
        driver.kill()
    host = socket.gethostname()
    assert (answer.code, answer.out) == (2, "")
    said = f"is being run by process {driver.pid} on {host}, since {since}"
    assert answer.err == f"kdstudy: study {NAME}: {said}\n"
    assert status["driver"] == {"host": host, "pid": driver.pid, "since": since}
    status = json.loads(command("status", NAME, "--home", copied_home, "--json").out)
    assert status["driver"] is None


HOLD = """
import sys
from study.ledger.lease import Lease
from study.ledger.ledger import Ledger

url, name = sys.argv[1:]
with Lease(Ledger(url, name).storage.engine, name) as lease:
    print(lease.me.since, flush=True)
    sys.stdin.read()
"""
