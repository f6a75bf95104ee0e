"""English training texts, and 22 unseen varieties: a trial and a study, through the command line."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from study.config import SEEN_OR_UNSEEN

UNSEEN = (
    *("ar", "cs", "da", "de-ba", "de-st", "es", "fr", "hr", "id", "it", "ja", "ka", "kk", "nl", "no_B"),
    *("no_N", "pl", "pt", "ro", "sr", "sv", "tr"),
)
LABELS = tuple(f"intent {number:02}" for number in range(18))
NEVER_TESTED = LABELS[14:]
QUICK = ("batch_size=8", "teacher_steps=20", "teacher_batch_size=8", "teacher_learning_rate=3e-3")


@pytest.fixture(scope="module")
def task(build_task_folder: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """English in train and dev; 23 languages in test, without four of the labels."""
    folder = tmp_path_factory.mktemp("zero-shot") / "task"
    without = {(name, language) for name in ("train", "dev") for language in UNSEEN}
    rows = {"train": 4, "dev": 2, "test": 1}
    build_task_folder(folder, languages=("en", *UNSEEN), labels=LABELS, rows=rows, without=without)
    test = [json.loads(line) for line in (folder / "test.jsonl").read_text("utf-8").splitlines()]
    kept = [json.dumps(row) for row in test if row["label"] not in NEVER_TESTED]
    (folder / "test.jsonl").write_text("\n".join(kept) + "\n", "utf-8")
    return folder


def options(*settings: str) -> list[str]:
    return [part for setting in (*QUICK, *settings) for part in ("--set", setting)]


def test_a_trial_scores_varieties_that_have_test_texts_alone(
    command: Callable[..., Any], task: Path, model_folder: Path, tmp_path: Path
) -> None:
    on = ["--task", task, "--model", model_folder, "--home", tmp_path / "home", "--train-languages", "en"]
    answer = command("trial", *on, "--json", *options("steps=4"))
    assert answer.code == 0, answer.err
    result = json.loads(answer.out)
    assert tuple(result["unseen"]) == UNSEEN
    test, validation = (result[split]["accuracy"] for split in ("test", "validation"))
    assert set(test["by_language"]) == {"en", *UNSEEN}
    assert test["unseen_macro"] == pytest.approx(sum(test["by_language"][one] for one in UNSEEN) / 22)
    assert test["seen_macro"] == test["by_language"]["en"]
    assert validation["unseen_macro"] is None
    assert validation["seen_macro"] == validation["macro"]


def test_a_study_of_an_english_student_answers_with_transfer(
    command: Callable[..., Any], task: Path, model_folder: Path, tmp_path: Path, on_ray: list[str]
) -> None:
    """And another study on the same task selects on all, and goes on so."""
    home = ["--home", tmp_path / "home"]
    budget = ["--trials", "3", "--confirm-seeds", "3", "--set", "learning_rate=1e-4..3e-2"]
    asked = ["--set", "init=random,teacher", "--train-languages", "en", "--teacher-languages", "en"]
    run = ["run", "unseen_languages", "--task", task, "--model", model_folder, "--artifacts", "none"]
    answer = command(*run, *home, *budget, *asked, *on_ray, *options("steps=6"))
    assert answer.code == 0, answer.err
    status = json.loads(command("status", "unseen_languages", *home, "--json").out)
    assert status["select_on"] == "seen"
    assert [tuple(arm["unseen"]) for arm in status["arms"]] == [UNSEEN] * 2
    assert command("report", "unseen_languages", *home, "--out", tmp_path / "report").code == 0
    page = (tmp_path / "report" / "report.md").read_text("utf-8")
    assert "Languages seen and unseen" in page
    assert "selected on validation texts of the seen languages alone" in page
    with (tmp_path / "report" / "unseen.csv").open(encoding="utf-8") as file:
        found = {row["group"]: float(row["estimate"]) for row in csv.DictReader(file)}
    assert found["unseen - seen"] == pytest.approx(found["unseen"] - found["seen"])
    with (tmp_path / "report" / "per_language.csv").open(encoding="utf-8") as file:
        names = {row["language"] for row in csv.DictReader(file) if row["split"] == "test"}
    assert {"en", *UNSEEN, "macro", "worst", *SEEN_OR_UNSEEN} == names
