"""The room of a cluster: the number of trials follows it, and a trial that finds no room is not silent."""

from __future__ import annotations

import time
from typing import Any

import pytest
import ray

from study.driver import room as module
from study.driver.ray_cluster import Resources
from study.driver.room import Room
from study.errors import StudyStopped
from study.planning.request import Request
from study.trial.memory import MIB

GIB = 1024 * MIB


class Place:
    """A cluster whose nodes come and go, and a clock."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.nodes: list[dict[str, float]] = []
        self.now, self.grows, self.looks = 1000.0, False, 0
        self.notes: list[str] = []
        monkeypatch.setattr(time, "monotonic", lambda: self.now)
        monkeypatch.setattr(module, "can_grow", lambda: self.grows)
        monkeypatch.setattr(ray, "nodes", self._alive)
        monkeypatch.setattr(ray, "cluster_resources", self._total)
        monkeypatch.setattr(ray, "available_resources", dict)

    def _alive(self) -> list[dict[str, Any]]:
        self.looks += 1
        return [{"Alive": True, "NodeID": str(i), "Resources": n} for i, n in enumerate(self.nodes)]

    def _total(self) -> dict[str, float]:
        return {name: sum(node.get(name, 0) for node in self.nodes) for name in ("CPU", "GPU")}

    def room(self, resources: Resources, **request: Any) -> Room:
        return Room(resources, Request("demo", **request), self.notes.append)


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Place:
    return Place(monkeypatch)


NODE = {"CPU": 2.0, "memory": 64.0 * GIB}
ON_CPU = Resources(1, 0, 1)


def test_the_number_of_trials_follows_nodes_that_join_and_leave(place: Place) -> None:
    room = place.room(ON_CPU)
    assert room.at_once() == 1
    for nodes, fits in ((1, 2), (3, 6), (2, 4)):
        place.nodes = [NODE] * nodes
        place.now += 11
        assert room.at_once() == fits


def test_the_cluster_is_not_looked_at_for_every_trial(place: Place) -> None:
    room = place.room(ON_CPU)
    for _ in range(1000):
        room.at_once()
    assert place.looks == 1


def test_memory_and_gpus_limit_the_number_too(place: Place) -> None:
    place.nodes = [{"CPU": 8, "memory": 3 * GIB}]
    assert place.room(Resources(1, 0, 1, memory=GIB)).at_once() == 3
    assert place.room(Resources(1, 0, 1, cpus_aside=4)).at_once() == 2
    place.nodes = [{"CPU": 8, "memory": 64 * GIB, "GPU": 2}]
    assert place.room(Resources(1, 0.5, 1)).at_once() == 4
    assert place.room(Resources(4, 0.5, 1)).at_once() == 2
    place.nodes = [{"CPU": 1, "GPU": 8}, {"CPU": 8, "GPU": 1}, {"CPU": 64}]
    assert place.room(Resources(1, 0.4, 1)).at_once() == 1 + 2
    assert place.room(Resources(1, 0.4, 1, avoided=("0",))).at_once() == 2


def test_a_number_that_was_given_stays(place: Place) -> None:
    place.nodes, place.grows = [NODE] * 4, True
    assert place.room(Resources(1, 0, 3), concurrency=3).at_once() == 3


def test_a_cluster_with_an_autoscaler_gets_one_trial_more_for_which_it_starts_a_node(place: Place) -> None:
    place.grows = True
    room = place.room(ON_CPU)
    assert room.at_once() == 1 + 1
    place.nodes, place.now = [NODE], place.now + 11
    assert room.at_once() == 2 + 1


def test_a_trial_without_room_is_noted_but_not_the_one_that_an_autoscaler_gets(place: Place) -> None:
    place.nodes, place.grows = [NODE], True
    room = place.room(ON_CPU)
    room.at_once()
    for started, noted in ((2, []), (1, ["waiting for 1 CPU: 0 of 2 free"])):
        for _ in range(12):
            room.look(True, True, started)
            place.now += 1
        assert place.notes == noted


def test_a_study_whose_workers_cannot_start_stops_with_the_reason(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = place.room(ON_CPU)
    monkeypatch.setattr(room._starts, "reason", lambda: "3 workers could not start: no interpreter")
    room.look(False, False, 1)
    room.look(True, True, 0)
    with pytest.raises(StudyStopped, match=r"^running trials: 3 workers could not start: no interpreter$"):
        room.look(True, False, 1)
