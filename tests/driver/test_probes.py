"""Probes on a real Ray of two machines: what they see, and what they leave behind."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import ray
from ray.cluster_utils import Cluster

from study.driver import probes
from study.driver.probes import Seen, probe_nodes
from study.planning.versions import code_version, library_versions

pytestmark = pytest.mark.processes


@pytest.fixture(scope="module")
def machines() -> Iterator[list[str]]:
    """The names of the machines of a Ray that this process has joined. The second has two GPUs for Ray."""
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "node_name": "n1"})
    cluster.add_node(num_cpus=0, num_gpus=2, node_name="n2")
    ray.init(address=cluster.address, log_to_driver=False)
    cluster.wait_for_nodes()
    yield ["n1", "n2"]
    ray.shutdown()
    cluster.shutdown()


def test_each_machine_is_examined_and_left_as_it_was(machines: list[str], tmp_path: Path) -> None:
    seen = probe_nodes(tmp_path / "deep" / "home")
    assert [one.name for one in seen] == machines
    assert [one.error for one in seen] == ["", ""]
    for one in seen:
        assert one.versions == library_versions()
        assert one.commit == code_version()
        assert (one.home, one.shared) == ("", True)
        assert str(tmp_path) in one.free
        assert 0 < one.start < probes.PATIENCE
        assert abs(one.ahead) < 2
        assert one.hub in ("off", "reached", "out of reach")
        assert one.out_of_reach == []
    assert [one.of_ray for one in seen] == [0.0, 2.0]
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_the_driver_cannot_write_is_the_answer_of_all(
    machines: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def refuse(*values: object, **more: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.TemporaryDirectory", refuse)
    refusal = f"{tmp_path}: Permission denied"
    assert probe_nodes(tmp_path) == [Seen("n1", refusal), Seen("n2", refusal)]


def test_a_machine_that_does_not_see_the_drivers_files_shares_no_home(tmp_path: Path) -> None:
    """And a port that nobody listens at is out of reach."""
    with socket.create_server(("127.0.0.1", 0)) as listens:
        open_port = listens.getsockname()[1]
        with socket.create_server(("127.0.0.1", 0)) as gone:
            closed_port = gone.getsockname()[1]
        there = [("127.0.0.1", open_port), ("127.0.0.1", closed_port)]
        seen = probes._probe(str(tmp_path / "not here"), "0", there)
    assert (seen["reads_driver"], seen["home"]) == (False, "")
    assert seen["out_of_reach"] == [f"127.0.0.1:{closed_port}"]
    assert list(tmp_path.iterdir()) == []
