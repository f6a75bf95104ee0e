"""Hosts of Linux namespaces: each has a name, an address and processes of its own, and this machine's files.

A program that looks for other processes of its machine, such as `ray stop`, sees those of its own host alone.
Nothing of this machine's network is changed: the hosts reach each other, and nothing else.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

__all__ = ["Host", "connect", "set_link", "start_host", "what_hosts_lack"]

NETWORK = "10.77.0"
INIT = """
set -e
hostname "$1"
mount --bind "$2" /etc/hosts
ip link set lo up
echo ready
sleep infinity & wait  # bash takes leave of every process whose parent has died
"""


@dataclass(frozen=True)
class Host:
    """A host, which ends with everything on it. process: the parent of the host's first process."""

    name: str
    address: str
    process: subprocess.Popen[str]

    @property
    def first(self) -> int:
        """The host's first process, as this machine numbers processes."""
        pid = self.process.pid
        return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])

    def there(self, *command: str | Path) -> list[str]:
        """The words that run `command` on the host, in the working folder of the caller."""
        return ["nsenter", "--all", f"--target={self.first}", "--wd=.", *map(str, command)]

    def start(self, *command: str | Path, log: IO[bytes]) -> subprocess.Popen[bytes]:
        """Start a program that runs as long as the host."""
        return subprocess.Popen(
            self.there(*command), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )

    def processes(self, word: str) -> list[int]:
        """The processes of the host with `word` in their command, as this machine numbers processes."""
        mine = os.readlink(f"/proc/{self.first}/ns/pid")
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if os.readlink(entry / "ns" / "pid") == mine and word in (entry / "cmdline").read_text():
                    found.append(int(entry.name))
        return found

    def end(self) -> None:
        """End the host: the kernel kills each of its processes."""
        self.process.kill()
        self.process.wait()


def what_hosts_lack() -> str:
    """Why this user cannot start hosts on this machine; empty if nothing is missing."""
    for program in ("unshare", "nsenter", "ip"):
        if shutil.which(program) is None:
            return f"{program} is not installed"
    if os.geteuid() != 0:
        return "only root starts hosts"
    words = ["unshare", "--net", "--uts", "--mount", "--pid", "--fork", "ip", "link", "add", "type", "bridge"]
    tried = subprocess.run(words, capture_output=True, text=True)
    return tried.stderr.strip()


def start_host(name: str, number: int, names: Path) -> Host:
    """Start the host `name` with the address NETWORK.number. names: the host's /etc/hosts."""
    own = ["--net", "--uts", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    process = subprocess.Popen(
        ["unshare", *own, "bash", "-c", INIT, "init", name, str(names)],
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n", f"the host {name} did not start"
    return Host(name, f"{NETWORK}.{number}", process)


def connect(hosts: Sequence[Host]) -> None:
    """Put the hosts into one network; the first one has the bridge."""
    hub, *others = hosts
    _ip(hub, "link", "add", "bridge", "type", "bridge")
    _address(hub, "bridge")
    for host in others:
        _ip(hub, "link", "add", host.name, "type", "veth", "peer", "eth0", "netns", str(host.first))
        _ip(hub, "link", "set", host.name, "master", "bridge", "up")
        _address(host, "eth0")


def set_link(hub: Host, host: Host, up: bool) -> None:
    """Cut `host` off from all others, or undo this. hub: the host that has the bridge."""
    _ip(hub, "link", "set", host.name, "up" if up else "down")


def _address(host: Host, device: str) -> None:
    _ip(host, "address", "add", f"{host.address}/24", "dev", device)
    _ip(host, "link", "set", device, "up")


def _ip(host: Host, *words: str) -> None:
    # only the network's namespace: the pid of another host means nothing to a host
    subprocess.run(["nsenter", "--net", f"--target={host.first}", "ip", *words], check=True)
