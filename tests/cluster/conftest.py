"""A real Slurm for the tests of `make test-cluster`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cluster.slurm import Slurm, what_slurm_lacks


@pytest.fixture(scope="session")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slurm]:
    """Two nodes, which all tests share."""
    if lacking := what_slurm_lacks():
        pytest.skip(f"no Slurm can be started: {lacking}")
    with Slurm(tmp_path_factory.mktemp("slurm")) as cluster:
        yield cluster
