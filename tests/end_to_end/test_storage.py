"""A study whose checkpoints and artifacts are on S3, and whose machine is lost with all its disks."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from study.storage.mirror import Mirror
from tests.end_to_end.conftest import measured

NAME = "my_space"
PLANNED = 8


@pytest.mark.slow
def test_a_study_goes_on_from_storage_alone(
    kdstudy: Any,
    command: Any,
    asked: Any,
    finished: Any,
    home_with_artifacts: Path,
    check_whole: Callable[..., Any],
    read: Callable[..., Any],
    s3: Any,
    tmp_path: Path,
) -> None:
    """The ledger and MLflow are elsewhere; of the home where it was killed nothing is left."""
    elsewhere, lost, new = tmp_path / "elsewhere", home_with_artifacts, tmp_path / "new home"
    ledger = elsewhere / "studies" / NAME / "optuna.db"
    ledger.parent.mkdir(parents=True)
    storage = f"s3://{s3.new_bucket()}/kd"
    where = ["--ledger-url", f"sqlite:///{ledger}", "--tracking-uri", f"sqlite:///{elsewhere / 'mlflow.db'}"]
    where += ["--storage-url", storage]
    running = kdstudy.start("run", asked.space, *asked.plain, "--home", lost, *where)
    attempts = lost / "studies" / NAME / "trials"
    running.wait_until(lambda: len(list(attempts.glob("*/attempt-1/result.json"))) >= 2)
    running.wait_until(lambda: any(attempts.glob("*/attempt-1/checkpoint-00000040.pt")))
    running.kill()
    shutil.rmtree(lost)
    answer = kdstudy("run", asked.space, *asked.plain, "--home", new, *where)
    assert answer.code == 0, answer.err
    whole = check_whole(elsewhere, NAME, PLANNED)
    expected = read(finished.home, finished.name)
    assert {r.key: (r.phase, r.arm, r.value) for r in whole.records} == {
        r.key: (r.phase, r.arm, r.value) for r in expected.records
    }
    for key, run in whole.trials.items():
        assert measured(run) == measured(expected.trials[key])
    assert len(whole.measured_rows) == len(expected.measured_rows)
    built = list((new / "artifacts").glob("teachers/*/manifest.json"))
    built += [p.with_name("manifest.json") for p in (new / "artifacts").glob("outputs/*/scores.json")]
    there = [finished.home / path.relative_to(new) for path in built]
    same = [a.read_text("utf-8") == b.read_text("utf-8") for a, b in zip(built, there, strict=True)]
    assert same[0]
    assert sum(same) >= 2  # scores.json has a time: outputs of validation are those built before

    mirror = Mirror(new, storage)
    left = mirror.names(new / "studies" / NAME / "trials")
    assert not [name for name in left if "checkpoint" in name]
    assert len([name for name in left if name.endswith("/result.json")]) == PLANNED
    assert len([name for name in left if name.endswith(".safetensors")]) == 2 + 2  # each arm's best, confirm

    shutil.rmtree(new / "studies" / NAME / "trials")
    shutil.rmtree(new / "artifacts")
    exported = command("export", NAME, "--home", new, "--out", tmp_path / "student")
    assert exported.code == 0, exported.err
    assert "trained again" not in exported.err
    assert (tmp_path / "student" / "tokenizer.json").exists()


@pytest.mark.parametrize("wrong", ["s3://no-such-bucket/x", "bogus://x", "./relative"])
def test_storage_that_cannot_be_written_to_is_refused(
    command: Any, asked: Any, s3: Any, wrong: str, tmp_path: Path
) -> None:
    answer = command("run", asked.space, *asked.plain, "--home", tmp_path / "home", "--storage-url", wrong)
    assert (answer.code, answer.out) == (2, "")
    (line,) = answer.err.splitlines()
    assert line.startswith(f"kdstudy: --storage-url {wrong}: must be a folder that can be written to: s3://")
    assert not (tmp_path / "home").exists()


def test_a_study_keeps_the_storage_that_it_was_begun_with(
    command: Any, asked: Any, copied_home: Path, tmp_path: Path, tree: Callable[[Path], Any]
) -> None:
    before = tree(copied_home)
    storage = (tmp_path / "storage").as_uri()
    answer = command("run", asked.space, *asked.plain, "--home", copied_home, "--storage-url", storage)
    assert answer.code == 2
    assert f"--storage-url: study {NAME} was begun with none, not {storage}" in answer.err
    assert tree(copied_home) == before
    assert not (tmp_path / "storage").exists()
