"""The RayJob, read back as Kubernetes reads it, and what `kubectl` receives."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped, unused-ignore]

from cluster.kubernetes import CLUSTER, KubernetesOptions
from cluster.submission.place import Study
from tests.cluster.places import FULL, calls, stand_in

STUDY = Study("quickstart", ("run", "quickstart", "--cluster=running"), "/kdstudy/home")


def job(**options: Any) -> dict[str, Any]:
    text = CLUSTER.render(STUDY, KubernetesOptions.model_validate({"image": "lab/kdstudy:1"} | options))
    found: dict[str, Any] = yaml.safe_load(text["rayjob.yaml"])
    return found


def cluster_of(found: dict[str, Any]) -> dict[str, Any]:
    spec: dict[str, Any] = found["spec"]["rayClusterSpec"]
    return spec


def pods(found: dict[str, Any]) -> list[dict[str, Any]]:
    spec = cluster_of(found)
    return [group["template"]["spec"] for group in (spec["headGroupSpec"], *spec["workerGroupSpecs"])]


def test_ray_requires_a_token_which_the_operator_makes() -> None:
    spec = cluster_of(job())
    assert spec["authOptions"] == {"mode": "token"}
    assert spec["rayVersion"] >= "2.52"


def test_workers_come_and_go_and_the_head_runs_no_trial() -> None:
    spec = cluster_of(job(most_workers=9, idle_minutes=7))
    (workers,) = spec["workerGroupSpecs"]
    assert spec["enableInTreeAutoscaling"] is True
    assert spec["autoscalerOptions"]["idleTimeoutSeconds"] == 420
    assert (workers["replicas"], workers["minReplicas"], workers["maxReplicas"]) == (0, 0, 9)
    assert spec["headGroupSpec"]["rayStartParams"] == {"num-cpus": "0"}


def test_a_worker_has_what_the_options_say() -> None:
    pod = pods(job(cpus=8, memory=32, gpus=2, gpu_type="NVIDIA-L4"))[1]
    size = {"cpu": "8", "memory": "32Gi", "nvidia.com/gpu": "2"}
    assert pod["containers"][0]["resources"] == {"requests": size, "limits": size}
    assert pod["nodeSelector"] == {"nvidia.com/gpu.product": "NVIDIA-L4"}


def test_a_head_that_is_lost_is_started_again_with_the_same_command() -> None:
    found = job()
    assert found["spec"]["submissionMode"] == "K8sJobMode"
    assert found["spec"]["backoffLimit"] > 0
    assert "gcsFaultToleranceOptions" not in cluster_of(found)


def test_a_redis_keeps_the_state_of_the_head() -> None:
    spec = cluster_of(job(redis="redis:6379", secrets=("REDIS_PASSWORD", "PGPASSWORD")))
    key = {"name": "kdstudy-quickstart", "key": "REDIS_PASSWORD"}
    assert spec["gcsFaultToleranceOptions"] == {
        "redisAddress": "redis:6379",
        "redisPassword": {"valueFrom": {"secretKeyRef": key}},
    }
    names = [each["name"] for each in spec["headGroupSpec"]["template"]["spec"]["containers"][0]["env"]]
    assert "PGPASSWORD" in names
    assert "REDIS_PASSWORD" not in names  # KubeRay refuses a head with this variable


@pytest.mark.parametrize("redis", ["redis://:secret@redis:6379", "redis", "redis:port", "http://redis:1"])
def test_a_redis_with_a_password_or_without_a_port_is_refused(redis: str) -> None:
    with pytest.raises(ValueError, match="must be HOST:PORT or redis://HOST:PORT, without a password"):
        job(redis=redis)


def test_the_home_is_a_claim_or_ends_with_its_pod() -> None:
    for pod in pods(job(claim="homes")):
        assert {"name": "home", "persistentVolumeClaim": {"claimName": "homes"}} in pod["volumes"]
    for pod in pods(job()):
        assert {"name": "home", "emptyDir": {}} in pod["volumes"]
    assert CLUSTER.lasts(KubernetesOptions(image="x", claim="homes"))
    assert not CLUSTER.lasts(KubernetesOptions(image="x"))


def test_each_mount_has_its_volume() -> None:
    for pod in pods(job(**FULL["kubernetes"])):
        mounts = {mount["name"] for mount in pod["containers"][0]["volumeMounts"]}
        assert mounts == {volume["name"] for volume in pod["volumes"]}


def test_the_entrypoint_runs_the_file_that_holds_the_command() -> None:
    found = job()
    template = cluster_of(found)["headGroupSpec"]["template"]
    (mount,) = [m for m in template["spec"]["containers"][0]["volumeMounts"] if m["name"] == "command"]
    (volume,) = [v for v in template["spec"]["volumes"] if v["name"] == "command"]
    (item,) = volume["downwardAPI"]["items"]
    assert found["spec"]["entrypoint"] == f"bash {mount['mountPath']}/{item['path']}"
    (key,) = re.findall(r"^metadata\.annotations\['(.*)'\]$", item["fieldRef"]["fieldPath"])
    assert "kdstudy run quickstart" in template["metadata"]["annotations"][key]


@pytest.mark.parametrize("name", ["q" * 100, "Größe 1", "1", "a_b"])
def test_a_name_leaves_room_for_what_kubernetes_appends(name: str) -> None:
    options = KubernetesOptions(image="x")
    text = CLUSTER.render(Study(name, ("run",), "/h"), options)["rayjob.yaml"]
    assert len(yaml.safe_load(text)["metadata"]["generateName"]) + 5 <= 47


@pytest.mark.processes
def test_secrets_go_to_kubectl_on_its_input_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(tmp_path / "bin", "kubectl")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setenv("RECORD", str(tmp_path / "record"))
    monkeypatch.setenv("ANSWER_KUBECTL", "rayjob.ray.io/kdstudy-quickstart-x7k2p")
    monkeypatch.setenv("PGPASSWORD", "open 'sesame: $(x)")
    options = KubernetesOptions(image="x", namespace="lab", secrets=("PGPASSWORD",))
    files = CLUSTER.render(STUDY, options)
    assert CLUSTER.submit(STUDY, options, files) == "kdstudy-quickstart-x7k2p"
    secret, made = calls(tmp_path / "record")
    assert secret["words"] == ["apply", "-f", "-"]
    assert yaml.safe_load(secret["input"]) == {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "kdstudy-quickstart", "namespace": "lab"},
        "stringData": {"PGPASSWORD": "open 'sesame: $(x)"},
    }
    assert made["words"] == ["create", "-o", "name", "-f", "-"]
    assert made["input"] == files["rayjob.yaml"]
    assert "sesame" not in made["input"]
