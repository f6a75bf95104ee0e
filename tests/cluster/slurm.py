"""A Slurm on this machine: a login node with the controller, and two nodes of one CPU, each on a host."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.cluster.hosts import Host, connect, start_host, what_hosts_lack

__all__ = ["Slurm", "what_slurm_lacks"]

NODES = ("n1", "n2")
JOBS = range(10_000_000 + 10 * os.getpid(), 10_000_010 + 10 * os.getpid())
"""The numbers of jobs: Ray's folders in /tmp have them."""
CONFIGURATION = """
ClusterName=kdstudy
SlurmctldHost=login
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
MailProg=/bin/true
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=batch_sched_delay=0,sched_min_interval=0
SlurmdParameters=config_overrides
ReturnToService=2
KillWait=10
SlurmdTimeout={notices_after}
MessageTimeout=60
FirstJobId={first_job}
Epilog={folder}/epilog
NodeName={nodes} CPUs=1 RealMemory=4000
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE
"""
EPILOG = """#!/bin/bash
# What a job has left on the node is killed. Where Slurm tracks processes by cgroups, Slurm does this itself.
for process in /proc/[0-9]*; do
    number=${process#/proc/}
    [ "$number" != $$ ] && grep -qsz "^SLURM_JOB_ID=$SLURM_JOB_ID$" "$process/environ" && kill -9 "$number"
done
exit 0
"""


def what_slurm_lacks() -> str:
    """Why no Slurm starts on this machine; empty if nothing is missing."""
    for program in ("munged", "slurmctld", "slurmd", "sbatch"):
        if shutil.which(program) is None:
            return f"{program} is not installed (apt-get install slurm-wlm munge)"
    return what_hosts_lack()


class Slurm:
    """The cluster, while it is entered. Commands are run on the login node.

    folder: where all files of the cluster are, the output of jobs too; a path without blanks. notices_after:
    seconds after which a node that does not answer is lost.
    """

    def __init__(self, folder: Path, notices_after: int = 300) -> None:
        self.folder, self.notices_after = folder, notices_after
        self.hosts: list[Host] = []
        self._daemons: list[subprocess.Popen[bytes]] = []

    @property
    def login(self) -> Host:
        return self.hosts[0]

    @property
    def nodes(self) -> list[Host]:
        return self.hosts[1:]

    def __enter__(self) -> Slurm:
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _start(self) -> None:
        names, configuration = self.folder / "hosts", self.folder / "slurm.conf"
        for name in ("state", "munge"):
            (self.folder / name).mkdir()
        (self.folder / "epilog").write_text(EPILOG)
        (self.folder / "epilog").chmod(0o755)
        configuration.write_text(
            CONFIGURATION.format(
                folder=self.folder,
                nodes=",".join(NODES),
                first_job=JOBS.start,
                notices_after=self.notices_after,
            )
        )
        names.write_text("127.0.0.1 localhost\n")
        for number, name in enumerate(("login", *NODES), 1):
            self.hosts.append(start_host(name, number, names))
        names.write_text("127.0.0.1 localhost\n" + "".join(f"{h.address} {h.name}\n" for h in self.hosts))
        connect(self.hosts)
        key = self.folder / "munge.key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o400)
        for host in self.hosts:
            self._start_munge(host)
        self._daemon(self.login, "slurmctld", "-D", "-f", configuration)
        for host in self.nodes:
            self._daemon(host, "slurmd", "-D", "-N", host.name, "-f", configuration)
        self.wait_until(lambda: self("sinfo", "--noheader", "--format=%D %t") == "2 idle", 60)

    def _start_munge(self, host: Host) -> None:
        """Each host has its own munged at the same path: one munged refuses what two hosts receive alike."""
        folder = self.folder / "munge"
        subprocess.run(host.there("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", folder), check=True)
        files = [f"--{name}-file={folder}/{name}" for name in ("pid", "log", "seed")]
        key = f"--key-file={self.folder / 'munge.key'}"
        self._daemon(host, "munged", "--foreground", "--force", f"--socket={folder}/socket", key, *files)
        self.wait_until(
            lambda: subprocess.run(host.there("test", "-S", folder / "socket")).returncode == 0, 30
        )

    def _daemon(self, host: Host, *command: str | Path) -> None:
        with (self.folder / f"{command[0]}-{host.name}.out").open("wb") as log:
            self._daemons.append(host.start(*command, log=log))

    def __exit__(self, *error: object) -> None:
        for host in self.hosts:
            host.end()
        for daemon in self._daemons:
            daemon.wait()
        for job in JOBS:
            for folder in Path("/tmp").glob(f"ray-{job}-*"):
                shutil.rmtree(folder, ignore_errors=True)

    def run(self, *command: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run `command` on the login node, in the cluster's folder, with nothing of the caller's settings."""
        ours = ("KDSTUDY_", "RAY_", "MLFLOW_", "SLURM_")
        mine = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
        mine |= {"SLURM_CONF": str(self.folder / "slurm.conf"), "HF_HUB_OFFLINE": "1"} | environment
        return subprocess.run(
            self.login.there(*command),
            cwd=self.folder,
            env=mine,
            text=True,
            capture_output=True,
            timeout=900,
            start_new_session=True,
        )

    def __call__(self, *command: str | Path) -> str:
        """Run `command` on the login node; returns what it prints."""
        answer = self.run(*command)
        assert answer.returncode == 0, answer.stderr
        return answer.stdout.strip()

    def of(self, job: str, field: str) -> str:
        """A field of the job, such as JobState, as `scontrol show job` shows it."""
        shown = self("scontrol", "--oneliner", "show", "job", job)
        return next((word.partition("=")[2] for word in shown.split() if word.startswith(f"{field}=")), "")

    def output(self, job: str) -> str:
        """What the job has printed."""
        with suppress(FileNotFoundError):
            return (self.folder / f"slurm-{job}.out").read_text("utf-8")
        return ""

    def wait_for_state(self, job: str, state: str, timeout: float) -> None:
        """Wait until the job is in `state`, such as COMPLETED."""
        self.wait_until(lambda: self.of(job, "JobState") == state, timeout, job)

    def begin_again(self, job: str, restarts: int, timeout: float) -> None:
        """Begin a job that is requeued for the time `restarts`: Slurm would let it wait for two minutes."""
        self.wait_until(lambda: self.of(job, "Restarts") == str(restarts), timeout, job)
        self.wait_for_state(job, "PENDING", timeout)
        self("scontrol", "update", f"JobId={job}", "StartTime=now")

    def wait_until(self, condition: Callable[[], Any], timeout: float, job: str = "") -> None:
        """Wait until `condition` holds; what the `job` has printed is shown if it does not hold in time."""
        deadline = time.monotonic() + timeout
        while not condition():
            assert time.monotonic() < deadline, f"not in time: {self.output(job)}"
            time.sleep(0.5)
