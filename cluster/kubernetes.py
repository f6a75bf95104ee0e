"""Kubernetes: a RayJob of KubeRay, with workers that come and go, and a study that outlives its head.

KubeRay (1.5.1 or newer) makes the token of the job's Ray and keeps the token in a Secret. If the head is
lost, KubeRay starts a new one, and the same command goes on with the study.
https://docs.ray.io/en/latest/cluster/kubernetes/getting-started/rayjob-quick-start.html
"""

from __future__ import annotations

import re
import shlex
from importlib import metadata
from typing import Annotated, Any

from pydantic import AfterValidator, Field, model_validator

from cluster.submission.commands import run_tool, values_of
from cluster.submission.launcher import to_yaml
from cluster.submission.options import Count, Gibibytes, Image, Line, Options, Word
from cluster.submission.place import Place, Study, name_of
from cluster.submission.rayjob import LONGEST_NAME, SUFFIX, GcsFaultTolerance, HeadGroup, RayCluster, RayJob
from cluster.submission.rayjob import WorkerGroup as Workers

__all__ = ["CLUSTER", "KubernetesOptions"]

FILE = "rayjob.yaml"
ROOM = "/kdstudy"
"""The folder of the home in every pod."""
COMMAND = "kdstudy/command"
"""The annotation of the head with the study's script. The pod reads the annotation as a file, so one shell
reads the command. (The entrypoint of a RayJob goes through two shells and a quoting of Windows.)"""
RETRIES = 5
GRACE = 120  # seconds; a study stops within 90


def _redis(text: str) -> str:
    if not re.fullmatch(r"(redis://|rediss://)?[\w.-]+:\d+", text, re.ASCII):
        raise ValueError(f"must be HOST:PORT or redis://HOST:PORT, without a password, not {text!r}")
    return text


class KubernetesOptions(Options):
    """What the cluster is asked for."""

    image: Image = Field(description="container image with kdstudy and the same versions of Python and Ray")
    namespace: Word = Field(default="default", description="namespace")
    cpus: Annotated[int, Field(ge=1)] = Field(default=4, description="CPUs of a worker")
    memory: Gibibytes = Field(default=16, description="GiB of a worker")
    gpus: Count = Field(default=0, description="GPUs (nvidia.com/gpu) of a worker")
    gpu_type: Word | None = Field(
        default=None, description="label nvidia.com/gpu.product of the nodes, such as NVIDIA-A100-SXM4-80GB"
    )
    most_workers: Annotated[int, Field(ge=1, le=10_000)] = Field(
        default=4, description="workers at once, at most; without trials there is none"
    )
    idle_minutes: Annotated[int, Field(ge=1)] = Field(
        default=5, description="minutes without trials after which a worker ends"
    )
    claim: Word | None = Field(
        default=None, description="PersistentVolumeClaim (ReadWriteMany) of the home; the default is none"
    )
    redis: Annotated[Line, AfterValidator(_redis)] | None = Field(
        default=None,
        description="Redis for the state of Ray's head, so that workers outlive the head; "
        "secrets=REDIS_PASSWORD gives the password",
    )

    @model_validator(mode="after")
    def _the_password_has_its_redis(self) -> KubernetesOptions:
        if "REDIS_PASSWORD" in self.secrets and self.redis is None:
            raise ValueError("secrets: REDIS_PASSWORD is for redis, which is not given")
        return self


def render(study: Study, options: KubernetesOptions) -> dict[str, str]:
    """The RayJob."""
    name = _name(study)
    cluster = RayCluster(
        ray_version=metadata.version("ray"),
        auth_options={"mode": "token"},
        enable_in_tree_autoscaling=True,
        autoscaler_options={"idleTimeoutSeconds": options.idle_minutes * 60, "upscalingMode": "Default"},
        gcs_fault_tolerance_options=_fault_tolerance(name, options),
        head_group_spec=HeadGroup(ray_start_params={"num-cpus": "0"}, template=_head(study, name, options)),
        worker_group_specs=[
            Workers(
                group_name="workers",
                replicas=0,
                min_replicas=0,
                max_replicas=options.most_workers,
                ray_start_params={},
                template=_worker(name, options),
            )
        ],
    )
    job = RayJob.model_validate(
        {
            "metadata": {"generateName": f"{name}-", "namespace": options.namespace},
            "spec": {
                "submissionMode": "K8sJobMode",
                "entrypoint": f"bash {ROOM}-command/study.sh",
                "backoffLimit": RETRIES,
                "shutdownAfterJobFinishes": True,
                "ttlSecondsAfterFinished": 600,
                "rayClusterSpec": cluster,
            },
        }
    )
    return {FILE: to_yaml(job.model_dump(by_alias=True, exclude_none=True))}


def _name(study: Study) -> str:
    return name_of(study, LONGEST_NAME - SUFFIX - 1)


def _fault_tolerance(name: str, options: KubernetesOptions) -> GcsFaultTolerance | None:
    if options.redis is None:
        return None
    key = {"secretKeyRef": {"name": name, "key": "REDIS_PASSWORD"}}
    return GcsFaultTolerance(
        redis_address=options.redis,
        redis_password={"valueFrom": key} if "REDIS_PASSWORD" in options.secrets else None,
    )


def _head(study: Study, name: str, options: KubernetesOptions) -> dict[str, Any]:
    """The head's pod: the study runs here, and no trial."""
    size = {"cpu": "2", "memory": "8Gi"}
    pod = _pod("head", size, name, options, {"RAY_JOB_STOP_WAIT_TIME_S": "90"})
    path = f"metadata.annotations['{COMMAND}']"
    file = {"path": "study.sh", "fieldRef": {"fieldPath": path}}
    pod["volumes"].append({"name": "command", "downwardAPI": {"items": [file]}})
    pod["containers"][0]["volumeMounts"].append({"name": "command", "mountPath": f"{ROOM}-command"})
    script = f"cd {ROOM} && exec {shlex.join(study.words)}\n"
    return {"metadata": {"annotations": {COMMAND: script}}, "spec": pod}


def _worker(name: str, options: KubernetesOptions) -> dict[str, Any]:
    size = {"cpu": str(options.cpus), "memory": f"{options.memory}Gi"}
    if options.gpus:
        size["nvidia.com/gpu"] = str(options.gpus)
    pod = _pod("worker", size, name, options, {})
    if options.gpu_type is not None:
        pod["nodeSelector"] = {"nvidia.com/gpu.product": options.gpu_type}
    return {"spec": pod}


def _pod(
    role: str, size: dict[str, str], name: str, options: KubernetesOptions, more: dict[str, str]
) -> dict[str, Any]:
    """A pod of Kubernetes with one container. more: variables of this role."""
    plain = {"RAY_USAGE_STATS_ENABLED": "0"} | more | options.environment
    # Kubernetes reads $(NAME) in a value, and $$ as one $.
    env: list[dict[str, Any]] = [{"name": k, "value": v.replace("$", "$$")} for k, v in plain.items()]
    for each in options.secrets:
        if each != "REDIS_PASSWORD":  # of the cluster, see `_fault_tolerance`
            env.append({"name": each, "valueFrom": {"secretKeyRef": {"name": name, "key": each}}})
    home: dict[str, Any] = (
        {"emptyDir": {}} if options.claim is None else {"persistentVolumeClaim": {"claimName": options.claim}}
    )
    container = {
        "name": f"ray-{role}",
        "image": options.image,
        "env": env,
        "resources": {"requests": size, "limits": size},
        "volumeMounts": [{"name": "home", "mountPath": ROOM}],
    }
    return {
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": GRACE,
        "containers": [container],
        "volumes": [{"name": "home", **home}],
    }


def submit(study: Study, options: KubernetesOptions, files: dict[str, str]) -> str:
    """Create the job, and the Secret that it reads; returns the job's name.

    Values of secrets go to `kubectl` on its input, into a Secret of the cluster.
    """
    values, name = values_of(options.secrets), _name(study)
    if values:
        secret = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": name, "namespace": options.namespace},
            "stringData": values,
        }
        run_tool(["kubectl", "apply", "-f", "-"], to_yaml(secret))
    return run_tool(["kubectl", "create", "-o", "name", "-f", "-"], files[FILE]).rpartition("/")[2]


def advice(study: Study, options: KubernetesOptions, job: str) -> dict[str, str]:
    """How to watch and stop the job."""
    kubectl = f"kubectl --namespace {options.namespace}"
    cluster = f"$({kubectl} get rayjob {job} -o jsonpath='{{.status.rayClusterName}}')"
    head = f"$({kubectl} get pod -l ray.io/cluster={cluster},ray.io/node-type=head -o name)"
    status = shlex.join(["kdstudy", "status", study.name, "--home", study.home])
    return {
        "state": f"{kubectl} get rayjob {job}",
        "output": f"{kubectl} logs --follow job/{job}",
        "status": f"{kubectl} exec {head} -c ray-head -- {status}",
        "dashboard": f"{kubectl} port-forward {head} 8265:8265",
        "stop": f"{kubectl} delete rayjob {job}",
    }


CLUSTER = Place(
    "a RayJob of KubeRay on Kubernetes, with workers that come and go",
    KubernetesOptions,
    "kubectl",
    render,
    submit,
    advice,
    home=f"{ROOM}/home",
    lasts=lambda options: options.claim is not None,
)
