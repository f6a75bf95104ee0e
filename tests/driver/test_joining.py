"""How Ray is joined: no address is a guess, and workers do not see the working directory."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from ray._private import services
from ray._private.utils import validate_socket_filepath

from cluster import Cluster, find_cluster
from cluster.local import CLUSTER as LOCAL
from cluster.running import CLUSTER as RUNNING
from study.driver import joining
from study.driver.joining import LONGEST_FOLDER, located, settings, token_hint
from study.errors import RequestError

FOUND = find_cluster("head:6379")
assert isinstance(FOUND, Cluster)
AT_HEAD = FOUND


@pytest.fixture
def there(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The addresses of the Rays on this machine; RAY_ADDRESS is not set."""
    found: set[str] = set()
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr(services, "_find_address_from_flag", lambda flag: found)
    return found


def test_a_cluster_with_an_address_is_taken_as_it_is(there: set[str]) -> None:
    for cluster in (LOCAL, AT_HEAD):
        assert located(cluster) is cluster


def test_the_address_of_the_environment_comes_before_what_is_found(
    there: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    there.add("10.0.0.1:6379")
    monkeypatch.setenv("RAY_ADDRESS", "head:6379")
    found = located(RUNNING)
    assert found.ray_init["address"] == "head:6379"
    assert found.description == "the running Ray at head:6379 (RAY_ADDRESS)"
    monkeypatch.setenv("RAY_ADDRESS", "ray://head:10001")
    with pytest.raises(RequestError, match=r"^RAY_ADDRESS ray://head:10001: .* such as head:6379$"):
        located(RUNNING)


def test_the_only_ray_of_this_machine_is_joined_and_named(there: set[str]) -> None:
    there.add("10.0.0.1:6379")
    found = located(RUNNING)
    assert found.ray_init["address"] == "10.0.0.1:6379"
    assert "10.0.0.1:6379, the only one on this machine" in found.description


@pytest.mark.parametrize(
    ("rays", "why"),
    [(set(), "none runs on this machine"), ({"b:1", "a:1"}, "2 run on this machine, a:1, b:1")],
)
def test_of_no_ray_or_several_none_is_joined(there: set[str], rays: set[str], why: str) -> None:
    there.update(rays)
    with pytest.raises(RequestError) as refused:
        located(RUNNING)
    assert str(refused.value) == (
        f"--cluster running: which Ray? {why}; set RAY_ADDRESS, or give --cluster HOST:PORT"
    )


def test_ray_adds_no_folder_to_the_path_of_workers() -> None:
    with settings(Cluster("x", {"address": "head:6379"})) as given:
        job = given["job_config"]
        job._py_driver_sys_path.extend([os.getcwd()])
        assert list(job._get_proto_job_config().py_driver_sys_path) == []


# The folder of a local Ray's sockets


def socket_in(folder: str) -> str:
    return f"{folder}/ray/session_2026-11-29_18-37-47_123456_4194304/sockets/plasma_store"


def test_the_longest_folder_is_the_longest_with_room_for_a_socket() -> None:
    validate_socket_filepath(socket_in("/" + "x" * (LONGEST_FOLDER - 1)))
    with pytest.raises(OSError, match="AF_UNIX"):
        validate_socket_filepath(socket_in("/" + "x" * (LONGEST_FOLDER + 1)))


def test_a_folder_for_temporary_files_that_is_too_long_is_replaced_and_removed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RAY_TMPDIR", raising=False)
    monkeypatch.setenv("TMPDIR", str(tmp_path / ("x" * LONGEST_FOLDER)))
    with settings(LOCAL) as given:
        folder = Path(given["_temp_dir"])
        assert folder.is_dir()
        assert len(str(folder)) <= LONGEST_FOLDER
    assert not folder.exists()
    monkeypatch.setenv("TMPDIR", "/tmp")
    with settings(LOCAL) as given:
        assert "_temp_dir" not in given
    monkeypatch.setenv("TMPDIR", str(tmp_path / ("x" * LONGEST_FOLDER)))
    with settings(AT_HEAD) as given:
        assert "_temp_dir" not in given


def test_rays_own_variable_is_not_replaced_and_without_a_short_folder_it_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    long = "/" + "x" * 60
    monkeypatch.setenv("RAY_TMPDIR", long)
    with pytest.raises(RequestError, match=rf"^RAY_TMPDIR {long}: too long .*; set RAY_TMPDIR to a"):
        settings(LOCAL).__enter__()
    monkeypatch.delenv("RAY_TMPDIR")
    monkeypatch.setenv("TMPDIR", long)

    def refuse(**options: object) -> None:
        raise PermissionError(13, "no")

    monkeypatch.setattr(tempfile, "TemporaryDirectory", refuse)
    with pytest.raises(RequestError, match=rf"^TMPDIR {long}: too long .*; set RAY_TMPDIR to a"):
        settings(LOCAL).__enter__()


# The token


def test_what_may_be_wrong_with_the_token_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(tmp_path / "token"))
    monkeypatch.delenv("RAY_AUTH_MODE", raising=False)
    monkeypatch.delenv("RAY_AUTH_TOKEN", raising=False)
    assert token_hint() == ""
    (tmp_path / "token").write_text("secret")
    assert "export RAY_AUTH_MODE=token" in token_hint()
    assert "secret" not in token_hint()
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    assert "the same token" in token_hint()
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    assert token_hint() == ""


def test_nothing_listens_at_a_port_that_is_free() -> None:
    joining.check_listening("local")
    with pytest.raises(OSError, match="refused"):
        joining.check_listening("127.0.0.1:1")
