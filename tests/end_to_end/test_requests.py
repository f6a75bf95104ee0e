"""What is asked before anything runs: lists and plans, and requests that cannot be served."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from study.planning.capacity import Machine


@dataclass(frozen=True)
class Place:
    """A working directory with a task, a model and a space, and with others that are wrong."""

    folder: Path

    def filled(self, arguments: str) -> list[str]:
        """`arguments`, split at spaces; `{x}` stands for the file or folder here called x."""
        here = {path.stem: str(path) for path in self.folder.iterdir()}
        return [part.format(**here).replace("\\n", "\n") for part in arguments.split()]


@pytest.fixture(scope="session")
def origin(
    task_folder: Path, model_folder: Path, base_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """What requests name, right and wrong."""
    from study.trial.models.teacher import new_classifier
    from study.trial.models.tokenizer import load_tokenizer

    folder = tmp_path_factory.mktemp("origin")
    shutil.copytree(task_folder, folder / "task")
    shutil.copytree(model_folder, folder / "model")
    spoilt: dict[str, Callable[[str], str]] = {
        "columns": lambda line: line.replace('"label"', '"class"'),
        "broken": lambda line: line[:-3],
        "reserved": lambda line: line.replace('"deu"', '"macro"'),
    }
    for name, spoil in spoilt.items():
        shutil.copytree(task_folder, folder / name)
        lines = (folder / name / "dev.jsonl").read_text("utf-8").splitlines()
        lines[4 if name == "broken" else 0] = spoil(lines[4 if name == "broken" else 0])
        (folder / name / "dev.jsonl").write_text(
            "\n".join(map(spoil if name == "reserved" else str, lines)), "utf-8"
        )
    teacher = new_classifier(base_folder, ("alarm", "music", "news", "politics"), 0)
    teacher.save_pretrained(folder / "teacher")
    load_tokenizer(base_folder).save_pretrained(folder / "teacher")
    (folder / "space.py").write_text(SPACE)
    (folder / "wrong.py").write_text(SPACE.replace("trials=2", "trials=0"))
    (folder / "syntax.py").write_text(SPACE.replace("trials=2", "trials="))
    (folder / "empty.py").write_text("")
    (folder / "file").write_text("")
    return folder


SPACE = """
from study.space import Range, SearchSpace

SPACE = SearchSpace(
    question="?",
    scientific={"init": ("teacher", "random"), "alpha": (0.5, 1.0)},
    nuisance={"learning_rate": Range(low=1e-4, high=1e-2, log=True)},
    fixed={"depth": "1/2", "steps": 50},
    trials=2,
    confirm_seeds=3,
)
"""


@pytest.fixture
def place(origin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    folder = shutil.copytree(origin, tmp_path / "here")
    monkeypatch.chdir(folder)
    return Place(folder)


ON = "--task {task} --model {model}"
RUN = f"run {{space}} {ON}"
TRIAL = f"trial {ON}"

BAD = [
    ("run nosuch", "nosuch: no such search space; there are"),
    ("run ./nosuch.py", "no such file"),
    (f"run {{wrong}} {ON}", "trials: Input should be greater than or equal to 1"),
    (f"run {{syntax}} {ON}", "syntax.py: SyntaxError"),
    (f"run {{empty}} {ON}", "empty.py: must export SPACE"),
    ("run {space} --task nosuch --model {model}", "nosuch: no such task or folder; tasks are phrasebook,"),
    ("run {space} --task ./absent --model {model}", "absent: no such task or folder"),
    ("run {space} --task {file} --model {model}", "file: a file; a task is a folder"),
    ("run {space} --task {columns} --model {model}", "dev.jsonl, line 1: no column label; there are"),
    ("run {space} --task {broken} --model {model}", "dev.jsonl, line 5: bad JSON"),
    ("run {space} --task {reserved} --model {model}", "the name of a summary over languages"),
    ("run {space} --task {model} --model {model}", "no train file; it may be called train"),
    ("trial --task nosuch --model {model}", "nosuch: no such task or folder"),
    (f"{RUN} --languages deu,xyz", "no language 'xyz'; there are deu, hau, yor"),
    (f"{RUN} --languages=", "no language chosen; there are deu, hau, yor"),
    (f"{RUN} --languages=,", "no language chosen; there are deu, hau, yor"),
    (f"{RUN} --set lernrate=1", "lernrate: no such hyperparameter (did you mean learning_rate?); there"),
    (f"{TRIAL} --set lernrate=1", "lernrate: no such hyperparameter (did you mean learning_rate?); there"),
    (f"{RUN} --set seed=1", "seed: no such hyperparameter"),
    (f"{RUN} --set task=abc", "task: no such hyperparameter"),
    (f"{RUN} --set depth", "--set depth: must be key=value"),
    (f"{RUN} --set =3", "--set =3: must be key=value"),
    (f"{RUN} --set depth=5", "depth 5 is more than the 4 layers of the model"),
    (f"{RUN} --set depth=0", "depth: Input should be greater than or equal to 1"),
    (f"{RUN} --set depth=3/2", "depth: a share of the teacher's layers is above 0 and at most 1"),
    (f"{TRIAL} --set depth=5", "depth 5 is more than the 4 layers of the model"),
    (f"{RUN} --set init=magic,random", "init: no init method 'magic'; there are base, random, teacher"),
    (f"{TRIAL} --set init=magic", "init: no init method 'magic'"),
    (f"{TRIAL} --set layer_map=magic", "layer_map: no layer map 'magic'; there are"),
    (f"{TRIAL} --set loss=magic", "loss: no distillation loss 'magic'; there are kl, mse"),
    (f"{TRIAL} --set alpha=2", "alpha: Input should be less than or equal to 1"),
    (f"{TRIAL} --set temperature=0", "temperature: Input should be greater than 0"),
    (f"{TRIAL} --set steps=0", "steps: Input should be greater than or equal to 1"),
    (f"{TRIAL} --set steps=ten", "steps: Input should be a valid integer"),
    (f"{TRIAL} --set learning_rate=nan", "learning_rate: Input should be a finite number"),
    (f"{TRIAL} --set learning_rate=1,2", "--set learning_rate: one trial takes one value"),
    (f"{TRIAL} --set seed=-1", "seed: Input should be greater than or equal to 0"),
    (f"{TRIAL} --set seed=x", "seed: Input should be a valid integer"),
    (f"{TRIAL} --set data_fraction=0", "data_fraction: Input should be greater than 0"),
    (f"{TRIAL} --set max_length=500", "the model's position embeddings reach 128 tokens, not 500"),
    (f"{RUN} --set learning_rate=1..0.1", "low 1.0 must be below high 0.1"),
    (f"{RUN} --set learning_rate=a..b", "--set learning_rate=a..b: a range is two numbers, low..high"),
    (f"{RUN} --set learning_rate=0..1", "a logarithmic range must be above 0"),
    (f"{RUN} --set learning_rate=1..inf", "learning_rate"),
    (f"{RUN} --set alpha=0..1", "alpha is a scientific hyperparameter and needs levels"),
    (f"{RUN} --set alpha=0.5,0.5", "alpha: a level is given twice"),
    (f"{RUN} --cluster moon", "--cluster moon: no such cluster; there are local,"),
    (f"{RUN} --cluster 127.0.0.1:1", "cannot be reached"),
    (
        "run {space} --task {task} --model {task}",
        "config.json: no such file; a model's folder has config.json",
    ),
    ("run {space} --task {task} --model ./absent", "absent: no such folder"),
    (f"{RUN} --teacher {{teacher}}", "it has politics, and lacks weather"),
    (f"{RUN} --teacher {{task}}", "config.json: no such file"),
    ("run {space} --task {task} --teacher {teacher}", "--teacher: needs --model as well"),
    (f"{RUN} --name ../x", "--name '../x': must be letters, digits"),
    (f"{RUN} --name=", "--name '': must be letters, digits"),
    (f"{RUN} --name a/b", "--name 'a/b': must be letters, digits"),
    (f"{RUN} --name ..", "--name '..': must be letters, digits"),
    (f"{RUN} --name a\\nb", "--name 'a\\nb': must be letters, digits"),
    (f"{RUN} --name a;b", "--name 'a;b': must be letters, digits"),
    (f"{RUN} --name " + "x" * 101, "must be letters, digits"),
    (f"{RUN} --trails 3", "No such option: --trails"),
    (f"{RUN} --trials 0", "Invalid value for '--trials'"),
    (f"{RUN} --sampler best", "Invalid value for '--sampler': 'best' is not one of 'quasi', 'tpe', 'random'"),
    (f"{RUN} --trials many", "Invalid value for '--trials'"),
    (f"{RUN} --home {{file}}", "file is not a folder that can be written to"),
    (f"{TRIAL} --home {{file}}/home", "file is not a folder that can be written to"),
    (f"{RUN} --home a?b", "a?b: a database's URL cannot have ? in its path"),
    (f"{RUN} --home a%20b", "a%20b: a database's URL cannot have % in its path"),
    (f"{RUN} --tracking-uri file:./runs", "--tracking-uri file:./runs: "),
    (f"{RUN} --tracking-uri http://127.0.0.1:1", "--tracking-uri http://127.0.0.1:1: "),
    (f"{RUN} --ledger-url bogus://x", "--ledger-url bogus://x: "),
    (f"{RUN} --cpus-per-trial 9999", "--cpus-per-trial 9999: this machine has"),
    ("run", "Missing argument 'space'"),
    ("rnu", "No such command 'rnu'"),
    ("plan nosuch", "nosuch: no such search space"),
    ("resume nosuch", "nosuch: no such study in"),
    ("status nosuch", "nosuch: no such study in"),
    ("report nosuch", "nosuch: no such study in"),
    ("export nosuch --out student", "nosuch: no such study in"),
    ("export nosuch", "Missing option '--out'"),
    ("resume ../x", "--name '../x': must be letters, digits"),
    ("ui", "nothing is recorded there yet"),
]


@pytest.mark.parametrize(("arguments", "complaint"), BAD, ids=[arguments for arguments, _ in BAD])
def test_a_request_that_cannot_be_served_is_refused_in_one_line_and_writes_nothing(
    command: Callable[..., Any],
    place: Place,
    tree: Callable[[Path], dict[str, str]],
    arguments: str,
    complaint: str,
) -> None:
    before = tree(place.folder)
    answer = command(*place.filled(arguments))
    assert answer.code == 2
    assert answer.out == ""
    *progress, line = answer.err.splitlines()
    assert line.startswith("kdstudy: ")
    assert complaint in line
    assert progress in ([], ["[0:00] starting Ray"])
    assert tree(place.folder) == before


def test_the_installed_command_refuses_likewise(kdstudy: Any) -> None:
    answer = kdstudy("run", "nosuch")
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.startswith("kdstudy: nosuch: no such search space; there are best_student,")
    assert len(answer.err.splitlines()) == 1


def test_without_a_command_it_says_what_it_can_do(command: Any) -> None:
    answer = command()
    assert answer.code == 0
    assert all(name in answer.out for name in ("run", "resume", "status", "export", "doctor"))


# Lists and plans


def test_spaces_are_listed(command: Any) -> None:
    spaces = json.loads(command("spaces", "--json").out)
    assert {"quickstart", "init_vs_distillation", "low_resource", "depth"} <= spaces.keys()
    assert spaces["quickstart"]["scientific"]["init"] == ["random", "base", "teacher"]
    assert all(name in command("spaces").out for name in spaces)


def test_tasks_are_listed(command: Any) -> None:
    tasks = json.loads(command("tasks", "--json").out)
    assert next(iter(tasks)) == "phrasebook"
    assert tasks["phrasebook"].keys() == {"languages", "labels", "description"}
    table = command("tasks").out
    assert all(name in table for name in tasks)


def test_the_embedded_task_is_what_its_listing_says(command: Any) -> None:
    from study.trial.data.sources import load_task

    said = json.loads(command("tasks", "--json").out)["phrasebook"]
    task = load_task("phrasebook")
    assert (said["languages"], said["labels"]) == (len(task.languages), len(task.labels))


def test_a_plan_counts_arms_and_trials_and_writes_nothing(
    command: Any, place: Place, tree: Callable[[Path], dict[str, str]]
) -> None:
    before = tree(place.folder)
    arguments = place.filled(f"plan {{space}} {ON} --trials 5 --set learning_rate=1e-3..1e-2")
    plan = json.loads(command(*arguments, "--json").out)
    assert [arm["arm"] for arm in plan["arms"]] == [
        f"init={init} alpha={alpha}" for init in ("teacher", "random") for alpha in ("0.5", "1.0")
    ]
    assert {arm["search"] for arm in plan["arms"]} == {5}
    assert (plan["search"], plan["confirm"], plan["trials"]) == (20, 12, 32)
    assert plan["steps"] == 32 * 50
    assert plan["nuisance"]["learning_rate"] == {"low": 1e-3, "high": 1e-2, "log": True}
    assert plan["fixed"]["depth"] == 2
    table = command(*arguments)
    assert (table.code, table.err) == (0, "")
    assert all(arm["arm"] in table.out for arm in plan["arms"])
    assert "32 trials, 1600 trial-steps in all" in table.out
    assert re.search(r"^memory of a trial: .* at once on this machine \(.* GiB\)$", table.out, re.M)
    assert plan["memory"]["cpu"] > 2**29
    assert tree(place.folder) == before


def test_a_sampler_takes_the_place_of_the_spaces(command: Any, place: Place) -> None:
    for option, sampler in (("", "quasi"), (" --sampler tpe", "tpe")):
        arguments = place.filled(f"plan {{space}} {ON}{option}")
        assert json.loads(command(*arguments, "--json").out)["sampler"] == sampler
        assert f"by {sampler} search, from" in command(*arguments).out


def test_a_plan_names_arms_that_tune_more_on_the_same_budget(command: Any, place: Place) -> None:
    arguments = place.filled(f"plan {{space}} {ON} --set learning_rate=1e-3..1e-2")
    assert "a caveat: on the same budget" not in command(*arguments).out
    answer = command(*arguments, "--set", "temperature=1..8")
    assert (
        "a caveat: on the same budget init=teacher alpha=1.0 tunes learning_rate, "
        "init=teacher alpha=0.5 temperature, learning_rate\n"
    ) in answer.out


@pytest.mark.parametrize("command_line", ["plan", "run"])
def test_what_has_no_room_in_this_machine_is_refused_at_planning(
    command: Any, place: Place, tree: Any, monkeypatch: pytest.MonkeyPatch, command_line: str
) -> None:
    monkeypatch.setattr("study.planning.capacity.this_machine", lambda: Machine(2, 2**29))
    before = tree(place.folder)
    answer = command(*place.filled(f"{command_line} {{space}} {ON}"))
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.startswith("kdstudy: memory: a student of depth 2 on 32 texts a step takes about 0.")
    assert answer.err.endswith("has 0.5 GiB: --set a smaller depth, batch_size or max_length\n")
    assert tree(place.folder) == before


def test_of_a_cluster_a_plan_says_what_a_trial_takes(command: Any, place: Place) -> None:
    arguments = place.filled(f"plan {{space}} {ON} --cluster running")
    assert "the cluster decides how many fit" in command(*arguments).out
    memory = json.loads(command(*arguments, "--json").out)["memory"]
    assert memory["where"] is None
    assert memory["gpu"] > 0


def test_a_plan_says_what_is_odd_about_the_data(command: Any, place: Place, build_task_folder: Any) -> None:
    build_task_folder(place.folder / "odd", without={("train", "yor")})
    arguments = place.filled("plan {space} --task {odd} --model {model}")
    assert command(*arguments).err == "note: no train rows in yor: scored as unseen\n"
    assert json.loads(command(*arguments, "--json").out)["notes"] == [
        "no train rows in yor: scored as unseen"
    ]


def test_a_home_with_nothing_in_it_has_no_studies(command: Any, place: Place) -> None:
    assert command("status", "--home", place.folder / "absent", "--json").out == "[]\n"
    assert not (place.folder / "absent").exists()


def test_the_doctor_finds_this_place_fit(command: Any, place: Place) -> None:
    answer = command("doctor", "--home", place.folder / "absent")
    assert answer.code == 0, answer.out
    assert all(name in answer.out for name in ("torch", "ray", "optuna", "mlflow", "home is writable"))
    assert not (place.folder / "absent").exists()
    assert command("doctor", "--cluster", "moon").code == 1
