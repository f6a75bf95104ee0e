"""Attaching to a Ray that runs already: two nodes on this machine, started and ended by the test."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

NO_TOKEN = {"RAY_AUTH_MODE": "disabled"}
HEAD = """
import sys
from ray.cluster_utils import Cluster

node = {"num_cpus": 1, "include_dashboard": False}
cluster = Cluster(initialize_head=True, head_node_args=node)
cluster.add_node(num_cpus=1)
print(cluster.address, flush=True)
sys.stdin.read()
cluster.shutdown()
"""


@pytest.fixture
def address(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    """HOST:PORT of a Ray of two nodes with one CPU each. Its Python's path has no space: Ray would fail."""
    environment = tmp_path / "environment"
    environment.symlink_to(sys.prefix)
    python = str(environment / "bin" / "python")
    for name, value in NO_TOKEN.items():
        monkeypatch.setenv(name, value)
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([python, "-c", HEAD], text=True, start_new_session=True, **pipes) as head:  # type: ignore[call-overload]
        assert head.stdout is not None
        yield head.stdout.readline().strip()
        assert head.poll() is None, "the study has ended a Ray that is not its own"
        head.stdin.close()
        head.wait(timeout=60)


def test_a_study_runs_on_a_ray_that_is_there(
    kdstudy: Any,
    asked: Any,
    finished: Any,
    home_with_artifacts: Path,
    address: str,
    check_whole: Callable[..., Any],
    read: Callable[..., Any],
) -> None:
    home = home_with_artifacts
    answer = kdstudy("run", asked.space, *asked.plain, "--home", home, "--cluster", address, **NO_TOKEN)
    assert answer.code == 0, answer.err
    whole = check_whole(home, "my_space", 8)
    assert {r.key: r.value for r in whole.records} == {
        r.key: r.value for r in read(finished.home, finished.name).records
    }
    again = kdstudy("resume", "my_space", "--home", home, **NO_TOKEN)  # the plan remembers where
    assert again.code == 0, again.err


def test_what_no_node_has_is_refused_and_what_the_working_directory_has_does_no_harm(
    kdstudy: Any, asked: Any, home_with_artifacts: Path, address: str
) -> None:
    """Ray would put the working directory on the path of its workers, and wait for ever for two CPUs."""
    options = (asked.space, *asked.plain, "--cluster", "running", "--home", home_with_artifacts)
    mine = [kdstudy.folder / name for name in ("tokenizers.py", "study.py")]
    for path in mine:
        path.write_text("raise RuntimeError('a file of the user')")
    try:
        given = NO_TOKEN | {"RAY_ADDRESS": address}
        refused = kdstudy("run", *options, "--cpus-per-trial", "2", **given)
        few = ("--name", "few", "--trials", "1", "--confirm-seeds", "0")
        answer = kdstudy("run", *options, *few, **given)
    finally:
        for path in mine:
            path.unlink()
    assert (refused.code, refused.out) == (2, "")
    assert "--cpus-per-trial 2: the largest machine of the cluster has 1" in refused.err
    assert answer.code == 0, answer.err
    assert f"--cluster running: the running Ray at {address} (RAY_ADDRESS)" in answer.err
