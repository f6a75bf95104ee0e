"""The installed command in processes of its own: started, watched, killed with all that it has started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["Answer", "Kdstudy", "Running"]

COMMAND = Path(sys.executable).with_name("kdstudy")


@dataclass(frozen=True)
class Answer:
    """What a command left behind."""

    code: int
    out: str
    err: str


@dataclass
class Running:
    """A command under way in a process group of its own, and what it has started."""

    process: subprocess.Popen[bytes]
    out: Path
    log: Path
    started: dict[int, str] = field(default_factory=dict)

    def wait_until(self, condition: Callable[[], Any], timeout: float = 180) -> None:
        deadline = time.monotonic() + timeout
        while not condition():
            assert self.process.poll() is None, f"ended with {self.process.returncode}: {self.stderr()}"
            assert time.monotonic() < deadline, f"not in time: {self.stderr()}"
            time.sleep(0.1)

    def stderr(self) -> str:
        return self.log.read_text(encoding="utf-8")

    def done(self) -> int:
        """Trials of a study that have ended, as its progress says."""
        lines = [line for line in self.stderr().splitlines() if " done, " in line]
        return int(lines[-1].split("] ")[1].split("/")[0]) if lines else 0

    def finish(self, timeout: float = 120) -> Answer:
        self.process.wait(timeout)
        return Answer(self.process.returncode, self.out.read_text(encoding="utf-8"), self.stderr())

    def remember(self) -> None:
        """Note what the command has started so far: once it is gone, nothing leads there."""
        self.started |= _descendants(self.process.pid)

    def wait_for_end(self, timeout: float) -> None:
        """Until the command has ended, however it did."""
        deadline = time.monotonic() + timeout
        while self.process.poll() is None and time.monotonic() < deadline:
            self.remember()
            time.sleep(0.1)

    def kill(self, at_once: bool = False) -> None:
        """SIGKILL the whole process group, and then what of its descendants (Ray's daemons) is left."""
        self.remember()
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        # Ray's daemons notice that their driver is gone
        deadline = time.monotonic() + (0 if at_once else 15)
        while self.left() and time.monotonic() < deadline:
            time.sleep(0.2)
        for pid in self.left():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def workers(self, title: str) -> list[int]:
        """Ray's workers at the task called `title`."""
        there = {pid: Path(f"/proc/{pid}/cmdline") for pid in _descendants(self.process.pid)}
        return [pid for pid, line in there.items() if line.exists() and title in line.read_text()]

    def left(self) -> list[int]:
        """Processes that the command started and that are still there."""
        return [pid for pid, begun in self.started.items() if _stat(pid)[1] == begun]


def _stat(pid: int) -> tuple[int, str]:
    """Parent and time of birth of a process that has not ended; a pid alone may be another's by now."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0, ""
    return (0, "") if fields[0] == "Z" else (int(fields[1]), fields[19])


def _descendants(root: int) -> dict[int, str]:
    """Processes below `root`, each with its time of birth."""
    processes = {int(entry.name): _stat(int(entry.name)) for entry in Path("/proc").glob("[0-9]*")}
    found: dict[int, str] = {}
    generation = {root}
    while generation:
        generation = {pid for pid, (parent, _) in processes.items() if parent in generation}
        found |= {pid: processes[pid][1] for pid in generation}
    return found


@dataclass(frozen=True)
class Kdstudy:
    """The installed command, run in `folder` by `python` with nothing of the caller's settings."""

    folder: Path
    python: Path
    running: list[Running] = field(default_factory=list)

    def __call__(self, *arguments: str | Path, timeout: float = 240, **environment: str) -> Answer:
        return self.start(*arguments, **environment).finish(timeout)

    def start(
        self, *arguments: str | Path, command: Sequence[str | Path] = (COMMAND,), **environment: str
    ) -> Running:
        mine = {k: v for k, v in os.environ.items() if not k.startswith(("KDSTUDY_", "RAY_", "MLFLOW_"))}
        # files, not pipes: nobody reads them meanwhile, and a full pipe would stop the command
        out, log = (self.folder / f"{name}-{len(self.running)}" for name in ("stdout", "stderr"))
        with out.open("wb") as output, log.open("wb") as err:
            process = subprocess.Popen(
                [str(part) for part in (self.python, *command, *arguments)],
                cwd=self.folder,
                env=mine | {"HF_HUB_OFFLINE": "1"} | environment,
                stdout=output,
                stderr=err,
                start_new_session=True,
            )
        self.running.append(Running(process, out, log))
        return self.running[-1]
