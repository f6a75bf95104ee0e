"""A node joins a running study late, with an empty home of its own, and eight trials start there."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.hosts import what_hosts_lack
from tests.processes import Running
from tests.s3 import S3

pytestmark = pytest.mark.slow

NAME = "my_space"
WORKER = "ray::ImplicitFunc.train"  # Ray's title of a worker that trains
NO_TOKEN = {"RAY_AUTH_MODE": "disabled"}
TRIALS, AT_ONCE = 16, 8
SPACE = f"""
from study.space import SearchSpace

SPACE = SearchSpace(
    question="Does a late node help?",
    scientific={{"learning_rate": tuple(n * 1e-4 for n in range(1, {TRIALS + 1}))}},
    fixed={{
        "init": "teacher",
        "steps": 1500,
        "batch_size": 16,
        "teacher_steps": 60,
        "teacher_batch_size": 16,
        "teacher_learning_rate": 3e-3,
    }},
    trials=1,
    confirm_seeds=0,
    reports=5,
)
"""
HEAD = """
import sys
from ray.cluster_utils import Cluster

cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
print(cluster.address, flush=True)
sys.stdin.read()
cluster.shutdown()
"""
JOIN = """
set -e
mount -t tmpfs none "$1"
exec "$2" start --address="$3" --node-ip-address="${3%:*}" --num-cpus="$4" --block
"""
"""The node has this machine's files, and in place of the home an empty folder that nobody else sees."""


@pytest.fixture
def address(s3: S3, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """HOST:PORT of a Ray of one node with one CPU. Nodes have the keys of the S3 in their environment."""
    for name, value in NO_TOKEN.items():
        monkeypatch.setenv(name, value)
    with subprocess.Popen(
        [sys.executable, "-c", HEAD],
        text=True,
        start_new_session=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as head:
        assert head.stdout is not None
        yield head.stdout.readline().strip()
        head.communicate(timeout=60)


@pytest.fixture
def join(address: str, tmp_path: Path) -> Iterator[Callable[[Path], Running]]:
    """`join(home)`: a node of eight CPUs with an empty home joins."""
    started: list[Running] = []

    def start(home: Path) -> Running:
        ray = Path(sys.executable).with_name("ray")
        words = ["unshare", "--mount", "bash", "-c", JOIN, "join", home, ray, address, AT_ONCE]
        out, log = tmp_path / "node-out", tmp_path / "node-log"
        with out.open("wb") as output, log.open("wb") as errors:
            process = subprocess.Popen(
                [str(word) for word in words],
                stdout=output,
                stderr=errors,
                start_new_session=True,
                env=dict(os.environ),
            )
        started.append(Running(process, out, log))
        return started[-1]

    yield start
    for node in started:
        node.kill(at_once=True)


@pytest.mark.skipif(bool(what_hosts_lack()), reason=what_hosts_lack())
def test_eight_trials_on_a_node_that_joins_late_fetch_each_object_once(
    kdstudy: Any,
    asked: Any,
    s3: S3,
    address: str,
    join: Callable[[Path], Running],
    check_whole: Callable[..., Any],
    tmp_path: Path,
) -> None:
    home, space, bucket = tmp_path / "home", tmp_path / f"{NAME}.py", s3.new_bucket()
    space.write_text(SPACE, encoding="utf-8")
    where = ["--home", home, "--cluster", address, "--storage-url", f"s3://{bucket}"]
    running = kdstudy.start("run", space, *asked.plain, *where, **NO_TOKEN)
    running.wait_until(lambda: list(home.glob("studies/*/trials/*/attempt-1/checkpoint-*")))
    assert s3.fetched(f"{bucket}/artifacts") == []  # the first node has built everything
    node, most = join(home), 0

    def ended() -> bool:
        nonlocal most
        most = max(most, len(node.workers(WORKER)))
        return running.process.poll() is not None

    while not ended():
        assert node.process.poll() is None, node.stderr()
        time.sleep(0.2)
    answer = running.finish()
    assert answer.code == 0, answer.err
    assert most == AT_ONCE
    whole = check_whole(home, NAME, TRIALS)
    trained = Counter(run.data.tags["kdstudy.machine.node"] for run in whole.trials.values())
    assert len(trained) == 2
    assert max(trained.values()) >= AT_ONCE
    fetched = Counter(s3.fetched(f"{bucket}/artifacts"))
    assert {name.partition("/")[0] for name in fetched} >= {
        "tasks",
        "models",
        "tokens",
        "teachers",
        "outputs",
    }
    assert set(fetched.values()) == {1}
