"""How many trials run at once: what Ray's cluster has, against what trials take."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import ray

from cluster import Cluster
from study.driver import nodes, resources
from study.driver.ray_cluster import Resources
from study.driver.resources import check_cluster, default_resources, in_room
from study.errors import RequestError
from study.planning.capacity import Need
from study.planning.request import Request
from study.trial.memory import MIB, Peak

GIB = 1024 * MIB


def need(cpu: int, gpu: int = GIB) -> Need:
    return Need(None, Peak(cpu), Peak(3 * GIB, gpu), None, None)  # type: ignore[arg-type]


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Any:
    """`cluster(node, ...)`: Ray has these nodes, each {"CPU": ..., "memory": ..., "GPU": ...}.

    "gpu_memory" is what each GPU of the node has, if this is known.
    """

    def of(*given: dict[str, float]) -> None:
        there = [{"Alive": True, "NodeID": str(i), "Resources": node} for i, node in enumerate(given)]
        monkeypatch.setattr(ray, "nodes", lambda: [*there, {"Alive": False, "Resources": {}}])
        monkeypatch.setattr(
            ray,
            "cluster_resources",
            lambda: {name: sum(node.get(name, 0) for node in given) for name in ("CPU", "GPU")},
        )
        monkeypatch.setattr(resources, "can_grow", lambda patience=0: False)
        known = {str(i): node.get("gpu_memory") for i, node in enumerate(given)}
        monkeypatch.setattr(nodes, "_gpu_memory", lambda asked: {each: known[each] for each in asked})

    return of


LOCAL = Cluster("this machine", {"address": "local"})
AWAY = Cluster("a cluster", {"address": "10.0.0.1:6379"})
ON_CPUS = Resources(cpus=1, gpus=0, concurrency=8)


def test_no_more_trials_at_once_than_there_is_memory_for(cluster: Any) -> None:
    cluster({"CPU": 8, "memory": 10 * GIB})
    found, note = in_room(ON_CPUS, need(4 * GIB), Request("demo"))
    assert (found.concurrency, found.memory) == (2, 4 * GIB)
    assert found.of_a_trial == {"cpu": 1, "gpu": 0, "memory": 4 * GIB}
    assert note == "2 trials at once, not 8: each takes up to 4.0 GiB of memory, 10.0 GiB are free"


def test_if_there_is_room_for_all_trials_nothing_is_noted(cluster: Any) -> None:
    cluster({"CPU": 8, "memory": 64 * GIB})
    found, note = in_room(ON_CPUS, need(GIB), Request("demo"))
    assert (found.concurrency, note) == (8, "")


def test_a_trial_does_not_lie_across_machines(cluster: Any) -> None:
    cluster({"CPU": 4, "memory": 6 * GIB}, {"CPU": 4, "memory": 7 * GIB})
    assert in_room(ON_CPUS, need(4 * GIB), Request("demo"))[0].concurrency == 2


def test_one_trial_runs_even_if_ray_found_less_memory_free_than_the_trial_may_take(cluster: Any) -> None:
    cluster({"CPU": 8, "memory": 3 * GIB})
    found, _ = in_room(ON_CPUS, need(4 * GIB), Request("demo"))
    assert (found.concurrency, found.memory) == (1, 3 * GIB)  # Ray would never grant more


def test_on_each_of_several_such_machines_one_trial_runs(cluster: Any) -> None:
    cluster({"CPU": 8, "memory": 3 * GIB}, {"CPU": 8, "memory": 3 * GIB})
    found, _ = in_room(replace(ON_CPUS, concurrency=16), need(4 * GIB), Request("demo"))
    assert (found.concurrency, found.memory) == (2, 3 * GIB)


def test_the_memory_of_a_head_without_cpus_does_not_count(cluster: Any, workshop: Any) -> None:
    """Else Ray would set memory aside that no node with CPUs has, and all trials would wait for ever."""
    cluster({"CPU": 0, "memory": 64 * GIB}, {"CPU": 4, "memory": 6 * GIB})
    found, _ = in_room(ON_CPUS, need(8 * GIB), Request("demo"))
    assert (found.concurrency, found.memory) == (1, 6 * GIB)
    large = Need(workshop.config(), Peak(9 * GIB), Peak(GIB, GIB), None, None)
    with pytest.raises(RequestError, match=r"the largest machine of the cluster has 6\.0 GiB"):
        check_cluster(large, ON_CPUS)


def test_memory_is_not_set_aside_if_a_node_does_not_report_its_own(cluster: Any) -> None:
    cluster({"CPU": 8}, {"CPU": 8, "memory": 64 * GIB})
    assert in_room(ON_CPUS, need(4 * GIB), Request("demo"))[0].memory == 0


def test_if_the_cluster_can_grow_cpus_stand_for_memory(cluster: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """An autoscaler may not know how much memory a machine will have that it could start."""
    cluster({"CPU": 0, "memory": 2 * GIB}, {"CPU": 8, "memory": 14 * GIB})
    monkeypatch.setattr(resources, "can_grow", lambda patience=0: True)
    found, _ = in_room(ON_CPUS, need(4 * GIB), Request("demo"))
    assert found.of_a_trial == {"cpu": 2.6666, "gpu": 0}
    assert (found.concurrency, found.threads) == (3, 1)
    found, _ = in_room(ON_CPUS, need(GIB), Request("demo"))
    assert (found.of_a_trial, found.concurrency) == ({"cpu": 1, "gpu": 0}, 8)


def test_a_concurrency_that_is_given_is_taken_as_it_is(cluster: Any) -> None:
    cluster({"CPU": 8, "memory": 10 * GIB})
    assert in_room(ON_CPUS, need(4 * GIB), Request("demo", concurrency=8)) == (ON_CPUS, "")


def test_with_gpus_per_trial_auto_as_many_trials_share_a_gpu_as_fit(cluster: Any) -> None:
    cluster({"CPU": 64, "memory": 500 * GIB, "GPU": 2, "gpu_memory": 80 * GIB})
    whole = Resources(cpus=1, gpus=1, concurrency=2)
    assert in_room(whole, need(GIB, 9 * GIB), Request("demo")) == (whole, "")
    found, note = in_room(whole, need(GIB, 9 * GIB), Request("demo", gpus_per_trial="auto"))
    assert (found.gpus, found.concurrency) == (0.1428, 14)
    assert note == "7 trials share a GPU: each takes up to 9.0 GiB"


def test_cpus_limit_how_many_share_the_gpus(cluster: Any) -> None:
    cluster({"CPU": 4, "memory": 500 * GIB, "GPU": 2, "gpu_memory": 80 * GIB})
    auto = Request("demo", gpus_per_trial="auto")
    assert in_room(Resources(1, 1, 2), need(GIB, GIB), auto)[0].concurrency == 4


def test_gpus_are_counted_with_the_cpus_of_their_own_node(cluster: Any) -> None:
    """The CPUs of other nodes help nobody."""
    many_cpus = {"CPU": 64, "memory": 500 * GIB}
    cluster({"CPU": 2, "GPU": 8}, {"CPU": 16, "GPU": 1}, many_cpus)
    assert default_resources(AWAY) == Resources(1, 1, 2 + 1)
    assert default_resources(AWAY, gpus=0.4) == Resources(1, 0.4, 2 + 2)
    assert default_resources(AWAY, cpus=4, gpus=0.25) == Resources(4, 0.25, 0 + 4)


def test_gpus_of_several_sizes_take_as_many_trials_as_the_smallest_that_is_large_enough(cluster: Any) -> None:
    nodes = [{"CPU": 64, "GPU": 2, "gpu_memory": size * GIB} for size in (8, 24, 80)]
    cluster(*nodes)
    found, note = in_room(Resources(1, 1, 6), need(GIB, 10 * GIB), Request("demo", gpus_per_trial="auto"))
    assert (found.gpus, found.concurrency, found.avoided) == (0.5, 2 * (2 + 2), ("0",))
    assert found.nodes == {"ray.io/node-id": "!in(0)"}
    assert note == (
        "GPUs with less than 10.6 GiB are left alone: 1 machine; "
        "2 trials share a GPU: each takes up to 10.0 GiB"
    )


def test_gpus_of_unknown_memory_are_not_shared(cluster: Any) -> None:
    cluster({"CPU": 4, "memory": 500 * GIB, "GPU": 2})
    found, note = in_room(Resources(1, 1, 2), need(GIB), Request("demo", gpus_per_trial="auto"))
    assert (found.gpus, note) == (1, "the memory of the GPUs is not known: one trial each")


def test_a_trial_that_fits_no_machine_of_the_cluster_is_refused(cluster: Any, workshop: Any) -> None:
    cluster({"CPU": 4, "memory": 2 * GIB}, {"CPU": 4, "memory": 8 * GIB})
    large = Need(workshop.config(), Peak(9 * GIB), Peak(GIB, GIB), None, None)
    with pytest.raises(RequestError, match=r"the largest machine of the cluster has 8\.0 GiB"):
        check_cluster(large, ON_CPUS)
    check_cluster(Need(workshop.config(), Peak(7 * GIB), Peak(GIB, GIB), None, None), ON_CPUS)
    cluster()  # no node yet, as with an autoscaler: nobody knows what will be there
    check_cluster(large, ON_CPUS)


def test_cpus_and_gpus_that_no_machine_of_the_cluster_has_are_refused_unless_the_cluster_grows(
    cluster: Any, workshop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = Need(workshop.config(), Peak(GIB), Peak(GIB, GIB), None, None)
    cluster({"CPU": 1, "memory": 8 * GIB}, {"CPU": 1, "memory": 8 * GIB})
    with pytest.raises(RequestError, match=r"^--cpus-per-trial 2: the largest machine of the cluster has 1$"):
        check_cluster(small, Resources(2, 0, 1))
    with pytest.raises(RequestError, match=r"^--gpus-per-trial 1: the largest machine of the cluster has 0$"):
        check_cluster(small, Resources(1, 1, 1))
    monkeypatch.setattr(resources, "can_grow", lambda patience=0: True)
    check_cluster(small, Resources(2, 0, 1))


def test_by_default_a_trial_gets_a_gpu_or_a_cpu_and_all_of_them_are_used(cluster: Any) -> None:
    cluster({"CPU": 8, "GPU": 2})
    assert default_resources(LOCAL) == Resources(1, 1, 2)
    assert default_resources(LOCAL, gpus="auto") == Resources(1, 1, 2)
    assert default_resources(LOCAL, cpus=2, gpus=0) == Resources(2, 0, 4)
    assert default_resources(LOCAL, gpus=0.25, concurrency=3) == Resources(1, 0.25, 3)
    cluster({"CPU": 8})
    assert default_resources(LOCAL) == Resources(1, 0, 8)


def test_more_than_this_machine_has_is_refused_and_a_cluster_may_grow(cluster: Any) -> None:
    cluster({"CPU": 8})
    with pytest.raises(RequestError, match=r"^--cpus-per-trial 9: this machine has 8$"):
        default_resources(LOCAL, cpus=9)
    with pytest.raises(RequestError, match=r"^--gpus-per-trial 1: this machine has 0$"):
        default_resources(LOCAL, gpus=1)
    assert default_resources(AWAY, cpus=9) == Resources(9, 0, 1)
