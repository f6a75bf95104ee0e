"""Places to run: one file each, found by name; an address is a place as well."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import cluster
from cluster import Cluster, Place, find_cluster, registered_clusters, workers
from cluster.local import usable_cpus

ATTACHED = [name for name, found in registered_clusters().items() if isinstance(found, Cluster)]


def ray_init(name: str) -> dict[str, Any]:
    """The keyword arguments of `ray.init` for a place that does not submit."""
    found = find_cluster(name)
    assert isinstance(found, Cluster)
    return found.ray_init


def test_every_file_is_a_registered_cluster() -> None:
    files = {path.stem for path in Path(cluster.__path__[0]).glob("*.py")} - {"__init__"}
    assert set(registered_clusters()) == files >= {"local", "running", "slurm", "kubernetes", "ssh"}


@pytest.mark.parametrize("name", registered_clusters())
def test_a_cluster_says_what_it_is(name: str) -> None:
    found = find_cluster(name)
    assert isinstance(found, Cluster | Place)
    assert found.description
    assert "\n" not in found.description


@pytest.mark.parametrize("name", ATTACHED)
def test_a_cluster_that_does_not_submit_says_where_its_ray_is(name: str) -> None:
    assert ray_init(name)["address"]


def test_this_machine_starts_a_ray_of_its_own_without_a_dashboard() -> None:
    settings = ray_init("local")
    assert settings["address"] == "local"
    assert settings["include_dashboard"] is False


@pytest.mark.parametrize("address", ["head:6379", "127.0.0.1:6379", "[::1]:6379"])
def test_an_address_is_a_running_ray(address: str) -> None:
    found = find_cluster(address)
    assert ray_init(address) == {"address": address}
    assert address in found.description


def test_an_unknown_name_is_refused_and_those_there_are_named() -> None:
    with pytest.raises(LookupError) as error:
        find_cluster("lcoal")
    there = ", ".join(registered_clusters())
    assert error.value.args == (f"lcoal: no such cluster; there are {there}, or HOST:PORT of a running Ray",)


@pytest.mark.parametrize(
    ("address", "what"),
    [
        ("ray://head:10001", "does not run through ray://; on a machine of the cluster give"),
        ("http://head:8265", "such as head:6379"),
        ("head:ten", "must be HOST:PORT, such as head:6379"),
        (":6379", "must be HOST:PORT, such as HOST:6379"),
    ],
)
def test_what_is_no_address_of_a_head_is_refused_with_what_to_give(address: str, what: str) -> None:
    with pytest.raises(LookupError) as error:
        find_cluster(address)
    assert str(error.value.args[0]).startswith(f"{address}: ")
    assert what in error.value.args[0]


def test_an_interpreter_whose_path_has_a_space_is_quoted() -> None:
    assert workers("/opt/python") == {}
    assert workers("/my project/python") == {"runtime_env": {"py_executable": "'/my project/python'"}}


@pytest.mark.parametrize("name", [*ATTACHED, "head:6379"])
def test_every_cluster_quotes_the_interpreter(name: str) -> None:
    given = ray_init(name)
    assert (given.get("runtime_env") or {}) == workers().get("runtime_env", {})


@pytest.mark.parametrize(
    ("files", "cpus"),
    [
        ({}, 4),
        ({"cpu.max": "max 100000"}, 4),
        ({"cpu.max": "250000 100000"}, 2),
        ({"cpu.max": "50000 100000"}, 1),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, 4),
        ({"cpu/cpu.cfs_quota_us": "300000", "cpu/cpu.cfs_period_us": "100000"}, 3),
    ],
)
def test_the_cpus_that_may_be_used_are_those_of_the_affinity_and_the_quota(
    files: dict[str, str], cpus: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: {0, 1, 2, 3})
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text + "\n")
    assert usable_cpus(tmp_path) == cpus


def test_this_machine_has_the_cpus_that_may_be_used() -> None:
    assert ray_init("local")["num_cpus"] == usable_cpus()
