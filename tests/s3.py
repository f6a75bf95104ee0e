"""An S3 on loopback: moto's server in a process of its own, and a network in front of it that breaks."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import threading
import time
import urllib.request
import uuid
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["S3", "BreakingNetwork"]


@dataclass
class S3:
    """moto's server; it keeps everything in memory."""

    log: Path
    port: int = 0
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("wb") as log:
            command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)]
            self.process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        deadline = time.monotonic() + 60
        while not (found := re.search(r"Running on http://127.0.0.1:(\d+)", self.log.read_text())):
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.1)
        self.port = int(found[1])

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    @property
    def environment(self) -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}",
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def fetched(self, folder: str) -> list[str]:
        """The objects below s3://`folder` that were read until now, each as often as it was read."""
        return re.findall(rf"GET /{re.escape(folder)}/([^ ?]+) HTTP", self.log.read_text("utf-8"))

    def new_bucket(self) -> str:
        name = f"bucket-{uuid.uuid4().hex[:12]}"
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/{name}", method="PUT")
        with urllib.request.urlopen(request, timeout=10):
            return name


@dataclass
class BreakingNetwork:
    """Passes on what it gets on `port` to `to`; once `lets_pass` bytes have gone, it drops everything."""

    to: int
    lets_pass: float = float("inf")
    passed: int = 0
    port: int = 0
    connections: list[socket.socket] = field(default_factory=list)

    def start(self) -> None:
        server = socket.create_server(("127.0.0.1", 0))
        self.port = server.getsockname()[1]
        threading.Thread(target=self._serve, args=(server,), daemon=True).start()

    def _serve(self, server: socket.socket) -> None:
        while True:
            ours, _ = server.accept()
            if self.passed > self.lets_pass:
                ours.close()
                continue
            theirs = socket.create_connection(("127.0.0.1", self.to))
            self.connections += [ours, theirs]
            for pair in ((ours, theirs), (theirs, ours)):
                threading.Thread(target=self._pass, args=pair, daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(1 << 16):
                self.passed += len(data)
                if self.passed > self.lets_pass:
                    break
                target.sendall(data)
        for one in (source, target):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
