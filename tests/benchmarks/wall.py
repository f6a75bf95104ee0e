"""Where the wall stands: what one driver bears, if hundreds of trials run at once.

Run as: python -m tests.benchmarks.wall [TRIALS [AT_ONCE]]   (default 2000 400, some minutes; make bench)

Trials that train nothing make five reports with a score for each of 52 languages, through everything that a
driver has: ledger and MLflow, journals on disk, the lease.

database  AT_ONCE trials at once, played by hand; MLflow is a SQLite file of the home.
own       The same as database, with MLflow's own store in place of `study/tracking/grouped.py`.
server    The same; MLflow is a server of its own on loopback, on SQLite.
ray, W    Real Ray and Tune, with W real workers on this machine: 400 of them would not fit. `tune_ms` is what
          Ray and Tune take of the driver for a trial, and `lag_ms` the time between two steps of Tune's loop
          (the 99th percentile), in which nobody looks at the other trials.
nodes, N  The same on N fake nodes of 8 fake GPUs, with one real worker on each: its trial takes all 8.

`main_ms` and `mlflow_ms` are CPU of the driver's main thread and of its MLflow thread, for a trial. They
share one lock (Python's), so 1000 / (both) is the most ends a second that one driver can bear, on a core that
nobody else uses.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections import defaultdict, deque
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any
from unittest import mock

from tests.benchmarks.orchestration import LANGUAGES, REPORTS, memory, no_op, open_study, report
from tests.postgres import free_port

SECONDS = 60.0
"""How long a trial of the question takes: 400 of them end 6.7 times a second."""
WORKERS = (2, 16)


class Shares:
    """CPU seconds of the main thread and of the MLflow thread, by what they were spent on."""

    def __init__(self, stack: ExitStack) -> None:
        from study.tracking.outbox import Outbox

        self.spent: dict[str, float] = defaultdict(float)
        self.steps: list[float] = []
        work = Outbox._work

        def timed(outbox: Outbox) -> None:
            before = time.thread_time()
            work(outbox)
            self.spent["mlflow"] += time.thread_time() - before

        stack.enter_context(mock.patch.object(Outbox, "_work", timed))
        self._stack = stack
        self.began = time.thread_time()

    @contextmanager
    def of(self, what: str) -> Iterator[None]:
        """Within this context, what the main thread spends is spent on `what`, unless on something within."""
        began, before = time.thread_time(), self._main
        yield
        self.spent[what] += time.thread_time() - began - (self._main - before)

    @property
    def _main(self) -> float:
        return sum(spent for what, spent in self.spent.items() if what != "mlflow")

    def wrap(self, owner: Any, what: str, *names: str) -> None:
        """Count the main thread's calls of `owner.name` as spent on `what`."""
        for name in names:
            original = getattr(owner, name)

            def timed(*values: Any, original: Any = original, **more: Any) -> Any:
                if threading.current_thread() is not threading.main_thread():
                    return original(*values, **more)
                with self.of(what):
                    return original(*values, **more)

            self._stack.enter_context(mock.patch.object(owner, name, timed))

    def wrap_all(self) -> None:
        """Tell ledger, journals and the rest of a trial's life apart; what is left over is Tune's."""
        from study.driver.lifecycle import Lifecycle
        from study.driver.watch import Watch
        from study.ledger.ledger import Ledger
        from study.tracking.journal import Journal

        self.wrap(Ledger, "ledger", "ask_search", "begin_attempt", "report", "tell_all")
        self.wrap(Journal, "journal", "add")
        self.wrap(Watch, "view", "__call__")
        self.wrap(Lifecycle, "rest", "next", "report", "end", "close_ended", "has_next", "paused")

    def figures(self, trials: int, seconds: float, left_over: str) -> dict[str, float]:
        """Milliseconds a trial, and what follows from them."""
        main = time.thread_time() - self.began
        self.spent[left_over] += main - self._main
        found = {f"{what}_ms": 1000 * spent / trials for what, spent in sorted(self.spent.items())}
        found["main_ms"] = 1000 * main / trials
        found["most_a_second"] = 1000 / (found["main_ms"] + found["mlflow_ms"])
        return found | {"trials": trials, "trials_a_second": trials / seconds, "driver_mib": memory()}


def play(trials: int, at_once: int, tracking_uri: str | None = None) -> dict[str, float]:
    """Play `trials` trials, `at_once` of them at any time, as fast as the driver bears."""
    from study.driver.lifecycle import Lifecycle
    from study.driver.watch import Watch
    from study.home import Home

    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        shares = Shares(stack)
        shares.wrap_all()
        urls = {"tracking_uri": tracking_uri} if tracking_uri else {}
        study = open_study(Home(Path(folder)), trials, stack, urls)
        cycle = Lifecycle(study.ledger, study.lease, study.posts, "search", lambda: study.ledger.ask_search())
        watch = Watch(study.view, study.plan, cycle)
        running: deque[tuple[str, float, int]] = deque()
        shares.spent.clear()
        shares.began, began, made = time.thread_time(), time.monotonic(), 0
        while True:
            while len(cycle.running) < at_once and (record := cycle.next()) is not None:
                running.append((record.key, record.config.learning_rate, 1))
            if running:
                key, rate, number = running.popleft()
                cycle.report(key, cycle.attempts[key], report(number, rate, LANGUAGES))
                if number == REPORTS:
                    cycle.end(key)
                    made += 1
                else:
                    running.append((key, rate, number + 1))
            elif cycle.paused() or cycle.running:
                time.sleep(0.05)
            elif not cycle.has_next():
                break
            cycle.close_ended()
            watch()
        assert study.posts.outbox.flush(600)
        seconds = time.monotonic() - began
        study.posts.outbox.__exit__()
        return shares.figures(made, seconds, "play")


def play_with_own_store(trials: int, at_once: int) -> dict[str, float]:
    """`play`, with MLflow's own store of a database."""
    import study.tracking.grouped  # noqa: F401 (puts its store in the place of MLflow's)

    # isort: split
    from mlflow.tracking._tracking_service import utils

    utils._tracking_store_registry.register("sqlite", utils._get_sqlalchemy_store)
    return play(trials, at_once)


def play_on_server(trials: int, at_once: int) -> dict[str, float]:
    """`play`, with a server of MLflow on loopback."""
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        store = ["--backend-store-uri", f"sqlite:///{folder}/mlflow.db", "--workers", "1"]
        where = ["--host", "127.0.0.1", "--port", str(port), "--default-artifact-root", f"{folder}/artifacts"]
        command = [sys.executable, "-m", "mlflow", "server", *store, *where]
        quiet = subprocess.DEVNULL
        server = subprocess.Popen(command, stdout=quiet, stderr=quiet, start_new_session=True)
        try:
            url = f"http://127.0.0.1:{port}"
            while server.poll() is None:
                with suppress(OSError), urllib.request.urlopen(f"{url}/health", timeout=2):
                    break
                time.sleep(0.3)
            return play(trials, at_once, url)
        finally:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()


def on_workers(trials: int, workers: int) -> dict[str, float]:
    """Real trials of Ray Tune on `workers` workers of this machine."""
    from cluster.local import CLUSTER as LOCAL

    return on_ray(replace(LOCAL, ray_init=LOCAL.ray_init | {"num_cpus": workers}), trials, workers, gpus=0)


def on_nodes(trials: int, nodes: int) -> dict[str, float]:
    """Real trials of Ray Tune on fake nodes of 8 fake GPUs, one on each node."""
    from ray.cluster_utils import Cluster

    from cluster.running import CLUSTER as RUNNING

    fake = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    try:
        for _ in range(nodes):
            fake.add_node(wait=False, num_cpus=8, num_gpus=8)
        fake.wait_for_nodes(timeout=900)
        there = replace(RUNNING, ray_init=RUNNING.ray_init | {"address": fake.address})
        return on_ray(there, trials, nodes, gpus=8)
    finally:
        fake.shutdown()


def on_ray(cluster: Any, trials: int, at_once: int, gpus: int) -> dict[str, float]:
    """Real trials of Ray Tune in `cluster`, each with one CPU and `gpus` GPUs."""
    from study.driver import tune
    from study.driver.lifecycle import Lifecycle
    from study.driver.ray_cluster import connected
    from study.driver.room import Room
    from study.home import Home
    from study.planning.request import Request

    steps: list[float] = []
    close = Lifecycle.close_ended

    def step(cycle: Lifecycle) -> None:
        steps.append(time.monotonic())
        close(cycle)

    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        stack.enter_context(mock.patch.object(Lifecycle, "close_ended", step))
        stack.enter_context(mock.patch.object(tune, "train", no_op))
        shares = Shares(stack)
        shares.wrap_all()
        stack.enter_context(connected(cluster))
        study = open_study(Home(Path(folder)), trials, stack, resources=(1, gpus, at_once))
        room = Room(study.resources, Request(space="bench", concurrency=at_once), print)
        shares.spent.clear()
        shares.began = time.thread_time()
        study.trials("search", study.ledger.ask_search, room)
        assert study.posts.outbox.flush(600)
        done = time.monotonic()
        study.posts.outbox.__exit__()
        made = study.summary()["complete"]
        lags = sorted(1000 * (b - a) for a, b in pairwise(steps))
        found = shares.figures(made, made / study.view.rate(done), "tune")
        return found | {"lag_ms": lags[int(0.99 * len(lags))]}


def main(trials: int = 2000, at_once: int = 400) -> None:
    parts = [f"database {trials} {at_once}"]
    parts += [f"{mlflow} {trials // 4} {at_once}" for mlflow in ("own", "server")]
    parts += [f"ray {trials // 8} {workers}" for workers in WORKERS]
    parts += [f"nodes {trials // 4} {at_once // 8}"]
    found = {}
    for part in parts:
        command = [sys.executable, "-m", "tests.benchmarks.wall", "--part", *part.split()]
        answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        found[part] = json.loads(answer.stdout.splitlines()[-1])
        for figure, value in found[part].items():
            print(f"{part:20}  {figure:18}  {value:10.4g}", flush=True)
    print(f"{at_once} trials of {SECONDS:g} s end {at_once / SECONDS:.3g} times a second")
    folder = Path("bench-results")
    folder.mkdir(exist_ok=True)
    (folder / "wall.json").write_text(json.dumps(found, indent=1), encoding="utf-8")


PARTS = {
    "database": play,
    "own": play_with_own_store,
    "server": play_on_server,
    "ray": on_workers,
    "nodes": on_nodes,
}

if __name__ == "__main__":
    if sys.argv[1:2] == ["--part"]:
        print(json.dumps(PARTS[sys.argv[2]](*map(int, sys.argv[3:]))))
    else:
        main(*map(int, sys.argv[1:]))
