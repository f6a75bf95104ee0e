"""Places to run, found by name, by address or by a user's file."""

from __future__ import annotations

from pathlib import Path

import pytest

from cluster import Cluster, Place
from study.errors import RequestError
from study.planning.places import known_cluster
from study.planning.request import absolute_file

OURS = """
from cluster import Cluster

CLUSTER = Cluster("our lab's Ray", {"address": "ray-head.example:6379"})
"""


def test_a_name_an_address_and_a_file_are_places(tmp_path: Path) -> None:
    (tmp_path / "ours.py").write_text(OURS)
    assert isinstance(known_cluster("local"), Cluster)
    assert isinstance(known_cluster("slurm"), Place)
    assert isinstance(known_cluster("head:6379"), Cluster)
    found = known_cluster(str(tmp_path / "ours.py"))
    assert isinstance(found, Cluster)
    assert found.ray_init == {"address": "ray-head.example:6379"}


def test_a_mistyped_name_has_a_hint() -> None:
    with pytest.raises(
        RequestError, match=r"^--cluster slrum: no such cluster; .* \(did you mean slurm\?\)$"
    ):
        known_cluster("slrum")


def test_a_file_is_on_record_with_its_whole_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert absolute_file("./ours.py") == str(tmp_path / "ours.py")
    assert absolute_file("running") == "running"
    assert absolute_file("head:6379") == "head:6379"
