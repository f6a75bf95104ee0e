"""Trials on nodes that differ, on a real Ray: as many run at once as fit, none waits, and each has its GPU.

The nodes are on this machine and say that they have GPUs. Nothing uses CUDA.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import ray

from cluster import Cluster
from study.driver import nodes, tune
from study.driver.ray_cluster import Resources, call_in_ray, connected
from study.driver.resources import check_cluster, in_room
from study.driver.room import Room
from study.driver.tune import run_phase
from study.errors import RequestError
from study.planning.capacity import Need
from study.planning.request import Request
from study.trial.memory import MIB, Peak
from tests.driver.test_tune import REPORT, Trials, job_of

GIB = 1024 * MIB
SMALL, LARGE = 24 * GIB, 80 * GIB
NODES = {"few GPUs": (4, 1), "few CPUs": (1, 2), "no GPUs": (4, 0)}
"""Name -> CPUs and GPUs. The head has neither."""
HEAD = """
import json, sys
from ray._private.authentication.authentication_token_setup import ensure_token_if_auth_enabled
from ray.cluster_utils import Cluster

ensure_token_if_auth_enabled(create_token_if_missing=True)
cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
for name, (cpus, gpus) in json.loads(sys.argv[1]).items():
    cluster.add_node(num_cpus=cpus, num_gpus=gpus, labels={"name": name.replace(" ", "-")})
print(cluster.address, flush=True)
sys.stdin.read()
cluster.shutdown()
"""


@pytest.fixture(scope="module")
def ray_here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A Ray of these nodes, joined; name -> Ray's id of the node."""
    environment = tmp_path_factory.mktemp("nodes") / "environment"
    environment.symlink_to(sys.prefix)  # Ray writes its Python's path unquoted into a shell command
    command = [str(environment / "bin" / "python"), "-c", HEAD, json.dumps(NODES)]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, text=True, start_new_session=True, **pipes) as head:
        assert head.stdout is not None
        with connected(Cluster("nodes that differ", {"address": head.stdout.readline().strip()})):
            labels = {node["NodeID"]: node["Labels"] for node in ray.nodes()}
            yield {label["name"]: node for node, label in labels.items() if "name" in label}
        head.communicate(timeout=60)


@pytest.fixture
def gpu_memory(ray_here: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """What the GPUs would tell of their memory."""
    of = {ray_here["few-GPUs"]: SMALL, ray_here["few-CPUs"]: LARGE}
    monkeypatch.setattr(nodes, "_gpu_memory", lambda asked: {node: of[node] for node in asked})


def need(gpu: int) -> Need:
    return Need(None, Peak(GIB), Peak(GIB, gpu), None, None)  # type: ignore[arg-type]


class Running(Trials):
    """Trials that remember how many of them were begun and not ended."""

    most = 0

    def next(self) -> Any:
        record = super().next()
        self.most = max(self.most, len(self.running))
        return record


@pytest.fixture
def placed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """`placed(resources, fits)`: where the first `fits` trials ran, and the most that were begun.

    Each of these trials ends when all of them have begun, and not before.
    """

    def run(resources: Resources, fits: int, **asked: Any) -> tuple[list[tuple[str, str]], int]:
        there = str(tmp_path)

        def train(config: dict[str, Any]) -> None:
            import os
            from pathlib import Path

            import ray
            from ray import tune

            node = ray.get_runtime_context().get_node_id()
            mine = Path(there, config["job"].key)
            mine.write_text(f"{node} {os.environ.get('CUDA_VISIBLE_DEVICES')}")
            deadline = time.monotonic() + 120
            while len(list(Path(there).iterdir())) < fits and time.monotonic() < deadline:
                time.sleep(0.05)
            tune.report({"report": REPORT})

        monkeypatch.setattr(tune, "train", train)
        room = Room(resources, Request("demo", **asked), lambda text: None)
        trials: Any = Running(fits + 2, "nothing", ValueError())
        began = time.monotonic()
        run_phase(trials, job_of, resources, lambda: None, room)
        assert time.monotonic() - began < 100, "a trial has waited for room"
        first = [str(number) for number in range(fits + 1, 1, -1)]  # keys count down
        where = [tuple(Path(there, key).read_text().split()) for key in first]
        return where, trials.most  # type: ignore[return-value]

    return run


def test_as_many_trials_begin_as_fit_node_by_node_and_each_sees_one_gpu(
    ray_here: dict[str, str], placed: Any
) -> None:
    """Three fit on the only GPU of one node, one on the only CPU of the other."""
    where, most = placed(Resources(1, 0.3, 1), 4)
    assert most == 4
    assert sorted(node for node, _ in where) == sorted([ray_here["few-GPUs"]] * 3 + [ray_here["few-CPUs"]])
    assert {devices for node, devices in where if node == ray_here["few-GPUs"]} == {"0"}
    assert {devices for node, devices in where if node == ray_here["few-CPUs"]} <= {"0", "1"}


@pytest.mark.usefixtures("gpu_memory")
def test_gpus_that_are_too_small_for_a_trial_are_left_alone(ray_here: dict[str, str], placed: Any) -> None:
    """Two fit on the two large GPUs, where a trial has half a CPU."""
    sized, note = in_room(Resources(0.5, 1, 3), need(36 * GIB), Request("demo"))
    assert note == "GPUs with less than 36.6 GiB are left alone: 1 machine"
    where, most = placed(sized, 2)
    assert most == 2
    assert sorted(where) == [(ray_here["few-CPUs"], "0"), (ray_here["few-CPUs"], "1")]


@pytest.mark.usefixtures("gpu_memory")
def test_the_preparation_runs_where_the_teacher_has_room(ray_here: dict[str, str], workshop: Any) -> None:
    of_teacher = Need(workshop.config(), Peak(GIB), Peak(GIB, GIB), Peak(GIB), Peak(GIB, 60 * GIB))
    found = check_cluster(of_teacher, Resources(0.5, 1, 3))

    def where() -> str:
        return ray.get_runtime_context().get_node_id()

    calls: list[tuple[()]] = [()] * 3
    assert call_in_ray(where, calls, found, "preparing") == [ray_here["few-CPUs"]] * 3


def test_cpus_and_gpus_that_no_node_has_together_are_refused(ray_here: dict[str, str], workshop: Any) -> None:
    small = Need(workshop.config(), Peak(GIB), Peak(GIB, GIB), None, None)
    line = r"^--cpus-per-trial 2 --gpus-per-trial 2: no machine of the cluster has both$"
    with pytest.raises(RequestError, match=line):
        check_cluster(small, Resources(2, 2, 1))
    check_cluster(small, Resources(1, 2, 1))


def test_a_gpu_that_tells_nothing_is_one_of_unknown_memory(ray_here: dict[str, str]) -> None:
    """The nodes have no CUDA."""
    found, note = in_room(Resources(1, 1, 3), need(GIB), Request("demo", gpus_per_trial="auto"))
    assert (found.gpus, found.concurrency) == (1, 2)
    assert note == "the memory of the GPUs is not known: one trial each"
