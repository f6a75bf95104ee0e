"""KubeRay's RayJob, as far as it is used here, with the rules that its operator checks.

Source: `ray-operator/apis/ray/v1/rayjob_types.go` and `raycluster_types.go` (fields), and
`ray-operator/controllers/ray/utils/validation.go` (rules) of KubeRay; the fields of `authOptions` are in its
API reference. Pod templates are Kubernetes' own (core/v1).
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic.alias_generators import to_camel

__all__ = ["LONGEST_NAME", "GcsFaultTolerance", "HeadGroup", "RayCluster", "RayJob", "WorkerGroup"]

LONGEST_NAME = 47
"""Letters of a RayJob's name, at most (MaxRayJobNameLength)."""
SUFFIX = 5
"""Letters that Kubernetes appends to `generateName`."""
LEAST_RAY = (2, 52)
"""The first version of Ray with token authentication."""

DnsLabel = Annotated[str, StringConstraints(pattern=r"^[a-z]([a-z0-9-]*[a-z0-9])?$", max_length=63)]


class _Fields(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)


class _Group(_Fields):
    ray_start_params: dict[str, str]
    template: dict[str, Any]


class HeadGroup(_Group):
    """`headGroupSpec`."""

    service_type: Literal["ClusterIP"] = "ClusterIP"


class WorkerGroup(_Group):
    """One of `workerGroupSpecs`."""

    group_name: DnsLabel
    replicas: int = Field(ge=0)
    min_replicas: int = Field(ge=0)
    max_replicas: int = Field(ge=0, le=2**31 - 1)


class GcsFaultTolerance(_Fields):
    """`gcsFaultToleranceOptions`: Ray's head keeps its state in a Redis."""

    redis_address: str
    redis_password: dict[str, Any] | None = None


class RayCluster(_Fields):
    """`rayClusterSpec`."""

    ray_version: str
    auth_options: dict[Literal["mode"], Literal["token"]]
    enable_in_tree_autoscaling: bool
    autoscaler_options: dict[str, Any]
    gcs_fault_tolerance_options: GcsFaultTolerance | None = None
    head_group_spec: HeadGroup
    worker_group_specs: list[WorkerGroup]

    @model_validator(mode="after")
    def _the_operator_takes_it(self) -> RayCluster:
        version = re.match(r"(\d+)\.(\d+)", self.ray_version)
        if version is None or (int(version[1]), int(version[2])) < LEAST_RAY:
            raise ValueError("rayVersion: a token needs Ray 2.52.0 or newer")
        groups: list[_Group] = [self.head_group_spec, *self.worker_group_specs]
        for group in groups:
            if not group.template["spec"]["containers"]:
                raise ValueError("a group has at least one container")
            if "labels" in group.ray_start_params:
                raise ValueError("rayStartParams: labels are not supported")
        names = {each["name"] for each in self.head_group_spec.template["spec"]["containers"][0]["env"]}
        if taken := names & {"RAY_REDIS_ADDRESS", "REDIS_PASSWORD", "REDIS_USERNAME"}:
            raise ValueError(f"{min(taken)}: must not be a variable of the head")
        return self


class _Spec(_Fields):
    submission_mode: Literal["K8sJobMode"]
    entrypoint: str
    backoff_limit: int = Field(ge=0)
    shutdown_after_job_finishes: bool
    ttl_seconds_after_finished: int = Field(ge=0)
    ray_cluster_spec: RayCluster


class RayJob(_Fields):
    """A RayJob. Kubernetes completes its name, so the same file begins and resumes a study."""

    api_version: Literal["ray.io/v1"] = "ray.io/v1"
    kind: Literal["RayJob"] = "RayJob"
    metadata: dict[str, Any]
    spec: _Spec

    @model_validator(mode="after")
    def _its_name_is_a_label(self) -> RayJob:
        name = self.metadata["generateName"]
        if not re.fullmatch(r"[a-z][a-z0-9-]*-", name) or len(name) + SUFFIX > LONGEST_NAME:
            raise ValueError(f"generateName: {name!r} is no beginning of a RayJob's name")
        return self
