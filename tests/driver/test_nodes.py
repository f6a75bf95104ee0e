"""What Ray's nodes have, and whether there may be more of them."""

from __future__ import annotations

import json
from typing import Any

import pytest
import ray
from ray.exceptions import RayTaskError, TaskUnschedulableError

from study.driver import nodes
from study.driver.nodes import nodes_with_room
from study.driver.ray_cluster import Resources
from study.planning.capacity import Machine
from study.trial.memory import MIB

GIB = 1024 * MIB
NODE = "ab" * 28


class Task:
    """In place of a remote function, and of its answer."""

    def __call__(self, function: Any) -> Task:
        return self

    def options(self, **options: Any) -> Task:
        return self

    def remote(self) -> Task:
        return self


@pytest.fixture
def node_with_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    """A node of 4 CPUs and 2 GPUs, which answers at once."""
    node = {"Alive": True, "NodeID": NODE, "Resources": {"CPU": 4, "memory": GIB, "GPU": 2}}
    monkeypatch.setattr(ray, "nodes", lambda: [node])
    monkeypatch.setattr(ray, "remote", lambda **options: Task())
    monkeypatch.setattr(ray, "wait", lambda tasks, **more: (tasks, []))


@pytest.mark.parametrize(
    ("stored", "grows"),
    [
        (None, False),
        ({"time": 1.0}, False),
        ({"autoscaler_report": {"active_nodes": {f"node_{'0a' * 28}": 1}, "idle_nodes": None}}, False),
        ({"autoscaler_report": {"active_nodes": {"head": 1}, "pending_launches": {"worker": 2}}}, True),
        ("no JSON", False),
    ],
)
def test_a_cluster_can_grow_if_an_autoscaler_names_the_types_of_its_nodes(
    monkeypatch: pytest.MonkeyPatch, stored: Any, grows: bool
) -> None:
    text = stored if isinstance(stored, str) or stored is None else json.dumps(stored)
    monkeypatch.setattr(nodes, "_internal_kv_get", lambda key: text)
    monkeypatch.setattr(ray._private.state.state, "get_cluster_config", lambda: None)
    assert nodes.can_grow() == grows


@pytest.mark.usefixtures("node_with_gpus")
@pytest.mark.parametrize(
    "error",
    [
        TaskUnschedulableError("the node is gone"),
        RayTaskError("read", "Traceback ...", RuntimeError("no CUDA")),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_gpu_that_does_not_answer_is_one_of_unknown_memory(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def get(task: Task) -> int:
        raise error

    monkeypatch.setattr(ray, "get", get)
    assert nodes_with_room(Resources(1, 1, 2)) == {NODE: Machine(4, GIB, 2, None)}


@pytest.mark.usefixtures("node_with_gpus")
def test_a_node_whose_gpus_are_all_in_use_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    cancelled: list[Any] = []
    monkeypatch.setattr(ray, "wait", lambda tasks, **more: ([], tasks))
    monkeypatch.setattr(ray, "cancel", lambda task, force: cancelled.append(task))
    assert nodes_with_room(Resources(1, 1, 2)) == {NODE: Machine(4, GIB, 2, None)}
    assert len(cancelled) == 1


@pytest.mark.usefixtures("node_with_gpus")
def test_the_memory_of_gpus_is_asked_for_only_if_trials_get_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray, "get", lambda task: 24 * GIB)
    assert nodes_with_room(Resources(1, 0.5, 2)) == {NODE: Machine(4, GIB, 2, 24 * GIB)}
    monkeypatch.setattr(ray, "remote", lambda **options: pytest.fail("nobody reads it"))
    assert nodes_with_room(Resources(1, 0, 2)) == {NODE: Machine(4, GIB, 2, None)}
    assert nodes_with_room(Resources(5, 0, 2)) == {}
