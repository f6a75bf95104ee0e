"""Submitting: what `--print` shows, what a scheduler gets, and which requests are refused before."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml  # type: ignore[import-untyped, unused-ignore]

from study.cli.app import app
from tests.cli.place import Place
from tests.cluster.places import ENOUGH, OURS, SUBMITTING, calls, stand_in
from tests.processes import Answer

ELSEWHERE = [name for name in SUBMITTING if name != "slurm"]
"""Places that do not have the files of this machine."""
HERE = "run {space} --task {task} --model {model}"


@pytest.fixture
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's home, and stand-ins for what schedulers are reached by; the file of what they got."""
    for name in ("sbatch", "kubectl", "ray"):
        stand_in(tmp_path / "bin", name)
    (tmp_path / "user").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setenv("RECORD", str(tmp_path / "record"))
    monkeypatch.setenv("ANSWER_SBATCH", "4711")
    monkeypatch.setenv("ANSWER_KUBECTL", "rayjob.ray.io/kdstudy-quickstart-x7k2p")
    return tmp_path / "record"


def at(name: str) -> list[str]:
    """The options that lead a command to a place."""
    given = [f"--place={key}={value}" for key, value in ENOUGH[name].items()]
    return [f"--cluster={name}", *given]


def parameters(words: list[str]) -> dict[str, Any]:
    """The parameters of a command, as Typer reads them."""
    command: Any = typer.main.get_command(app)
    found: dict[str, Any] = command.commands[words[0]].make_context(words[0], list(words[1:])).params
    return found


@pytest.mark.parametrize("name", ELSEWHERE)
def test_print_shows_the_files_and_does_nothing(
    name: str, command: Callable[..., Answer], tree: Any, tmp_path: Path, outside: Path, place: Place
) -> None:
    before = tree(tmp_path)
    answer = command("run", "quickstart", *at(name), "--print")
    assert answer.code == 0
    assert "nothing was submitted; without --print this goes to" in answer.err
    assert "kdstudy run quickstart" in answer.out
    assert tree(tmp_path) == before
    assert calls(outside) == []


def test_print_of_one_file_is_this_file_alone(command: Callable[..., Answer], outside: Path) -> None:
    job = yaml.safe_load(command("run", "quickstart", *at("kubernetes"), "--print").out)
    assert job["kind"] == "RayJob"


def test_print_at_slurm_checks_the_whole_request_and_does_nothing(
    command: Callable[..., Answer], tree: Any, tmp_path: Path, outside: Path, place: Place
) -> None:
    before = tree(tmp_path)
    answer = command(*place.filled(HERE), *at("slurm"), "--print")
    assert answer.code == 0
    assert answer.out.startswith("#!/bin/bash\n")
    assert f"--cluster=running --home={place.folder / 'kdstudy-home'}" in answer.out
    assert tree(tmp_path) == before
    assert calls(outside) == []
    refused = command(*place.filled(HERE.replace("{task}", "{columns}")), *at("slurm"), "--print")
    assert refused.code == 2
    assert refused.out == ""


@pytest.mark.processes
def test_a_job_gets_the_same_request_that_attaches_to_its_ray(
    command: Callable[..., Answer], outside: Path, place: Place
) -> None:
    given = [*place.filled(HERE), "--name", "a b", "--set", "steps=50,100", "--set=learning_rate=1e-4..1e-2"]
    given += ["--drop-shared", "--concurrency", "3", "--gpus-per-trial", "0.5", "--trials", "4"]
    answer = command(*given, *at("slurm"), "--place", "gpus=2")
    assert answer.code == 0, answer.err
    (call,) = calls(outside)
    (line,) = [text for text in call["input"].splitlines() if text.startswith("kdstudy run ")]
    words = shlex.split(line.removeprefix("kdstudy ").removesuffix(" &"))
    home = str(place.folder / "kdstudy-home")
    assert parameters(words) == parameters(given) | {"cluster": "running", "home": Path(home)}


@pytest.mark.processes
def test_what_was_submitted_is_printed_with_how_to_watch_stop_and_resume(
    command: Callable[..., Answer], outside: Path, place: Place
) -> None:
    lines = command(*place.filled(HERE), *at("slurm")).out.splitlines()
    assert lines[0] == "submitted  4711"
    assert "stop       scancel --batch --signal=TERM 4711" in lines
    assert f"status     kdstudy status space --home {place.folder / 'kdstudy-home'}" in lines
    assert lines[-1] == "resume     the same command again"


@pytest.mark.processes
def test_a_study_is_resumed_at_a_place_by_its_name(command: Callable[..., Answer], outside: Path) -> None:
    answer = command("resume", "quickstart", *at("kubernetes"), "--retry-failed")
    assert answer.code == 0, answer.err
    job = yaml.safe_load(calls(outside)[0]["input"])
    script = str(job["spec"]["rayClusterSpec"]["headGroupSpec"]["template"]["metadata"]["annotations"])
    assert "kdstudy resume quickstart --retry-failed --cluster=running --home=/kdstudy/home" in script


def test_a_resume_at_slurm_needs_a_study_that_has_begun(
    command: Callable[..., Answer], outside: Path, tmp_path: Path
) -> None:
    answer = command("resume", "nosuch", *at("slurm"), "--print", "--home", tmp_path)
    assert answer.code == 2
    assert "nosuch" in answer.err
    assert answer.out == ""


def test_a_finished_study_is_not_submitted(
    command: Callable[..., Answer], outside: Path, finished_study: Any
) -> None:
    study = finished_study
    answer = command("resume", study.name, "--home", study.home.root, *at("slurm"))
    assert answer.code == 0
    assert "is finished" in answer.err
    assert calls(outside) == []


def test_trials_on_gpus_get_a_gpu_before_there_is_one(command: Callable[..., Answer], outside: Path) -> None:
    with_gpus = [*at("kubernetes"), "--place", "gpus=2", "--print"]
    assert "--gpus-per-trial=1 " in command("run", "quickstart", *with_gpus).out
    half = command("run", "quickstart", *with_gpus, "--gpus-per-trial", "0.5").out
    assert "--gpus-per-trial=0.5 " in half
    assert "--gpus-per-trial=1 " not in half
    assert "--gpus-per-trial" not in command("run", "quickstart", *at("kubernetes"), "--print").out


def test_a_home_that_ends_with_its_machine_is_noted(command: Callable[..., Answer], outside: Path) -> None:
    run = ["run", "quickstart", *at("aws"), "--print"]
    assert "give --storage-url, --ledger-url, --tracking-uri, or a --home" in command(*run).err
    urls = ["--storage-url=s3://b/p", "--ledger-url=postgresql://h/d", "--tracking-uri=http://h:5000"]
    assert "note" not in command(*run, *urls).err


def test_a_users_file_is_a_place(
    command: Callable[..., Answer], outside: Path, place: Place, tree: Any
) -> None:
    Path("ours.py").write_text(OURS)
    before = tree(place.folder)
    answer = command(*place.filled(HERE), "--cluster", "./ours.py", "--place", "nodes=2", "--print")
    assert answer.code == 0, answer.err
    assert "#SBATCH --partition=our-gpus\n" in answer.out
    assert tree(place.folder) == before


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("CLUSTER = 1", "must export CLUSTER, a cluster.Cluster or a cluster.Place"),
        ("", "must export CLUSTER"),
        ("raise OSError('no')", "OSError: no"),
        (None, "no such file"),
    ],
)
def test_a_file_without_a_place_is_refused(
    text: str | None,
    why: str,
    command: Callable[..., Answer],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    if text is not None:
        Path("ours.py").write_text(text)
    answer = command("run", "quickstart", "--cluster", "./ours.py", "--print")
    assert answer.code == 2
    assert answer.err.startswith("kdstudy: --cluster ./ours.py: ")
    assert why in answer.err
    assert answer.err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ("run quickstart --print", "--print: is for places that submit, and --cluster local submits nothing"),
        ("run quickstart --place nodes=2", "--place: is for places that submit"),
        ("resume quickstart --print", "quickstart: no such study"),
        ("run quickstart --cluster slrum", "no such cluster; there are"),
        ("run quickstart --cluster slurm --place nod=2", "slurm has no such option (did you mean nodes?)"),
        ("run quickstart --cluster slurm --place nodes=two", "--place nodes: "),
        ("run quickstart --cluster slurm --place nodes=0", "--place nodes: "),
        ("run quickstart --cluster slurm --place nodes=1 --place nodes=2", "--place nodes: is given twice"),
        ("run quickstart --cluster slurm --place partition=$(x)", "--place partition: must be letters"),
        ("run quickstart --cluster gcp --place image=x", "--place region: is needed; kdstudy settings gcp"),
        ("run nosuch {k8s}", "nosuch: no such search space"),
        ("run ./space.py {k8s}", "space ./space.py: kubernetes does not have the files of this machine"),
        ("run quickstart --task ./task {k8s}", "--task ./task: kubernetes does not have the files"),
        ("run quickstart --model ~/model {k8s}", "--model ~/model: kubernetes does not have the files"),
        ("run quickstart --home here {k8s}", "--home here: give the absolute path"),
        ("run quickstart --name a/b {k8s}", "--name 'a/b': must be letters"),
        ("run quickstart --set=a\\nb {k8s}", "must be one line of printable text"),
        (
            "run quickstart --ledger-url postgresql://me:pw1@h/d {k8s}",
            "give it by a variable, such as --place",
        ),
        ("run quickstart --storage-url s3://b?secret_key=pw1 {k8s}", "others could read the secret"),
    ],
)
def test_a_request_that_cannot_be_submitted_is_refused_in_one_line(
    arguments: str, why: str, command: Callable[..., Answer], outside: Path, tree: Any, tmp_path: Path
) -> None:
    before = tree(tmp_path)
    words = arguments.replace("{k8s}", " ".join(at("kubernetes"))).split()
    answer = command(*(word.replace("\\n", "\n") for word in words))
    assert answer.code == 2
    assert why in answer.err
    assert answer.err.count("\n") == 1
    assert answer.out == ""
    assert "pw1" not in answer.err
    assert tree(tmp_path) == before
    assert calls(outside) == []


def test_settings_lists_the_options_of_a_place(command: Callable[..., Answer]) -> None:
    answer = command("settings", "slurm")
    for option in SUBMITTING["slurm"].options.model_fields:
        assert f" {option} " in answer.out
