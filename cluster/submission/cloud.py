"""What aws and gcp have in common: an on-demand head, and spot workers that come and go with the trials."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from cluster.submission.options import Count, Gibibytes, Image, Options, Word

__all__ = ["HEAD", "OF_HEAD", "WORKER", "CloudOptions", "config_of"]

HEAD, WORKER = "head", "worker"
OF_HEAD = ("--num-cpus=0", "--num-gpus=0")
"""Options of `ray start` on the head, which runs no trial."""


class CloudOptions(Options):
    """The options of both clouds."""

    image: Image = Field(description="container image with kdstudy and the same versions of Python and Ray")
    region: Word = Field(description="region")
    zone: Word | None = Field(default=None, description="zone of the region; the default is Ray's choice")
    worker_type: Word = Field(description="machine type of a worker")
    cpus: Annotated[int, Field(ge=1)] = Field(description="CPUs of a worker")
    gpus: Count = Field(default=0, description="GPUs of a worker")
    most_workers: Annotated[int, Field(ge=1, le=10_000)] = Field(
        default=4, description="workers at once, at most; without trials there is none"
    )
    idle_minutes: Annotated[int, Field(ge=1)] = Field(
        default=5, description="minutes without trials after which a worker ends"
    )
    disk: Gibibytes = Field(default=200, description="GiB of each machine's disk")


def config_of(
    options: CloudOptions, provider: Mapping[str, Any], nodes: Mapping[str, dict[str, Any]]
) -> dict[str, Any]:
    """The launcher's configuration. nodes: the cloud's own description of a head and of a worker.

    The head runs no trial: the head is small, and it is the only machine that is not taken back by the cloud.
    """
    return {
        "max_workers": options.most_workers,
        "idle_timeout_minutes": options.idle_minutes,
        "docker": {"image": options.image, "container_name": "kdstudy", "pull_before_run": True},
        "provider": dict(provider),
        "auth": {"ssh_user": "ubuntu"},
        "available_node_types": {
            HEAD: {
                "resources": {"CPU": 0},
                "min_workers": 0,
                "max_workers": 0,
                "node_config": nodes[HEAD],
            },
            WORKER: {
                "resources": {"CPU": options.cpus, "GPU": options.gpus},
                "min_workers": 0,
                "max_workers": options.most_workers,
                "node_config": nodes[WORKER],
            },
        },
        "head_node_type": HEAD,
    }
