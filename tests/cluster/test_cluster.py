"""Places to run: one file each, found by name; an address is a place as well."""

from __future__ import annotations

from pathlib import Path

import pytest

import cluster
from cluster import Cluster, find_cluster, registered_clusters


def test_every_file_is_a_registered_cluster() -> None:
    files = {path.stem for path in Path(cluster.__path__[0]).glob("*.py")} - {"__init__"}
    assert set(registered_clusters()) == files >= {"local", "running"}


@pytest.mark.parametrize("name", registered_clusters())
def test_a_cluster_says_what_it_is_and_where_its_ray_is(name: str) -> None:
    found = find_cluster(name)
    assert isinstance(found, Cluster)
    assert found.description
    assert "\n" not in found.description
    assert found.ray_init["address"]


def test_this_machine_starts_a_ray_of_its_own_without_a_dashboard() -> None:
    settings = find_cluster("local").ray_init
    assert settings["address"] == "local"
    assert settings["include_dashboard"] is False


@pytest.mark.parametrize("address", ["head:6379", "127.0.0.1:6379", "ray://head:10001"])
def test_an_address_is_a_running_ray(address: str) -> None:
    found = find_cluster(address)
    assert found.ray_init == {"address": address}
    assert address in found.description


def test_an_unknown_name_is_refused_and_those_there_are_named() -> None:
    with pytest.raises(LookupError) as error:
        find_cluster("lcoal")
    assert error.value.args == (
        "lcoal: no such cluster; there are local, running, or HOST:PORT of a running Ray",
    )
