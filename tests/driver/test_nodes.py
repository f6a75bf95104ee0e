"""What Ray's nodes have, and whether there may be more of them."""

from __future__ import annotations

import json
import time
from types import SimpleNamespace
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


OWN = f"node_{'0a' * 28}"


@pytest.mark.parametrize(
    ("stored", "grows"),
    [
        (None, False),
        ({"time": 1.0}, False),
        ({"autoscaler_report": {"active_nodes": {OWN: 1}, "idle_nodes": None}}, False),
        ({"autoscaler_report": {"active_nodes": {"head": 1}, "pending_launches": {"worker": 2}}}, True),
        ("no JSON", False),
    ],
)
def test_a_cluster_can_grow_if_an_autoscaler_names_the_types_of_its_nodes(
    monkeypatch: pytest.MonkeyPatch, stored: Any, grows: bool
) -> None:
    text = stored if isinstance(stored, str) or stored is None else json.dumps(stored)
    monkeypatch.setattr(nodes, "is_autoscaler_v2", lambda fetch_from_server: False)
    monkeypatch.setattr(nodes, "_internal_kv_get", lambda key: text)
    assert nodes.can_grow() == grows


@pytest.mark.parametrize(("types", "grows"), [([OWN], False), (["headgroup", OWN], True)])
def test_the_second_autoscaler_stores_no_report_but_its_nodes_have_types(
    monkeypatch: pytest.MonkeyPatch, types: list[str], grows: bool
) -> None:
    there = [SimpleNamespace(ray_node_type_name=name) for name in types]
    status = SimpleNamespace(active_nodes=there[:1], idle_nodes=there[1:])
    monkeypatch.setattr(ray, "get_runtime_context", lambda: SimpleNamespace(gcs_address="10.0.0.1:6379"))
    monkeypatch.setattr(nodes, "is_autoscaler_v2", lambda fetch_from_server: True)
    monkeypatch.setattr(nodes, "get_cluster_status", {"10.0.0.1:6379": status}.__getitem__)
    assert nodes.can_grow() == grows


def test_the_first_report_of_an_autoscaler_that_has_just_started_is_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now, known = [1000.0], {1003.0: {"head"}}
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr(time, "sleep", lambda seconds: now.__setitem__(0, now[0] + seconds))
    monkeypatch.setattr(nodes, "_types", lambda: known.get(now[0]))
    assert nodes.can_grow(patience=5)
    now[0] = 1000.0
    assert not nodes.can_grow(patience=2)
    assert now[0] == 1002.0


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
