"""A Ray of several hosts: a head without trials, and two workers of one CPU. Each has its own address."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tests.cluster.hosts import Host, connect, set_link, start_host
from tests.cluster.studies import PATIENCE
from tests.processes import COMMAND

__all__ = ["QUICK_TO_NOTICE", "RAY", "Command", "RayHosts"]

PORT = 6379
RAY = Path(sys.executable).with_name("ray")
QUICK_TO_NOTICE = {
    "RAY_health_check_period_ms": "1000",
    "RAY_health_check_timeout_ms": "2000",
    "RAY_health_check_failure_threshold": "3",
}
"""Ray's head takes a node that does not answer for dead after 9 seconds; its default is a minute."""
OURS = ("KDSTUDY_", "RAY_", "MLFLOW_")
ALIVE = """
import sys
from ray._raylet import GcsClient
print(sum(node.state == 0 for node in GcsClient(address=sys.argv[1]).get_all_node_info().values()))
"""


class Command:
    """A command that runs on a host. out: what it prints on stdout and stderr, in a file."""

    def __init__(self, process: subprocess.Popen[bytes], out: Path) -> None:
        self.process, self.out = process, out

    @property
    def text(self) -> str:
        return self.out.read_text("utf-8", errors="replace")

    def until(self, condition: Callable[[], Any], timeout: float = PATIENCE) -> None:
        """Wait until `condition` holds. If the command ends first, what it printed is shown."""
        deadline = time.monotonic() + timeout
        while not condition():
            assert self.process.poll() is None, f"ended with {self.process.returncode}: {self.text}"
            assert time.monotonic() < deadline, f"not in time: {self.text}"
            time.sleep(0.5)

    def code(self, timeout: float = PATIENCE) -> int:
        """The exit code, once the command has ended."""
        return self.process.wait(timeout)

    def succeed(self) -> str:
        """What the command printed, once it has ended well."""
        assert self.code() == 0, self.text
        return self.text


class RayHosts:
    """The hosts, while it is entered: a head and `workers`. Ray's ports require a token.

    folder: a path without blanks.
    """

    def __init__(self, folder: Path, workers: Sequence[str] = ("w1", "w2")) -> None:
        self.folder, self.names = folder, ("head", *workers)
        self.hosts: list[Host] = []
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith(OURS)} | {
            "HF_HUB_OFFLINE": "1",
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN": secrets.token_hex(32),
            "RAY_USAGE_STATS_ENABLED": "0",
        }
        self._started: list[subprocess.Popen[bytes]] = []

    @property
    def head(self) -> Host:
        return self.hosts[0]

    @property
    def workers(self) -> list[Host]:
        return self.hosts[1:]

    @property
    def address(self) -> str:
        return f"{self.head.address}:{PORT}"

    def __enter__(self) -> RayHosts:
        try:
            names = self.folder / "hosts"
            names.write_text("127.0.0.1 localhost\n")
            for number, name in enumerate(self.names, 1):
                self.hosts.append(start_host(name, number, names))
            connect(self.hosts)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        for host in self.hosts:
            host.end()
            shutil.rmtree(self._ray_folder(host), ignore_errors=True)
        for process in self._started:
            process.wait()

    def _ray_folder(self, host: Host) -> Path:
        """Ray's own folder of a host: paths of sockets are short."""
        return Path(f"/tmp/ray-{os.getpid()}-{host.name}")

    def start_ray(self, *options: str, **environment: str) -> None:
        """Start a Ray on all hosts, and wait until it is whole. options: of `ray start` on the head."""
        address = f"--node-ip-address={self.head.address}"
        self._ray(self.head, "--head", f"--port={PORT}", address, "--num-cpus=0", *options, **environment)
        self.until_nodes(1)
        for host in self.workers:
            self.join(host, **environment)
        self.until_nodes(len(self.hosts))

    def join(self, host: Host, **environment: str) -> None:
        """Start a Ray on `host` that joins the head's."""
        options = (f"--address={self.address}", f"--node-ip-address={host.address}", "--num-cpus=1")
        self._ray(host, *options, **environment)

    def _ray(self, host: Host, *options: str, **environment: str) -> None:
        where = f"--temp-dir={self._ray_folder(host)}"
        self.start(host, RAY, "start", "--block", where, *options, **environment)

    def end_ray(self, *hosts: Host) -> None:
        """Kill all processes of Ray on `hosts` at once."""
        for host in hosts:
            for word in ("gcs_server", "raylet", "ray::", "/ray/"):
                for pid in host.processes(word):
                    os.kill(pid, signal.SIGKILL)
            shutil.rmtree(self._ray_folder(host), ignore_errors=True)

    def start(self, host: Host, *command: str | Path, **environment: str) -> Command:
        """Start a command on `host`, with nothing of the caller's settings."""
        out = self.folder / f"out-{len(self._started)}"
        with out.open("wb") as log:
            process = subprocess.Popen(
                host.there(*command),
                cwd=self.folder,
                env=self.environment | environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._started.append(process)
        return Command(process, out)

    def kdstudy(self, *words: str | Path, **environment: str) -> Command:
        """Start `kdstudy` on the head's host."""
        return self.start(self.head, sys.executable, COMMAND, *words, **environment)

    def until_nodes(self, count: int) -> None:
        """Wait until Ray's head counts so many nodes that live, its own among them."""
        deadline = time.monotonic() + 120
        while (found := self._nodes()) != count:
            assert time.monotonic() < deadline, f"{found} nodes live, not {count}"
            time.sleep(0.5)

    def _nodes(self) -> int:
        asked = subprocess.run(
            self.head.there(sys.executable, "-c", ALIVE, self.address),
            env=self.environment,
            text=True,
            capture_output=True,
            timeout=60,
        )
        return int(asked.stdout or 0)

    def cut(self, host: Host) -> None:
        """Cut `host` off from the others; `mend` undoes this."""
        set_link(self.head, host, up=False)

    def mend(self, host: Host) -> None:
        set_link(self.head, host, up=True)
