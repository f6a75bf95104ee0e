"""The examination of a place: what stops a study is told from what is worth knowing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from study.cli.doctor import examine
from study.cli.machines import Finding
from study.driver.probes import Seen
from study.home import Home


def found(home: Path, cluster: str = "local") -> dict[str, Finding]:
    return {finding.what: finding for finding in examine(Home(home), cluster)}


def test_a_fit_place_has_nothing_bad_and_is_left_as_it_was(tmp_path: Path) -> None:
    findings = found(tmp_path / "deep" / "home")
    assert [finding for finding in findings.values() if finding.verdict == "bad"] == []
    assert {
        "python",
        "torch",
        "ray",
        "optuna",
        "mlflow",
        "CPUs",
        "GPUs",
        "free disk",
        "loopback ports",
    } <= set(findings)
    assert list(tmp_path.iterdir()) == []


def test_a_home_that_cannot_be_written_is_bad(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    finding = found(tmp_path / "file" / "home")["home is writable"]
    assert finding.verdict == "bad"


def test_an_unknown_cluster_is_bad(tmp_path: Path) -> None:
    finding = found(tmp_path, "nowhere")["cluster"]
    assert (finding.verdict, finding.found.split(";")[0]) == ("bad", "nowhere: no such cluster")


@pytest.mark.parametrize(
    ("there", "verdict", "end"), [(True, "ok", "is here"), (False, "bad", "on the path here")]
)
def test_a_place_that_submits_needs_its_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, there: bool, verdict: str, end: str
) -> None:
    if there:
        (tmp_path / "sbatch").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    finding = found(tmp_path, "slurm")["cluster"]
    assert finding.verdict == verdict
    assert finding.found.endswith(end)


@pytest.mark.parametrize(
    ("mode", "there", "verdict"),
    [(None, True, "note"), ("disabled", True, "note"), ("token", True, "ok"), ("token", False, "bad")],
)
def test_a_ray_without_a_token_is_noted_and_a_token_that_is_missing_is_bad(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str | None, there: bool, verdict: str
) -> None:
    token = tmp_path / "token"
    if there:
        token.write_text("secret")
    monkeypatch.delenv("RAY_AUTH_TOKEN", raising=False)
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(token))
    if mode is None:
        monkeypatch.delenv("RAY_AUTH_MODE", raising=False)
    else:
        monkeypatch.setenv("RAY_AUTH_MODE", mode)
    findings = found(tmp_path, "127.0.0.1:1")
    assert findings["Ray authentication"].verdict == verdict
    assert not any("secret" in finding.found for finding in findings.values())
    assert found(tmp_path, "local")["Ray authentication"].verdict == "ok"


def test_a_running_ray_is_joined_and_a_ray_that_does_not_answer_is_bad(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    joined: list[Any] = []

    @contextmanager
    def connected(cluster: Any) -> Iterator[None]:
        joined.append(cluster.ray_init["address"])
        yield

    monkeypatch.setattr("study.driver.ray_cluster.connected", connected)
    monkeypatch.setattr("study.driver.waiting.resources_now", lambda: "2 CPUs (1 free), 0 GPUs")
    monkeypatch.setattr("study.driver.probes.probe_nodes", lambda home: [Seen("n1", "no torch")])
    assert found(tmp_path, "10.0.0.7:6379")["machine"].verdict == "bad"
    joined.clear()
    finding = found(tmp_path, "10.0.0.7:6379")["cluster"]
    assert (finding.verdict, joined) == ("ok", ["10.0.0.7:6379"])
    assert finding.found == "the running Ray at 10.0.0.7:6379: 2 CPUs (1 free), 0 GPUs"
    monkeypatch.undo()
    finding = found(tmp_path, "127.0.0.1:1")["cluster"]
    assert finding.verdict == "bad"
    assert "127.0.0.1:1 cannot be reached: " in finding.found


def test_the_doctor_finds_this_place_fit(command: Any, tmp_path: Path) -> None:
    answer = command("doctor", "--home", tmp_path / "absent")
    assert answer.code == 0, answer.out
    assert all(name in answer.out for name in ("torch", "ray", "optuna", "mlflow", "home is writable"))
    assert not (tmp_path / "absent").exists()
    assert command("doctor", "--cluster", "moon").code == 1


def test_at_a_place_that_submits_the_doctor_is_submitted(command: Any, tmp_path: Path) -> None:
    """So it examines the machines that the place gives to a study."""
    asked = ("doctor", "--home", tmp_path, "--cluster", "slurm", "--place", "nodes=2")
    answer = command(*asked, "--print")
    assert answer.code == 0, answer.err
    assert "#SBATCH --nodes=2\n" in answer.out
    assert f"kdstudy doctor --cluster=running --home={tmp_path}" in answer.out
    refused = command("doctor", "--place", "nodes=2")
    assert (refused.code, refused.out) == (2, "")
    assert "--place: is for places that submit" in refused.err
