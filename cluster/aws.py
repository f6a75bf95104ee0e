"""Amazon EC2 by Ray's cluster launcher: a head on demand, and spot workers."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from cluster.submission.cloud import HEAD, OF_HEAD, WORKER, CloudOptions, config_of
from cluster.submission.launcher import HOME, advice, files_of, submit
from cluster.submission.options import Word
from cluster.submission.place import Place, Study

__all__ = ["CLUSTER", "AwsOptions"]


class AwsOptions(CloudOptions):
    """The options of EC2."""

    head_type: Word = Field(default="m5.xlarge", description="instance type of the head, which runs no trial")
    ami: Word | None = Field(
        default=None, description="machine image with Docker, and with the GPU's driver; the default is Ray's"
    )


def render(study: Study, options: AwsOptions) -> dict[str, str]:
    """The launcher's configuration, and what it copies to the machines."""
    provider = {"type": "aws", "region": options.region, "cache_stopped_nodes": False}
    if options.zone is not None:
        provider["availability_zone"] = options.zone
    spot = {"InstanceMarketOptions": {"MarketType": "spot"}}
    nodes = {HEAD: _node(options, options.head_type), WORKER: _node(options, options.worker_type) | spot}
    return files_of(study, options, config_of(options, provider, nodes), OF_HEAD)


def _node(options: AwsOptions, kind: str) -> dict[str, Any]:
    """An instance as EC2's `create_instances` takes it. Ray adds subnet, key and security group."""
    disk = {"DeviceName": "/dev/sda1", "Ebs": {"VolumeSize": options.disk, "VolumeType": "gp3"}}
    node: dict[str, Any] = {"InstanceType": kind, "BlockDeviceMappings": [disk]}
    return node if options.ami is None else node | {"ImageId": options.ami}


CLUSTER = Place(
    "machines of Amazon EC2: a head on demand and spot workers",
    AwsOptions,
    "ray",
    render,
    submit,
    advice,
    home=HOME,
    lasts=lambda options: False,
)
