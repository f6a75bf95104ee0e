"""The batch script under a real Slurm of two nodes: signals, requeues and exit codes.

Ray and the study are stand-ins, so a job takes seconds. The study takes two seconds to stop in order.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from cluster.slurm import CLUSTER, SlurmOptions
from cluster.submission.place import Study
from tests.cluster.places import stand_in
from tests.cluster.slurm import Slurm, what_slurm_lacks

pytestmark = pytest.mark.cluster

RAY = """#!/bin/bash
[ "$SLURM_NODEID" = 0 ] || exec sleep infinity
while [[ $1 != -- ]]; do shift; done
shift
"$@"
"""
STUDY = f"""#!{sys.executable} -IS
import os, signal, time

def stop(number, frame):
    time.sleep(2)
    print("stopped in order by", signal.Signals(number).name, flush=True)
    os._exit(130)

for number in (signal.SIGUSR1, signal.SIGTERM):
    signal.signal(number, stop)
print("begun", flush=True)
time.sleep(float(os.environ["LASTS"]))
os._exit(int(os.environ["CODE"]))
"""
PATIENCE = 300.0  # seconds


def submitted(slurm: Slurm, folder: Path, lasts: float = 1000, code: int = 0, ray: str = RAY) -> str:
    """Submit a job on two nodes whose study lasts so many seconds; returns the job's number."""
    script = CLUSTER.render(Study("demo", ("run", "demo"), "/home"), SlurmOptions(nodes=2))["study.sbatch"]
    (folder / "job").write_text(script.replace("export PATH=", "export IGNORED="))
    stand_in(folder / "bin", "ray", ray)
    stand_in(folder / "bin", "kdstudy", STUDY)
    path = f"{folder / 'bin'}:{os.environ['PATH']}"
    answer = slurm.run("sbatch", "--parsable", folder / "job", PATH=path, LASTS=str(lasts), CODE=str(code))
    assert answer.returncode == 0, answer.stderr
    return answer.stdout.strip()


def begun(slurm: Slurm, job: str, times: int = 1) -> None:
    slurm.wait_until(lambda: slurm.output(job).count("begun") == times, PATIENCE, job)


@pytest.mark.parametrize(("code", "state"), [(0, "COMPLETED"), (1, "FAILED"), (2, "FAILED")])
def test_a_job_ends_as_its_study(slurm: Slurm, tmp_path: Path, code: int, state: str) -> None:
    job = submitted(slurm, tmp_path, lasts=0, code=code)
    slurm.wait_for_state(job, state, PATIENCE)
    assert slurm.of(job, "ExitCode") == f"{code}:0"


def test_a_job_whose_ray_does_not_start_has_failed(slurm: Slurm, tmp_path: Path) -> None:
    """`ray symmetric-run` then returns 0."""
    job = submitted(slurm, tmp_path, ray="#!/bin/bash\nexit 0\n")
    slurm.wait_for_state(job, "FAILED", PATIENCE)


def test_a_warned_job_stops_in_order_and_begins_again_until_it_is_cancelled(
    slurm: Slurm, tmp_path: Path
) -> None:
    job = submitted(slurm, tmp_path)
    begun(slurm, job)
    slurm("scancel", "--batch", "--signal=USR1", job)
    slurm.begin_again(job, 1, PATIENCE)
    assert slurm.output(job).count("stopped in order by SIGUSR1") == 1
    begun(slurm, job, 2)
    slurm("scontrol", "requeue", job)
    slurm.begin_again(job, 2, PATIENCE)
    assert slurm.output(job).count("stopped in order by SIGTERM") == 1
    begun(slurm, job, 3)
    slurm("scancel", job)
    slurm.wait_for_state(job, "CANCELLED", PATIENCE)
    slurm.wait_until(lambda: slurm.output(job).count("stopped in order by SIGTERM") == 2, PATIENCE, job)


def test_a_study_that_is_stopped_by_hand_is_not_requeued(slurm: Slurm, tmp_path: Path) -> None:
    job = submitted(slurm, tmp_path)
    begun(slurm, job)
    slurm("scancel", "--batch", "--signal=TERM", job)  # as `kdstudy run` prints it
    slurm.wait_for_state(job, "FAILED", PATIENCE)
    assert slurm.of(job, "ExitCode") == "130:0"
    assert "stopped in order by SIGTERM" in slurm.output(job)


def test_a_job_that_loses_a_node_is_requeued(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    if lacking := what_slurm_lacks():
        pytest.skip(f"no Slurm can be started: {lacking}")
    with Slurm(tmp_path_factory.mktemp("lost"), notices_after=20) as slurm:
        job = submitted(slurm, tmp_path)
        begun(slurm, job)
        slurm.nodes[1].end()
        slurm.wait_until(lambda: slurm.of(job, "Restarts") == "1", PATIENCE, job)
        slurm.wait_for_state(job, "PENDING", PATIENCE)
        assert "stopped in order by SIGTERM" in slurm.output(job)
