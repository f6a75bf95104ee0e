"""Google Compute Engine by Ray's cluster launcher: a head on demand, and spot workers."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, Field

from cluster.submission.cloud import HEAD, OF_HEAD, WORKER, CloudOptions, config_of
from cluster.submission.launcher import HOME, advice, files_of, submit
from cluster.submission.options import Line, Word
from cluster.submission.place import Place, Study

__all__ = ["CLUSTER", "GcpOptions"]


def _image(text: str) -> str:
    if not text.startswith("projects/"):
        raise ValueError(f"must be projects/PROJECT/global/images/..., not {text!r}")
    return text


class GcpOptions(CloudOptions):
    """The options of Compute Engine."""

    project: Word = Field(description="id of the project")
    zone: Word = Field(description="zone, such as us-west1-a")
    gpu_type: Word | None = Field(default=None, description="type of the GPUs, such as nvidia-l4")
    head_type: Word = Field(
        default="n2-standard-4", description="machine type of the head, which runs no trial"
    )
    machine_image: Annotated[Line, AfterValidator(_image)] = Field(
        default="projects/deeplearning-platform-release/global/images/family/common-cpu",
        description="image of the machines, with Docker and, for GPUs, their driver",
    )


def render(study: Study, options: GcpOptions) -> dict[str, str]:
    """The launcher's configuration, and what it copies to the machines."""
    provider = {
        "type": "gcp",
        "region": options.region,
        "availability_zone": options.zone,
        "project_id": options.project,
    }
    worker = _node(options, options.worker_type) | {
        "scheduling": [{"provisioningModel": "SPOT", "onHostMaintenance": "TERMINATE"}]
    }
    if options.gpus and options.gpu_type is not None:
        worker["guestAccelerators"] = [
            {"acceleratorType": options.gpu_type, "acceleratorCount": options.gpus}
        ]
    nodes = {HEAD: _node(options, options.head_type), WORKER: worker}
    return files_of(study, options, config_of(options, provider, nodes), OF_HEAD)


def _node(options: GcpOptions, kind: str) -> dict[str, Any]:
    """An instance as Compute Engine's `instances.insert` takes it."""
    disk = {
        "boot": True,
        "autoDelete": True,
        "type": "PERSISTENT",
        "initializeParams": {"diskSizeGb": options.disk, "sourceImage": options.machine_image},
    }
    return {"machineType": kind, "disks": [disk]}


CLUSTER = Place(
    "machines of Google Cloud: a head on demand and spot workers",
    GcpOptions,
    "ray",
    render,
    submit,
    advice,
    home=HOME,
    lasts=lambda options: False,
)
