"""A PostgreSQL of Debian's package on loopback, started and ended by the tests."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

__all__ = ["Postgres", "free_port", "installed_postgres"]

ADMIN = "postgres"
"""The server's administrator, who needs no password: only the tests reach the server."""


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@dataclass
class Postgres:
    """A server on loopback, run by its own user if the tests are run by root.

    passwords: whether all others than the administrator must give a password.
    """

    folder: Path
    programs: Path
    passwords: bool = False
    port: int = field(default_factory=free_port)

    def __post_init__(self) -> None:
        if os.getuid() == 0:
            shutil.chown(self.folder, "postgres")
        self._do("initdb", "-D", self.folder / "data", "-A", "trust", "-U", ADMIN)
        if self.passwords:
            rules = f"host all {ADMIN} 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n"
            (self.folder / "data" / "pg_hba.conf").write_text(rules)
        self.start()

    def url(self, database: str) -> str:
        """URL of a new database."""
        self._do("createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", ADMIN, database)
        return f"postgresql://{ADMIN}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        where = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self.folder}"
        self._do("pg_ctl", "-D", self.folder / "data", "-l", self.folder / "log", "-o", where, "-w", "start")

    def stop(self) -> None:
        """As a crash does: without waiting for those who are connected."""
        self._do("pg_ctl", "-D", self.folder / "data", "-m", "immediate", "-w", "stop")

    def _do(self, program: str, *arguments: Any) -> None:
        user = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
        command = [*user, self.programs / program, *arguments]
        subprocess.run(list(map(str, command)), check=True, capture_output=True, cwd=self.folder)


@contextmanager
def installed_postgres(passwords: bool = False) -> Iterator[Postgres]:
    """A server while it is entered; the test is skipped if PostgreSQL is not installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not found:
        pytest.skip("PostgreSQL is not installed")
    # For a Unix socket, whose path may not be long; pytest's folders are closed to other users.
    with tempfile.TemporaryDirectory(prefix="kd-") as name:
        Path(name).chmod(0o755)
        server = Postgres(Path(name), found[-1], passwords)
        try:
            yield server
        finally:
            server.stop()
