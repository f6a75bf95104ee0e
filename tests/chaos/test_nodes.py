"""Nodes of a Ray cluster die under a study: their trials go on elsewhere, each key once."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.chaos.alone import Alone, check_alone
from tests.chaos.chaos import NAME
from tests.chaos.whole import Whole
from tests.processes import Kdstudy

pytestmark = pytest.mark.chaos

NO_TOKEN = {"RAY_AUTH_MODE": "disabled"}
QUICK_TO_NOTICE = {
    "RAY_health_check_period_ms": "1000",
    "RAY_health_check_timeout_ms": "2000",
    "RAY_health_check_failure_threshold": "3",
}
CLUSTER = """
import os, signal, sys
from ray.cluster_utils import Cluster

cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
nodes = [cluster.add_node(num_cpus=1) for _ in range(int(sys.argv[1]))]
print(cluster.address, flush=True)
for line in sys.stdin:  # a node is killed, and another joins
    process = nodes.pop(0).all_processes["raylet"][0].process
    os.kill(process.pid, signal.SIGKILL)
    nodes.append(cluster.add_node(num_cpus=1))
    print("killed", flush=True)
cluster.shutdown()
"""


@dataclass
class Nodes:
    """A Ray cluster of several nodes on this machine."""

    process: subprocess.Popen[str]
    address: str

    def kill_one(self) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("kill\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "killed\n"


@contextmanager
def cluster_of(nodes: int, folder: Path) -> Iterator[Nodes]:
    environment = folder / "environment"  # Ray writes its Python's path unquoted into a shell command
    environment.symlink_to(sys.prefix)
    command = [str(environment / "bin" / "python"), "-c", CLUSTER, str(nodes)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    settings = dict(os.environ) | NO_TOKEN | QUICK_TO_NOTICE
    with subprocess.Popen(command, text=True, start_new_session=True, env=settings, **pipes) as head:  # type: ignore[call-overload]
        yield Nodes(head, head.stdout.readline().strip())
        head.stdin.close()
        head.wait(timeout=60)


@pytest.mark.parametrize("nodes", [2, 3])
def test_a_study_outlives_its_nodes(
    kdstudy: Kdstudy,
    arguments: list[str | Path],
    artifacts: Path,
    undisturbed: Callable[[], Whole],
    alone: Alone,
    tmp_path: Path,
    nodes: int,
) -> None:
    home = tmp_path / "home"
    shutil.copytree(artifacts, home / "artifacts")
    planned = len(undisturbed().records)  # ended: it takes no time from this one
    draw = random.Random(nodes)
    with cluster_of(nodes, tmp_path) as cluster:
        where: list[str | Path] = ["--home", home, "--cluster", cluster.address, "--concurrency", str(nodes)]
        running = kdstudy.start(*arguments, *where, **NO_TOKEN)
        kills = 0
        while running.process.poll() is None and kills < 4:
            time.sleep(draw.uniform(8, 12))
            if running.process.poll() is None and list(home.glob("studies/*/trials/*")):
                cluster.kill_one()
                kills += 1
        answer = running.finish(timeout=600)
    assert answer.code == 0, answer.err
    whole = Whole(home, NAME)
    assert kills > 0
    assert whole.violations(planned) + check_alone(whole, alone) == []
    print(f"{nodes} nodes: {kills} killed, 0 violations")
