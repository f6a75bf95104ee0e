"""A study of some forty short but real trials, and what may happen to it."""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from study.driver.lifecycle import WORKER_DEATHS
from tests.chaos.points import WORKER, Fault, Points
from tests.chaos.whole import Whole
from tests.processes import Kdstudy, Running

__all__ = ["LONG", "NAME", "REPORTS", "SHORT", "SPACE", "Chaos", "kinds_of"]

SPACE = """
from study.space import Range, SearchSpace

SPACE = SearchSpace(
    question="Do the teacher's outputs help its copy, whatever happens?",
    scientific={"alpha": (1.0, 0.5)},
    nuisance={"learning_rate": Range(low=1e-3, high=3e-2, log=True)},
    fixed={
        "init": "teacher",
        "steps": 24,
        "batch_size": 8,
        "depth": 1,
        "teacher_steps": 120,
        "teacher_batch_size": 16,
        "teacher_learning_rate": 3e-3,
    },
    trials=20,
    sampler="tpe",
    confirm_seeds=1,
    reports=4,
    pruner="halving",
)
"""
LONG, SHORT = 20, 12  # trials of each arm; the sampler draws the first ten of them at random
REPORTS = 4
NAME = "chaos_space"
TRIAL = "ray::ImplicitFunc"  # the title of a process that trains
FAULTS = Path(__file__).with_name("faults")
KINDS = {
    "group": 3,
    "worker": 3,
    "point": 6,
    "SIGTERM": 1,
    "SIGINT": 1,
    "SIGHUP": 1,
    "SIGUSR1": 1,
    "SIGUSR2": 1,
    "group SIGTERM": 2,
    "gcs_server": 2,
}
SIGNALS = {"SIGTERM", "SIGINT", "SIGHUP", "SIGUSR1", "SIGUSR2"}
GROUP = "group "  # before a signal that goes to the whole process group
TOLD = 90.0  # seconds that a study has to stop: GRACE for its trials, and some for Ray and MLflow
WITHOUT_RAY = 45.0  # seconds that a study has to notice that Ray is dead, and to stop
LEFT = 15.0  # seconds after which nothing that a study has started is there any more
MOST_CRASHES = 4  # of a study that is not started again
PATIENCE = 12.0  # seconds that trials run until a fault point counts as not reached


def kinds_of(draw: random.Random, turns: int, points: bool = True) -> list[str]:
    """Mostly what comes while trials run: workers and groups killed, signals; and fault points."""
    kinds = {kind: weight for kind, weight in KINDS.items() if points or kind != "point"}
    return draw.choices([*kinds], [*kinds.values()], k=turns)


@dataclass
class Chaos:
    """Runs one study under kills drawn from `seed` until it has come to its end.

    kills: those that something died of, by their kind. crashes: what the command said when it ended by itself
    and not well. starts: of the command, the first included.
    """

    kdstudy: Kdstudy
    arguments: list[str | Path]
    home: Path
    seed: int
    concurrency: int
    points: Points | None = None
    kills: Counter[str] = field(default_factory=Counter)
    crashes: list[str] = field(default_factory=list)
    starts: int = 0
    ends: set[int] = field(default_factory=set)
    """Exit codes that are right for the start under way."""

    def __post_init__(self) -> None:
        self.draw = random.Random(self.seed)

    def run(self, kinds: list[str]) -> None:
        """Start the study once for each of `kinds`, which happens to it, and then to its end."""
        for kind in kinds:
            if self._run_once(kind) or len(self.crashes) == MOST_CRASHES:
                return
        while not self._run_once(None) and len(self.crashes) < MOST_CRASHES:
            pass

    def _run_once(self, kind: str | None) -> bool:
        """Whether the study has come to its end."""
        fault = self._next_fault() if kind == "point" else None
        self.starts += 1
        running = self._start(self._planted(fault) if fault else {})
        self.ends = {0, -signal.SIGKILL}
        stopped = False
        try:
            if kind is None:
                running.wait_for_end(1200)
            elif kind == "preparing":
                self._until(running, lambda: self._preparing() or running.workers(TRIAL))
                time.sleep(self.draw.uniform(0, 2))
                self._kill_group(running, "group, preparing")
            elif fault:
                stopped = self._await_fault(running, fault)
            else:
                begun = time.time()
                at_once = self.draw.random() < 0.25  # as a rule when trials have got on since the last kill
                self._until(running, lambda: running.workers(TRIAL) and (at_once or self._got_on(begun)))
                stopped = self._disturb(running, kind)
            code = running.process.poll()
            assert code is not None, f"did not end: {running.stderr()}"
            if not self._ended_well(code, stopped):
                self.crashes.append(f"start {self.starts} ended with {code}: {running.stderr()[-600:]}")
            elif code in (1, 130):
                self.crashes += [f"start {self.starts}, {kind}: {what}" for what in self._not_paused(running)]
            return code == 0 and not stopped
        finally:
            running.kill(at_once=True)

    def _ended_well(self, code: int, stopped: bool) -> bool:
        return code in self.ends

    def _not_paused(self, running: Running) -> list[str]:
        """What a study has left undone that ended by itself, and is not at its end."""
        last = (running.stderr().splitlines() or [""])[-1]
        deadline = time.monotonic() + LEFT
        while running.left() and time.monotonic() < deadline:
            time.sleep(0.2)
        checks = {
            f"the last line is {last}": "; go on with: kdstudy " in last,
            f"{len(running.left())} processes are left": not running.left(),
            "a run is left RUNNING": "RUNNING" not in Whole(self.home, NAME).statuses,
        }
        return [what for what, holds in checks.items() if not holds]

    def _start(self, environment: dict[str, str]) -> Running:
        options = ("--home", self.home, "--concurrency", str(self.concurrency))
        return self.kdstudy.start(*self.arguments, *options, **environment)

    def _disturb(self, running: Running, kind: str) -> bool:
        """What `kind` says, while trials run; whether the study was told to stop."""
        if kind == "worker":
            for _ in range(self.draw.randint(1, 4)):
                time.sleep(self.draw.uniform(0.2, 2.5))
                workers = running.workers(TRIAL)
                if running.process.poll() is None and workers and self._may_kill_a_worker():
                    self._hit(self.draw.choice(workers), signal.SIGKILL)
                    self.kills[kind] += 1
            time.sleep(self.draw.uniform(0.5, 2))
        time.sleep(self.draw.uniform(0, 3))
        if kind.removeprefix(GROUP) in SIGNALS:
            return self._signal(running, kind, twice=self.draw.random() < 0.3)
        if kind == "gcs_server":
            return self._kill_ray(running)
        self._kill_group(running, "group")
        return False

    def _signal(self, running: Running, kind: str, twice: bool = False) -> bool:
        """Tell the study to stop; whether there was one to tell."""
        if running.process.poll() is not None:
            return False
        number = signal.Signals[kind.removeprefix(GROUP)]
        hit = os.killpg if kind.startswith(GROUP) else os.kill
        self.ends.add(130)
        with suppress(ProcessLookupError):
            hit(running.process.pid, number)
            if twice:
                time.sleep(self.draw.uniform(0, 3))
                self.ends.add(-number)  # if the process was ending already
                hit(running.process.pid, number)
        running.wait_for_end(TOLD)
        if running.process.poll() not in (0, -signal.SIGKILL):
            self.kills[kind] += 1
        return True

    def _kill_ray(self, running: Running) -> bool:
        """Kill Ray's head: the study stops. Whether there was a head to kill."""
        heads = running.workers("gcs_server")
        if not heads:  # the study is at its end, and Ray is gone already
            running.wait_for_end(TOLD)
        if not heads or running.process.poll() is not None:
            return False
        self.ends.add(1)
        self._hit(heads[0], signal.SIGKILL)
        running.wait_for_end(WITHOUT_RAY)
        if running.process.poll() == 1:
            self.kills["gcs_server"] += 1
        return True

    def _kill_group(self, running: Running, kind: str) -> None:
        running.kill(at_once=True)
        if running.process.returncode == -signal.SIGKILL:  # else it had ended by itself
            self.kills[kind] += 1

    def _next_fault(self) -> Fault:
        assert self.points is not None
        reached = {"running"}
        if not (self.home / "studies" / NAME / "study.json").exists():
            reached.add("beginning")
        if not any((self.home / "artifacts").glob("outputs/*/manifest.json")):
            reached.add("preparing")
        if not (self.home / "artifacts" / "tasks").exists():
            reached.add("empty")
        return self.points.next(reached, workers_too=self._may_kill_a_worker())

    def _planted(self, fault: Fault) -> dict[str, str]:
        """The environment that has `fault` planted in the processes of a start."""
        point, there = asdict(fault.point), os.environ.get("PYTHONPATH")
        planted = point | {"when": fault.when, "count": fault.count, "fired": str(self._fired())}
        path = os.pathsep.join([str(FAULTS), *([there] if there else [])])
        return {"KDSTUDY_FAULT": json.dumps(planted), "PYTHONPATH": path}

    def _fired(self) -> Path:
        """The file that a process makes right before it kills itself."""
        return self.kdstudy.folder / f"fired-{self.seed}-{self.concurrency}-{self.starts}"

    def _await_fault(self, running: Running, fault: Fault) -> bool:
        """Wait for `fault`, and count it if a process has died of it; whether the study was told to stop."""
        assert self.points is not None
        fired, stopped, of_worker = self._fired(), False, fault.point.program == WORKER
        if fault.point.stopping:
            self._until(running, lambda: running.workers(TRIAL))
            time.sleep(self.draw.uniform(0, 3))
            stopped = self._signal(running, "SIGTERM")
        else:
            self._until(running, lambda: fired.exists() or running.workers(TRIAL))
            until = time.monotonic() + (PATIENCE if fault.point.reached == "running" else 0)
            self._until(running, lambda: fired.exists() or time.monotonic() > until)
        if not of_worker and fired.exists():
            running.wait_for_end(10)
        died = running.process.poll() == -signal.SIGKILL or (of_worker and self._is_gone(fired))
        if died and fired.exists():
            self.kills[f"point {fault}"] += 1
            self.points.fired[fault] += 1
        else:
            self.points.put_back(fault)
        if running.process.poll() is None:  # a worker died, and the study goes on; or nobody did
            time.sleep(self.draw.uniform(0, 2))
            self._kill_group(running, "group")
        return stopped

    def _is_gone(self, fired: Path) -> bool:
        """Whether the worker that fired has ended; it kills itself right after."""
        time.sleep(0.2)
        return fired.exists() and not Path(f"/proc/{fired.read_text()}/exe").exists()

    def _preparing(self) -> bool:
        return any((self.home / "artifacts").glob("building/*/*/work"))

    def _got_on(self, since: float) -> bool:
        """Whether a trial has written a checkpoint since then."""
        for path in self.home.glob("**/attempt-*/checkpoint-*.pt"):
            with suppress(FileNotFoundError):  # its trial has ended
                if path.stat().st_mtime > since:
                    return True
        return False

    def _may_kill_a_worker(self) -> bool:
        """A trial fails, and rightly so, when its worker has died four times without a report in between.

        Of those counted so far two are left alone, since the last one or two may not be on record yet.
        """
        ledger = self.home / "studies" / NAME / "optuna.db"
        if not ledger.exists():
            return True
        with sqlite3.connect(ledger) as database, suppress(sqlite3.OperationalError):  # no tables yet
            (deaths,) = database.execute(
                "select max(cast(value_json as integer)) from trial_user_attributes join trials "
                "using (trial_id) where state = 'RUNNING' and key like 'deaths after report %'"
            ).fetchone()
            return int(deaths or 0) < WORKER_DEATHS - 1
        return True

    def _until(self, running: Running, condition: Callable[[], Any]) -> None:
        while running.process.poll() is None and not condition():
            running.remember()
            time.sleep(0.1)

    def _hit(self, pid: int, how: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.kill(pid, how)
