"""One trial on tasks of every shape that users have, through the command line."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

QUICK = ("steps=4", "batch_size=8", "teacher_steps=10", "teacher_batch_size=8", "teacher_learning_rate=3e-3")


@pytest.fixture
def trial(command: Callable[..., Any], model_folder: Path, tmp_path: Path) -> Callable[..., Any]:
    """(answer, result) of a quick trial on a task folder."""

    def run(task: Path, *arguments: str | Path, settings: Sequence[str] = QUICK) -> Any:
        options = [part for setting in settings for part in ("--set", setting)]
        on = ["--task", task, "--model", model_folder, "--home", tmp_path / "home"]
        answer = command("trial", *on, "--json", *options, *arguments)
        assert answer.code == 0, answer.err
        return answer, json.loads(answer.out)

    return run


def test_sixty_labels_ids_and_languages_that_lack_a_split(
    trial: Callable[..., Any], build_task_folder: Any
) -> None:
    folder = build_task_folder(
        labels=[f"label {number:02d}" for number in range(60)],
        rows={"train": 2, "valid": 1, "test": 1},
        without={("train", "yor"), ("valid", "hau")},
        ids=True,
    )
    answer, result = trial(folder)
    assert answer.err.splitlines()[:2] == [
        "note: no train rows in yor: scored as unseen",
        "note: no validation rows in hau: out of the validation macro",
    ]
    assert result["outcome"] == "complete"
    assert result["validation"]["n"] == {"deu": 60, "yor": 60}
    assert result["test"]["n"] == {"deu": 60, "hau": 60, "yor": 60}
    assert list(result["test"]["accuracy"]["by_language"]) == ["deu", "hau", "yor"]


def test_three_labels_in_csv_files(trial: Callable[..., Any], build_task_folder: Any, tmp_path: Path) -> None:
    rows = {"train": 6, "validation": 2, "test": 3}
    folder = build_task_folder(labels=("007", "NA", "ẹ̀ka kẹta"), rows=rows)
    for name in rows:
        lines = [json.loads(line) for line in (folder / f"{name}.jsonl").read_text("utf-8").splitlines()]
        (folder / f"{name}.jsonl").unlink()
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, ["lang", "text", "label"])
            writer.writeheader()
            writer.writerows(lines)
    _, result = trial(folder)
    assert result["outcome"] == "complete"
    assert result["test"]["n"] == {"deu": 9, "hau": 9, "yor": 9}


def test_some_of_the_languages(trial: Callable[..., Any], task_folder: Path) -> None:
    _, whole = trial(task_folder)
    _, part = trial(task_folder, "--languages", "yor, deu")
    assert list(part["test"]["accuracy"]["by_language"]) == ["deu", "yor"]
    assert part["key"] != whole["key"]


def test_a_single_language(trial: Callable[..., Any], task_folder: Path) -> None:
    _, result = trial(task_folder, "--languages", "hau")
    accuracy = result["test"]["accuracy"]
    assert accuracy["macro"] == accuracy["worst"] == accuracy["by_language"]["hau"]


def test_one_percent_with_a_teacher_that_saw_no_more(trial: Callable[..., Any], task_folder: Path) -> None:
    share = ("data_fraction=0.01", "teacher_data=same")
    _, same = trial(task_folder, settings=(*QUICK, *share))
    _, full = trial(task_folder, settings=(*QUICK, share[0]))
    assert same["outcome"] == full["outcome"] == "complete"
    assert same["config"]["teacher_data"] == "same"
    assert same["key"] != full["key"]


def test_a_teacher_of_the_users_own(
    trial: Callable[..., Any], base_folder: Path, task_folder: Path, tmp_path: Path
) -> None:
    from study.trial.models.teacher import new_classifier
    from study.trial.models.tokenizer import load_tokenizer

    given = tmp_path / "my teacher"
    new_classifier(base_folder, ("weather", "news", "music", "alarm"), 5).save_pretrained(given)
    load_tokenizer(base_folder).save_pretrained(given)
    _, result = trial(task_folder, "--teacher", given, settings=("steps=4", "batch_size=8"))
    assert result["outcome"] == "complete"
    assert len(result["config"]["teacher"]) == 64
    assert not [name for name in result["config"] if name.startswith("teacher_")]


def test_a_student_that_diverges_is_an_answer(trial: Callable[..., Any], task_folder: Path) -> None:
    _, result = trial(task_folder, settings=(*QUICK, "learning_rate=1e6"))
    assert result["outcome"] == "diverged"
    assert result["test"] is None


def test_a_teacher_that_diverges_is_said_in_one_line(
    command: Any, task_folder: Path, model_folder: Path, tmp_path: Path
) -> None:
    on = ["--task", task_folder, "--model", model_folder, "--home", tmp_path / "home"]
    answer = command("trial", *on, "--set", "teacher_learning_rate=1e6", "--set", "teacher_steps=10")
    assert (answer.code, answer.out) == (1, "")  # not 2: the base model and the tokens have been written
    *_, line = answer.err.splitlines()
    assert line == ("stopped: the teacher diverged at learning rate 1e+06: --set teacher_learning_rate lower")


def test_without_json_the_scores_are_a_table(
    command: Any, task_folder: Path, model_folder: Path, tmp_path: Path
) -> None:
    on = ["--task", task_folder, "--model", model_folder, "--home", tmp_path / "home"]
    answer = command("trial", *on, *(part for setting in QUICK for part in ("--set", setting)))
    assert answer.code == 0, answer.err
    for word in ("complete", "deu", "hau", "yor", "macro", "worst", "test accuracy", "validation retention"):
        assert word in answer.out
    assert "training the student" in answer.err


def test_the_full_vocabulary_is_a_switch_that_changes_no_number(
    trial: Callable[..., Any], task_folder: Path
) -> None:
    (_, ours), (_, whole) = (trial(task_folder, *switch) for switch in ((), ("--full-vocabulary",)))
    assert ours.pop("trained_tokens") < whole.pop("trained_tokens")
    for result in (ours, whole):
        del result["seconds"], result["ended_ms"]
    assert ours == whole
