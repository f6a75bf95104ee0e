"""Ray's cluster launcher: its own validator takes the files, and what `ray` receives."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped, unused-ignore]

from cluster.submission.place import Study
from cluster.submission.private import TOKEN
from tests.cluster.places import ENOUGH, FULL, SUBMITTING, calls, stand_in

STUDY = Study("quickstart", ("run", "quickstart", "--cluster=running"), "~/kdstudy-home")
each_launcher = pytest.mark.parametrize("name", ["aws", "gcp", "ssh"])


def config_of(name: str, **options: Any) -> dict[str, Any]:
    place = SUBMITTING[name]
    found: dict[str, Any] = yaml.safe_load(place.render(STUDY, place.options(**options))["cluster.yaml"])
    return found


@each_launcher
@pytest.mark.parametrize("values", [ENOUGH, FULL])
def test_rays_own_validator_takes_the_file(name: str, values: dict[str, dict[str, Any]]) -> None:
    from ray.autoscaler._private.util import prepare_config, validate_config

    config = prepare_config(config_of(name, **values[name]))
    validate_config(config)
    with pytest.raises(Exception, match="cluster_nam"):
        validate_config(config | {"cluster_nam": "x"})


@pytest.mark.parametrize("name", ["aws", "gcp"])
def test_the_head_stays_and_runs_no_trial_and_workers_are_spot_machines(name: str) -> None:
    config = config_of(name, **FULL[name])
    head, worker = (config["available_node_types"][kind] for kind in ("head", "worker"))
    assert config["head_node_type"] == "head"
    assert head["resources"]["CPU"] == 0
    assert "--num-cpus=0" in config["head_start_ray_commands"][1]
    assert worker["min_workers"] == 0
    assert worker["max_workers"] == config["max_workers"] == FULL[name].get("most_workers", 4)
    assert "spot" in repr(worker["node_config"]).lower()
    assert "spot" not in repr(head["node_config"]).lower()


def test_all_machines_of_ones_own_are_in_the_cluster() -> None:
    config = config_of("ssh", **FULL["ssh"])
    assert config["provider"] == {
        "type": "local",
        "head_ip": "10.0.0.1",
        "worker_ips": ["10.0.0.2", "node-3"],
    }
    assert config["min_workers"] == config["max_workers"] == 2


@pytest.mark.parametrize("workers", [("10.0.0.1",), ("a", "a")])
def test_a_machine_that_is_named_twice_is_refused(workers: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="a machine is named twice, or is the head"):
        config_of("ssh", **ENOUGH["ssh"], workers=workers)


@each_launcher
def test_the_dashboard_listens_on_loopback_and_every_start_requires_the_token(name: str) -> None:
    place = SUBMITTING[name]
    files = place.render(STUDY, place.options(**ENOUGH[name]))
    config = yaml.safe_load(files["cluster.yaml"])
    starts = [config["head_start_ray_commands"][1], config["worker_start_ray_commands"][1]]
    assert "--dashboard-host=127.0.0.1" in starts[0]
    for start in starts:
        assert start.startswith(". ~/.kdstudy/cluster/environment.sh; ")
    assert f"RAY_AUTH_MODE=token RAY_AUTH_TOKEN_PATH=~/.kdstudy/cluster/{TOKEN}" in files["environment.sh"]
    assert any(line.startswith("ray dashboard ") for line in place.advice(STUDY, None, "x").values())


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's home, with a stand-in for `ray`."""
    stand_in(tmp_path / "bin", "ray")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setenv("RECORD", str(tmp_path / "record"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PGPASSWORD", "open 'sesame")
    return tmp_path


@pytest.mark.processes
@each_launcher
def test_machines_are_started_then_the_study_and_no_secret_is_an_argument(name: str, home: Path) -> None:
    place = SUBMITTING[name]
    options = place.options(**ENOUGH[name], secrets=("PGPASSWORD",))
    config = place.submit(STUDY, options, place.render(STUDY, options))
    folder = home / ".kdstudy" / "clusters" / "kdstudy-quickstart"
    assert config == str(folder / "cluster.yaml")
    assert [call["words"] for call in calls(home / "record")] == [
        ["--version"],
        ["up", "--yes", "--no-restart", config],
        ["exec", config, "bash ~/.kdstudy/cluster/start.sh"],
    ]
    assert (folder / "secrets.sh").read_text() == "export PGPASSWORD='open '\"'\"'sesame'\n"


@pytest.mark.processes
@each_launcher
def test_the_folder_is_private_and_its_token_is_made_once(name: str, home: Path) -> None:
    place = SUBMITTING[name]
    options = place.options(**ENOUGH[name])
    tokens = set()
    for _ in range(2):
        place.submit(STUDY, options, place.render(STUDY, options))
        folder = home / ".kdstudy" / "clusters" / "kdstudy-quickstart"
        tokens.add((folder / TOKEN).read_text())
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    (token,) = tokens
    assert re.fullmatch(r"[0-9a-f]{64}", token)
    for call in calls(home / "record"):
        assert token not in " ".join(call["words"])
