"""How many trials run at once: what Ray has, against what they take."""

from __future__ import annotations

import signal
from typing import Any

import pytest
import ray

from cluster import find_cluster
from study.driver import resources
from study.driver.resources import Resources, check_cluster, in_room
from study.errors import RequestError
from study.planning.capacity import Need
from study.planning.request import Request
from study.trial.memory import MIB, Peak

GIB = 1024 * MIB


def need(cpu: int, gpu: int = GIB) -> Need:
    return Need(None, Peak(cpu), Peak(3 * GIB, gpu), None, None)  # type: ignore[arg-type]


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Any:
    """`cluster(node, ...)`: Ray has these, each {"CPU": ..., "memory": ...}."""

    def of(*nodes: dict[str, float], gpu_memory: int = 0) -> None:
        there = [{"Alive": True, "NodeID": str(i), "Resources": node} for i, node in enumerate(nodes)]
        monkeypatch.setattr(ray, "nodes", lambda: [*there, {"Alive": False, "Resources": {}}])
        monkeypatch.setattr(
            ray,
            "cluster_resources",
            lambda: {name: sum(node.get(name, 0) for node in nodes) for name in ("CPU", "GPU")},
        )
        monkeypatch.setattr(resources, "_gpu_memory", lambda node: gpu_memory or None)

    return of


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_ray_starts_is_not_lost_where_python_ignores_what_it_raises(
    monkeypatch: pytest.MonkeyPatch, stop: signal.Signals
) -> None:
    """Seen in Python's hooks around a fork; a `__del__` is another such place."""

    class Hook:
        def __del__(self) -> None:
            signal.raise_signal(stop)

    def init(**options: Any) -> None:
        def leave(number: int, frame: Any) -> None:
            raise SystemExit(number)

        signal.signal(signal.SIGTERM, leave)  # as Ray does
        hook = Hook()
        del hook

    ended = []
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in a shell's background
    monkeypatch.setattr(ray, "init", init)
    monkeypatch.setattr(ray, "shutdown", lambda: ended.append(True))
    handler = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt), resources.connected(find_cluster("local")):
        pytest.fail("it went on")
    assert ended
    assert signal.getsignal(signal.SIGTERM) == handler


ON_CPUS = Resources(cpus=1, gpus=0, concurrency=8)


def test_no_more_trials_at_once_than_there_is_memory_for(cluster: Any) -> None:
    cluster({"CPU": 8, "memory": 10 * GIB})
    found, note = in_room(ON_CPUS, need(4 * GIB), Request("demo"))
    assert (found.concurrency, found.memory) == (2, 4 * GIB)
    assert found.of_a_trial == {"cpu": 1, "gpu": 0, "memory": 4 * GIB}
    assert note == "2 trials at once, not 8: each takes up to 4.0 GiB of memory, 10.0 GiB are free"


def test_where_there_is_room_for_all_nothing_is_said(cluster: Any) -> None:
    cluster({"CPU": 8, "memory": 64 * GIB})
    found, note = in_room(ON_CPUS, need(GIB), Request("demo"))
    assert (found.concurrency, note) == (8, "")


def test_a_trial_does_not_lie_across_machines(cluster: Any) -> None:
    cluster({"CPU": 4, "memory": 6 * GIB}, {"CPU": 4, "memory": 7 * GIB})
    assert in_room(ON_CPUS, need(4 * GIB), Request("demo"))[0].concurrency == 2


def test_one_trial_runs_even_where_ray_found_less_memory_free_than_it_may_take(cluster: Any) -> None:
    cluster({"CPU": 8, "memory": 3 * GIB})
    found, _ = in_room(ON_CPUS, need(4 * GIB), Request("demo"))
    assert (found.concurrency, found.memory) == (1, 3 * GIB)  # more would never be granted


def test_a_concurrency_that_is_given_is_taken_as_it_is(cluster: Any) -> None:
    cluster({"CPU": 8, "memory": 10 * GIB})
    assert in_room(ON_CPUS, need(4 * GIB), Request("demo", concurrency=8)) == (ON_CPUS, "")


def test_as_many_trials_share_a_gpu_as_fit_where_that_is_asked_for(cluster: Any) -> None:
    cluster({"CPU": 64, "memory": 500 * GIB, "GPU": 2}, gpu_memory=80 * GIB)
    whole = Resources(cpus=1, gpus=1, concurrency=2)
    assert in_room(whole, need(GIB, 9 * GIB), Request("demo")) == (whole, "")
    found, note = in_room(whole, need(GIB, 9 * GIB), Request("demo", gpus_per_trial="auto"))
    assert (found.gpus, found.concurrency) == (0.1428, 14)
    assert note == "7 trials share a GPU: each takes up to 9.0 GiB"


def test_cpus_limit_how_many_share_the_gpus(cluster: Any) -> None:
    cluster({"CPU": 4, "memory": 500 * GIB, "GPU": 2}, gpu_memory=80 * GIB)
    auto = Request("demo", gpus_per_trial="auto")
    assert in_room(Resources(1, 1, 2), need(GIB, GIB), auto)[0].concurrency == 4


def test_gpus_of_unknown_memory_are_not_shared(cluster: Any) -> None:
    cluster({"CPU": 4, "memory": 500 * GIB, "GPU": 2})
    found, note = in_room(Resources(1, 1, 2), need(GIB), Request("demo", gpus_per_trial="auto"))
    assert (found.gpus, note) == (1, "the memory of the GPUs is not known: one trial each")


def test_what_fits_no_machine_of_the_cluster_is_refused(cluster: Any, workshop: Any) -> None:
    cluster({"CPU": 4, "memory": 2 * GIB}, {"CPU": 4, "memory": 8 * GIB})
    large = Need(workshop.config(), Peak(9 * GIB), Peak(GIB, GIB), None, None)
    with pytest.raises(RequestError, match=r"the largest machine of the cluster has 8\.0 GiB"):
        check_cluster(large, ON_CPUS)
    check_cluster(Need(workshop.config(), Peak(7 * GIB), Peak(GIB, GIB), None, None), ON_CPUS)
    cluster()  # nobody there yet, as with an autoscaler: it cannot be known
    check_cluster(large, ON_CPUS)
