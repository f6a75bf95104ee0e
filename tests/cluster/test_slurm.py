"""The batch script of Slurm: what it asks for, when it requeues itself, and who knows Ray's token.

Slurm's programs and `ray symmetric-run` are stand-ins here; bash, signals and the script are real.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cluster.slurm import CLUSTER, SlurmOptions
from cluster.submission.commands import CannotSubmit
from cluster.submission.place import Study
from tests.cluster.places import SLURM, calls, slurm_stand_ins, stand_in

STUDY = Study("quickstart", ("run", "quickstart", "--cluster=running"), "/shared/home")
WAITS = f"""#!{sys.executable} -IS
import os, pathlib, signal, time
for number in (signal.SIGUSR1, signal.SIGTERM):
    signal.signal(number, lambda *_: os._exit(CODE))
pathlib.Path(os.environ["HOME"], "begun").touch()
time.sleep(60)
"""
"""A study that ends at a signal with exit code CODE. (bash handles no signal that its parent ignores.)"""


def requests(**options: object) -> list[str]:
    script = CLUSTER.render(STUDY, SlurmOptions.model_validate(options))["study.sbatch"]
    return re.findall(r"^#SBATCH --(.*)$", script, re.MULTILINE)


def test_the_script_asks_for_what_the_options_say() -> None:
    asked = requests(nodes=4, gpus=8, gpu_type="a100", cpus=16, memory=64, partition="long", account="lab")
    assert {"nodes=4", "gpus-per-node=a100:8", "cpus-per-task=16", "mem=64G"} <= set(asked)
    assert {"partition=long", "account=lab", "ntasks-per-node=1", "exclusive"} <= set(asked)


def test_what_is_not_given_is_not_asked_for() -> None:
    assert requests() == [
        *("job-name=kdstudy-quickstart", "nodes=1", "ntasks-per-node=1", "exclusive", "mem=0"),
        *("export=ALL", "requeue", "open-mode=append", "signal=B:USR1@120"),
    ]
    assert not {"exclusive", "mem=0"} & set(requests(exclusive=False))


@pytest.mark.parametrize("time_", ["90", "8:00", "8:00:00", "2-12", "2-12:30", "2-12:30:00"])
def test_a_time_of_slurm_is_taken(time_: str) -> None:
    assert f"time={time_}" in requests(time=time_)


@pytest.mark.parametrize("time_", ["soon", "8h", "-1", "1:2:3:4", "8:00 ", ""])
def test_what_is_no_time_of_slurm_is_refused(time_: str) -> None:
    with pytest.raises(ValueError, match=r"must be a time of Slurm such as 90 \(minutes\), 8:00:00 or 2-12"):
        requests(time=time_)


@pytest.fixture
def job(tmp_path: Path) -> Iterator[Callable[[], subprocess.Popen[str]]]:
    """Starts the batch script as Slurm would, in a group of its own."""
    slurm_stand_ins(tmp_path / "bin")
    script = CLUSTER.render(STUDY, SlurmOptions())["study.sbatch"]
    (tmp_path / "job").write_text(script.replace("export PATH=", "export IGNORED="))
    environment = {"HOME": str(tmp_path), "RECORD": str(tmp_path / "record")} | SLURM
    environment |= {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}", "TMPDIR": str(tmp_path)}
    started = []

    def start() -> subprocess.Popen[str]:
        process = subprocess.Popen(
            ["bash", str(tmp_path / "job")],
            env=environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def is_requeued(folder: Path) -> bool:
    return (folder / "scontrol").exists() and (folder / "scontrol").read_text() == "requeue 7\n"


def begun(folder: Path) -> None:
    deadline = time.monotonic() + 30
    while not (folder / "begun").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.processes
@pytest.mark.parametrize("code", [0, 1, 2])
def test_a_job_ends_as_its_study_and_is_not_requeued(
    code: int, job: Callable[[], subprocess.Popen[str]], tmp_path: Path
) -> None:
    stand_in(tmp_path / "bin", "kdstudy", f"#!/bin/bash\nexit {code}\n")
    process = job()
    process.communicate(timeout=30)
    assert process.returncode == code
    assert not is_requeued(tmp_path)


@pytest.mark.processes
@pytest.mark.parametrize(
    ("number", "code", "requeued"),
    [
        (signal.SIGUSR1, 130, True),
        (signal.SIGUSR1, 1, True),  # Ray died while the study stopped
        (signal.SIGUSR1, 0, False),  # the study ended just then
        (signal.SIGUSR1, 2, False),
        (signal.SIGTERM, 130, False),  # of `scancel`; Slurm itself requeues what it pre-empts
    ],
)
def test_a_study_that_is_warned_stops_in_order_and_its_job_is_requeued(
    number: signal.Signals,
    code: int,
    requeued: bool,
    job: Callable[[], subprocess.Popen[str]],
    tmp_path: Path,
) -> None:
    stand_in(tmp_path / "bin", "kdstudy", WAITS.replace("CODE", str(code)))
    process = job()
    begun(tmp_path)
    process.send_signal(number)  # to the script alone, as `--signal=B:` does
    process.communicate(timeout=30)
    assert process.returncode == code
    assert is_requeued(tmp_path) == requeued


@pytest.mark.processes
def test_a_signal_to_every_process_lets_the_study_end_in_order(
    job: Callable[[], subprocess.Popen[str]], tmp_path: Path
) -> None:
    stand_in(tmp_path / "bin", "kdstudy", WAITS.replace("CODE", "130"))
    process = job()
    begun(tmp_path)
    os.killpg(process.pid, signal.SIGTERM)
    process.communicate(timeout=30)
    assert process.returncode == 130
    assert not is_requeued(tmp_path)


@pytest.mark.processes
def test_the_token_is_new_for_each_job_and_is_seen_in_the_environment_alone(
    job: Callable[[], subprocess.Popen[str]], tmp_path: Path
) -> None:
    stand_in(tmp_path / "bin", "kdstudy")
    printed = [job().communicate(timeout=30)[0] for _ in range(2)]
    found = calls(tmp_path / "record")
    tokens = [call["environment"]["RAY_AUTH_TOKEN"] for call in found]
    assert len(set(tokens)) == 2
    for token, call, text in zip(tokens, found, printed, strict=True):
        assert re.fullmatch(r"[0-9a-f]{64}", token)
        assert call["environment"]["RAY_AUTH_MODE"] == "token"
        assert re.fullmatch(r"[0-9.]+:6379", call["environment"]["RAY_ADDRESS"])
        assert token not in text + " ".join(call["words"])
    left = [path for path in tmp_path.rglob("*") if path.is_file() and path.name != "record"]
    assert not [path for path in left if any(token in path.read_text() for token in tokens)]


@pytest.mark.processes
def test_a_script_goes_to_sbatch_on_its_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(tmp_path / "bin", "sbatch")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setenv("RECORD", str(tmp_path / "record"))
    monkeypatch.setenv("ANSWER_SBATCH", "4711;cluster")
    monkeypatch.setenv("PGPASSWORD", "open-sesame")
    options = SlurmOptions(secrets=("PGPASSWORD",))
    files = CLUSTER.render(STUDY, options)
    assert CLUSTER.submit(STUDY, options, files) == "4711"
    (call,) = calls(tmp_path / "record")
    assert call["words"] == ["--parsable"]
    assert call["input"] == files["study.sbatch"]
    assert call["environment"]["PGPASSWORD"] == "open-sesame"


@pytest.mark.processes
def test_what_sbatch_refuses_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(tmp_path / "bin", "sbatch", "#!/bin/bash\nprintf 'sbatch: error:\\n invalid\\n' >&2\nexit 1\n")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    files = CLUSTER.render(STUDY, SlurmOptions())
    with pytest.raises(CannotSubmit, match=r"^sbatch refused \(exit code 1\): sbatch: error: invalid$"):
        CLUSTER.submit(STUDY, SlurmOptions(), files)


def test_a_secret_that_is_not_set_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PGPASSWORD", raising=False)
    options = SlurmOptions(secrets=("PGPASSWORD",))
    with pytest.raises(CannotSubmit, match="secrets: PGPASSWORD is not set here; export PGPASSWORD first"):
        CLUSTER.submit(STUDY, options, CLUSTER.render(STUDY, options))
