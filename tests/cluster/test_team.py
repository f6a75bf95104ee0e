"""The files of a team's tracking stack: images, ports on loopback alone, no secret in a file."""

from __future__ import annotations

import configparser
import re
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import yaml

TEAM = Path(__file__).parents[2] / "cluster" / "team"
PINNED = dict(
    line.split("==") for line in (TEAM.parents[1] / "constraints.txt").read_text("utf-8").splitlines()
)
IMAGES = {"postgres": "postgres:15", "mlflow": f"ghcr.io/mlflow/mlflow:v{PINNED['mlflow']}-full"}
SECRETS = {
    "POSTGRES_PASSWORD",
    "PGPASSWORD",
    "MLFLOW_AUTH_ADMIN_PASSWORD",
    "MLFLOW_FLASK_SERVER_SECRET_KEY",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
}


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((TEAM / "compose.yaml").read_text("utf-8"))["services"]
    return found


@pytest.fixture(scope="module")
def objects() -> dict[tuple[str, str], Any]:
    """Kind and name of each object -> the object."""
    found = list(yaml.safe_load_all((TEAM / "kubernetes.yaml").read_text("utf-8")))
    by_name = {(each["kind"], each["metadata"]["name"]): each for each in found}
    assert len(by_name) == len(found)
    return by_name


def container(objects: dict[tuple[str, str], Any], name: str) -> Any:
    (found,) = objects["Deployment", name]["spec"]["template"]["spec"]["containers"]
    return found


def test_images_are_the_official_ones_and_mlflow_has_the_version_of_the_lock(
    services: dict[str, Any], objects: dict[tuple[str, str], Any]
) -> None:
    assert {name: service["image"] for name, service in services.items()} == IMAGES
    assert {name: container(objects, name)["image"] for name in IMAGES} == IMAGES


def test_compose_listens_on_loopback_alone(services: dict[str, Any]) -> None:
    ports = list(chain.from_iterable(service["ports"] for service in services.values()))
    assert len(ports) == 2
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_kubernetes_opens_no_port_to_the_outside(objects: dict[tuple[str, str], Any]) -> None:
    assert {kind for kind, _ in objects} == {"PersistentVolumeClaim", "Deployment", "Service"}
    for name in IMAGES:
        service = objects["Service", name]["spec"]
        assert service.keys() == {"selector", "ports"}  # so its type is ClusterIP
        deployment = objects["Deployment", name]["spec"]
        labels = deployment["template"]["metadata"]["labels"]
        assert service["selector"] == deployment["selector"]["matchLabels"] == labels
        here = [port["containerPort"] for port in container(objects, name)["ports"]]
        assert [port["port"] for port in service["ports"]] == here


def test_no_secret_is_in_a_file(services: dict[str, Any], objects: dict[tuple[str, str], Any]) -> None:
    """Compose takes values from its environment, Kubernetes from Secrets, PostgreSQL from the terminal."""
    given = {k: v for service in services.values() for k, v in service["environment"].items()}
    assert given.keys() >= SECRETS
    assert {name: given[name] for name in SECRETS} == dict.fromkeys(SECRETS)
    for name in IMAGES:
        written = {each["name"] for each in container(objects, name)["env"]}
        assert written & SECRETS == set()
        assert container(objects, name)["envFrom"] == [{"secretRef": {"name": name}}]
    assert "PASSWORD" not in re.sub("--.*", "", (TEAM / "roles.sql").read_text("utf-8")).upper()


def test_both_start_the_server_of_the_recipe(
    services: dict[str, Any], objects: dict[tuple[str, str], Any]
) -> None:
    """The same program with the same options, except for those that say who may come."""
    recipe = re.search(r"^mlflow server (.*)$", (TEAM / "README.md").read_text("utf-8"), re.MULTILINE)
    assert recipe
    of_recipe = set(re.sub(r"(--[\w-]+) (?!-)", r"\1=", recipe[1]).split())
    who = {"--host=127.0.0.1"}
    compose, kubernetes = services["mlflow"]["command"], container(objects, "mlflow")["command"]
    assert compose[:2] == kubernetes[:2] == ["mlflow", "server"]
    assert set(compose[2:]) == of_recipe - who | {"--host=0.0.0.0"}
    allowed = {option for option in kubernetes[2:] if option.startswith("--allowed-hosts=")}
    assert len(allowed) == 1
    assert set(kubernetes[2:]) - allowed == set(compose[2:])


def test_mounted_files_exist_and_are_where_the_servers_look(
    services: dict[str, Any], objects: dict[tuple[str, str], Any]
) -> None:
    mounted = [volume.split(":") for service in services.values() for volume in service["volumes"]]
    files = {there: TEAM / here for here, there, *_ in mounted if here.startswith("./")}
    assert all(path.is_file() for path in files.values())
    settings = services["mlflow"]["environment"]["MLFLOW_AUTH_CONFIG_PATH"]
    assert settings in files
    mounts = container(objects, "mlflow")["volumeMounts"]
    assert [f"{mount['mountPath']}/basic_auth.ini" for mount in mounts] == [settings]
    kept = {mount["mountPath"] for mount in container(objects, "postgres")["volumeMounts"]}
    assert kept == {there for _, there, *_ in mounted} - {settings}


def test_users_of_mlflow_read_what_is_not_theirs_and_write_only_what_is() -> None:
    parser = configparser.ConfigParser()
    parser.read(TEAM / "basic_auth.ini")
    settings = dict(parser["mlflow"])
    assert settings["default_permission"] == "READ"
    assert settings["database_uri"] == "postgresql:///mlflow_auth"
    assert "admin_password" not in settings
