"""What the tests of `make test-cluster` share: a real Slurm, hosts with a Ray, and a study on one machine."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.hosts import what_hosts_lack
from tests.cluster.ray_hosts import RayHosts
from tests.cluster.slurm import Slurm, what_slurm_lacks
from tests.cluster.studies import NAME, PATIENCE, PLANNED, SPACE, AtHome
from tests.processes import COMMAND


@pytest.fixture(scope="session")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slurm]:
    """Two nodes, which all tests share."""
    if lacking := what_slurm_lacks():
        pytest.skip(f"no Slurm can be started: {lacking}")
    with Slurm(tmp_path_factory.mktemp("slurm")) as cluster:
        yield cluster


@pytest.fixture
def rays(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RayHosts]:
    """A head and two workers, on which no Ray runs yet."""
    with hosts_in(tmp_path_factory.mktemp("hosts")) as hosts:
        yield hosts


@pytest.fixture
def head_alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RayHosts]:
    """A head without workers, on which no Ray runs yet."""
    with hosts_in(tmp_path_factory.mktemp("hosts"), workers=()) as hosts:
        yield hosts


def hosts_in(folder: Path, **more: Any) -> RayHosts:
    if lacking := what_hosts_lack():
        pytest.skip(f"no hosts can be started: {lacking}")
    return RayHosts(folder, **more)


@pytest.fixture(scope="session")
def at_home(task_folder: Path, model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> AtHome:
    """The study on this machine alone, which nobody disturbs."""
    folder = tmp_path_factory.mktemp("at home")
    space = folder / f"{NAME}.py"
    space.write_text(SPACE)
    asked = (space, "--task", task_folder, "--model", model_folder, "--artifacts", "none")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("KDSTUDY_", "RAY_", "MLFLOW_"))}
    answer = subprocess.run(
        [sys.executable, COMMAND, "run", *asked, "--home", folder / "home", "--cluster", "local"],
        env=environment | {"HF_HUB_OFFLINE": "1"},
        text=True,
        capture_output=True,
        timeout=PATIENCE,
        start_new_session=True,
    )
    assert answer.returncode == 0, answer.stderr
    study = AtHome(folder / "home", asked)
    assert study.whole.violations(PLANNED) == []
    return study
