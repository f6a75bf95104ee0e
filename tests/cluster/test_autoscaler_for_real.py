"""A study on a Ray with an autoscaler, which begins without workers. One host has all of the fake nodes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from ray.autoscaler._private import fake_multi_node

from tests.cluster.ray_hosts import RayHosts
from tests.cluster.studies import AtHome, train_on

pytestmark = pytest.mark.cluster

HEAD = "f" * 51 + "0" * 5  # the id that Ray's provider of fake nodes gives to the head
VERSIONS = {
    "1": {},
    "2": {
        "RAY_enable_autoscaler_v2": "1",
        "RAY_CLOUD_INSTANCE_ID": HEAD,
        "RAY_NODE_TYPE_NAME": "ray.head.default",
        "RAY_OVERRIDE_NODE_ID_FOR_TESTING": HEAD,
    },
}
"""Version of the autoscaler -> what chooses it. `ray up` and KubeRay choose the second."""
COMMANDS = ("initialization", "setup", "head_setup", "worker_setup", "head_start_ray", "worker_start_ray")


def start_ray_that_grows(rays: RayHosts, folder: Path, version: str) -> None:
    """Start a head whose autoscaler has no worker yet."""
    (folder / "fake.json").write_text(configuration(rays.address))
    its = Path(fake_multi_node.__file__).parent
    copy = shutil.copytree(its, folder / its.name)
    (copy / "example.yaml").write_text(configuration(rays.address))  # Ray's wheels lack this file
    rays.start(rays.head, "mount", "--bind", copy, its).succeed()  # on this host alone
    growing = {"RAY_FAKE_CLUSTER": "1", "AUTOSCALER_UPDATE_INTERVAL_S": "1"} | VERSIONS[version]
    rays.start_ray("--include-dashboard=false", f"--autoscaling-config={folder / 'fake.json'}", **growing)


def configuration(address: str) -> str:
    """Two workers at most, of one CPU each. An idle worker ends after six seconds.

    As on Google Cloud, the autoscaler does not know the memory of a worker before the worker runs.
    """
    worker = {"resources": {"CPU": 1}, "min_workers": 0, "max_workers": 2, "node_config": {}}
    head = {"resources": {"CPU": 0}, "min_workers": 0, "max_workers": 0, "node_config": {}}
    fake = {"type": "fake_multinode", "head_node_id": HEAD, "use_node_id_as_ip": True}
    return json.dumps(
        {
            "cluster_name": "fake",
            "max_workers": 2,
            "idle_timeout_minutes": 0.1,
            "provider": fake | {"gcs_address": address},
            "available_node_types": {"ray.head.default": head, "worker": worker},
            "head_node_type": "ray.head.default",
            "upscaling_speed": 1.0,
            **{name: {} for name in ("file_mounts", "docker", "auth")},
            **{f"{name}_commands": [] for name in COMMANDS},
            **{name: [] for name in ("cluster_synced_files", "rsync_exclude")},
        }
    )


@pytest.mark.parametrize("version", VERSIONS)
def test_workers_come_with_a_study_and_go_after_it(
    head_alone: RayHosts, at_home: AtHome, tmp_path: Path, version: str
) -> None:
    rays, study = head_alone, at_home.begun(tmp_path / "home")
    start_ray_that_grows(rays, tmp_path, version)
    command = rays.kdstudy("run", *at_home.asked, "--home", study.home, "--cluster", "running")
    command.until(lambda: train_on([rays.head], workers=2))
    rays.until_nodes(1 + 2)
    command.succeed()
    at_home.check_same(study)
    rays.until_nodes(1)
