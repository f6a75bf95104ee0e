"""Languages of training texts on the command line: options, plans, refusals, tables."""

from __future__ import annotations

import json
from typing import Any

import pytest

from study.cli.status import _unseen
from study.cli.trial import scores_table
from tests.cli.place import ON, Place


def plan_of(command: Any, place: Place, options: str) -> dict[str, Any]:
    answer = command(*place.filled(f"plan {{space}} {ON} {options} --json"))
    assert answer.code == 0, answer.err
    found: dict[str, Any] = json.loads(answer.out)
    return found


def test_languages_to_train_on_are_fixed_by_an_option_and_make_arms_as_levels(
    command: Any, place: Place
) -> None:
    plan = plan_of(command, place, "--train-languages yor,deu --teacher-languages but:hau")
    assert plan["fixed"]["train_languages"] == "deu+yor"
    assert plan["fixed"]["teacher_languages"] == "but:hau"
    assert {tuple(arm["unseen"]) for arm in plan["arms"]} == {("hau",)}
    assert plan["select_on"] == "seen"
    plan = plan_of(command, place, "--set train_languages=deu,half:1,all --select-on all")
    assert plan["select_on"] == "all"
    assert [arm["arm"].split("train_languages=")[1] for arm in plan["arms"][:3]] == ["deu", "half:1", "all"]
    assert [len(arm["unseen"]) for arm in plan["arms"][:3]] == [2, 2, 0]


def test_a_plan_shows_which_languages_are_unseen_and_what_selects(command: Any, place: Place) -> None:
    shown = command(*place.filled(f"plan {{space}} {ON} --train-languages deu")).out
    assert [line.split() for line in shown.splitlines() if "students, deu" in line] == [
        ["students,", "deu", "deu", "hau,", "yor"]
    ]
    assert "selection by macro validation accuracy over the languages that a student is trained on" in shown
    without = command(*place.filled(f"plan {{space}} {ON}")).out
    assert "unseen" not in without
    assert "selection by" not in without


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ("--train-languages yro", "train_languages: 'yro' is no language of the task (did you mean yor?)"),
        ("--teacher-languages fra", "teacher_languages: 'fra' is no language of the task"),
        ("--train-languages ,", "--train-languages: names no language"),
        (
            "--train-languages deu --set train_languages=all",
            "--train-languages: --set train_languages is given",
        ),
        (
            "--set train_languages=deu+yor,but:hau",
            "train_languages: deu+yor and but:hau are the same languages",
        ),
        ("--set train_languages=deu..yor", "train_languages: is a part of the question, and is never tuned"),
        ("--languages deu,hau --train-languages yor", "train_languages: 'yor' is no language of the task"),
    ],
)
def test_what_cannot_be_trained_on_is_refused_before_anything_is_written(
    command: Any, place: Place, tree: Any, options: str, complaint: str
) -> None:
    before = tree(place.folder)
    answer = command(*place.filled(f"run {{space}} {ON} {options}"))
    assert answer.code == 2
    assert complaint in answer.err
    assert len(answer.err.strip().splitlines()) == 1
    assert tree(place.folder) == before


def test_without_validation_rows_in_a_seen_language_the_user_must_say_what_selects(
    command: Any, place: Place
) -> None:
    file = place.folder / "task" / "dev.jsonl"
    lines = [line for line in file.read_text("utf-8").splitlines() if json.loads(line)["lang"] != "deu"]
    file.write_text("\n".join(lines) + "\n", "utf-8")
    answer = command(*place.filled(f"plan {{space}} {ON} --train-languages deu"))
    assert answer.code == 2
    assert "train_languages=deu: no validation rows in deu" in answer.err
    assert plan_of(command, place, "--train-languages deu --select-on all")["select_on"] == "all"


def test_a_trial_marks_unseen_languages_and_has_groups_last() -> None:
    over = {"macro": 0.7, "worst": 0.6, "by_language": {"deu": 0.8, "arb": 0.6}}
    over |= {"seen_macro": 0.8, "seen_worst": 0.8, "unseen_macro": 0.6, "unseen_worst": 0.6}
    scores = dict.fromkeys(("accuracy", "macro_f1", "retention"), over)
    table = scores_table({"validation": scores, "test": scores, "unseen": ["arb"]})
    names = [str(cell) for cell in table.columns[0].cells]
    assert names[:2] == ["deu", "arb (unseen)"]
    assert names[2:] == ["macro", "worst", "seen_macro", "seen_worst", "unseen_macro", "unseen_worst"]


def test_a_status_names_few_unseen_languages_and_counts_many() -> None:
    many = [f"lang{number}" for number in range(9)]
    arms = [{"arm": "a", "unseen": ["deu"]}, {"arm": "b", "unseen": many}, {"arm": "c", "unseen": []}]
    assert _unseen({"arms": arms, "select_on": "seen"}) == [
        "unseen in a: deu",
        "unseen in b: 9 languages",
        "best: by macro validation accuracy over seen languages alone",
    ]
    assert _unseen({"arms": arms[2:], "select_on": "seen"}) == []
