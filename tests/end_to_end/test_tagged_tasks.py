"""Token tasks through the command line: what is refused, one trial, a study from run to report and export."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

LANGUAGES = ["deu", "hau", "yor"]
QUICK = (
    "steps=12",
    "batch_size=16",
    "teacher_steps=60",
    "teacher_batch_size=16",
    "teacher_learning_rate=3e-3",
)


def settings(*values: str) -> list[str]:
    return [part for value in values for part in ("--set", value)]


def test_a_folder_of_three_languages_with_a_missing_tag_is_refused_in_one_line(
    command: Callable[..., Any], tagged_folder: Path, model_folder: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(tagged_folder, tmp_path / "names"))
    file = folder / "hau" / "train.conll"
    lines = file.read_text("utf-8").split("\n")
    lines[4] = lines[4].partition("\t")[0]
    file.write_text("\n".join(lines), encoding="utf-8")
    answer = command("trial", "--task", folder, "--model", model_folder, "--home", tmp_path / "home")
    assert (answer.code, answer.out) == (2, "")
    (line,) = answer.err.splitlines()
    assert f"{file}, line 5: tags: no tag in '{lines[4]}'" in line
    assert not (tmp_path / "home").exists()


def test_one_trial_is_scored_by_the_f1_of_entities(
    command: Callable[..., Any], tagged_folder: Path, model_folder: Path, tmp_path: Path
) -> None:
    on = ["--task", tagged_folder, "--model", model_folder, "--home", tmp_path / "home"]
    answer = command("trial", *on, "--json", *settings(*QUICK))
    assert answer.code == 0, answer.err
    result = json.loads(answer.out)
    for split in ("validation", "test"):
        assert set(result[split]) == {"f1", "precision", "recall", "retention", "n"}
        assert list(result[split]["f1"]["by_language"]) == LANGUAGES
    table = command("trial", *on, *settings(*QUICK))
    for words in ("validation F1", "test precision", "macro", "yor"):
        assert words in " ".join(table.out.split()) or words.split()[-1] in table.out


def test_the_plan_has_the_words_cut_off_and_the_size_of_the_outputs(
    command: Callable[..., Any], tagged_folder: Path, model_folder: Path, tmp_path: Path
) -> None:
    on = ["--task", tagged_folder, "--model", model_folder, "--home", tmp_path / "home"]
    answer = command("plan", "quickstart", *on, "--json", *settings("max_length=6"))
    assert answer.code == 0, answer.err
    plan = json.loads(answer.out)
    outputs = plan["outputs"]
    assert outputs["labels"] == 5
    assert outputs["bytes"] == 4 * 5 * outputs["items"]
    assert sum("have no label for a student" in note for note in plan["notes"]) == len(LANGUAGES)


def test_a_study_runs_reports_and_exports_by_f1(
    command: Callable[..., Any], on_ray: list[str], tagged_folder: Path, model_folder: Path, tmp_path: Path
) -> None:
    from transformers import pipeline

    from analysis.record.reading import read_study
    from study.home import Home

    home = tmp_path / "home"
    on = ["--task", tagged_folder, "--model", model_folder, "--home", home, "--name", "names"]
    two = settings("init=teacher,random", "alpha=0.5", "learning_rate=2e-3", *QUICK)
    asked = ["run", "quickstart", *on, *on_ray, "--artifacts", "none", "--trials", "1"]
    answer = command(*asked, "--confirm-seeds", "3", *two, *settings("data_fraction=1.0"))
    assert answer.code == 0, answer.err

    record = read_study(Home(home).urls("names")["tracking_uri"], "names")
    assert record.metric == "f1"
    assert set(record.scores["metric"]) == {"f1", "precision", "recall", "retention"}
    assert set(record.scores_of("confirm", "test", "f1")["language"]) == {*LANGUAGES, "macro", "worst"}
    assert record.curves["macro"].notna().any()
    assert not record.answers

    told = command("report", "names", "--home", home)
    assert told.code == 0, told.err
    assert "F1 per language, test" in told.out
    page = (home / "studies" / "names" / "report" / "report.md").read_text("utf-8")
    assert "macro test F1" in page.replace("Macro", "macro")
    assert "ccurac" not in page

    out = command("export", "names", "--home", home, "--out", tmp_path / "student")
    assert out.code == 0, out.err
    tag = pipeline("token-classification", model=str(tmp_path / "student"), device="cpu", ignore_labels=[])
    answers: Any = tag("bä dö ka li")
    assert {one["entity"] for one in answers} <= {"B-LOC", "B-PER", "I-LOC", "I-PER", "O"}


@pytest.mark.parametrize("kind", ["text", "token"])
def test_the_embedded_tasks_are_listed(command: Callable[..., Any], kind: str) -> None:
    listed = json.loads(command("tasks", "--json").out)
    assert {"text": "phrasebook", "token": "phrasebook_slots"}[kind] in listed
