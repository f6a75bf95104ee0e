"""Requests that cannot be served: refused in one line, before anything is written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.place import ON, RUN, TRIAL, Place

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
    (
        f"{RUN} --set lernrate=1",
        "lernrate: no such hyperparameter (did you mean learning_rate?); there are ",
    ),
    (
        f"{TRIAL} --set lernrate=1",
        "lernrate: no such hyperparameter (did you mean learning_rate?); there are ",
    ),
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
    (f"{RUN} --cluster moon", "--cluster moon: no such cluster; there are aws, gcp, kubernetes, local,"),
    (f"{RUN} --cluster 127.0.0.1:1", "if its head has another address now, give --cluster HOST:PORT"),
    (
        "plan {space} --cluster ray://head:10001",
        "does not run through ray://; on a machine",
    ),
    (f"plan {{space}} {ON} --cpus-per-trial 9999", "--cpus-per-trial 9999: this machine has"),
    (f"{RUN} --cpus-per-trial 9999", "--cpus-per-trial 9999: this machine has"),
    (f"{RUN} --gpus-per-trial 9999", "--gpus-per-trial 9999: this machine has"),
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
    ("plan {space} --name " + "学" * 100, "has 300 bytes in UTF-8, must have at most 240"),
    (f"{RUN} --trails 3", "No such option: --trails"),
    (f"{RUN} --trials 0", "Invalid value for '--trials'"),
    (f"{RUN} --sampler best", "Invalid value for '--sampler': 'best' is not one of 'quasi', 'tpe', 'random'"),
    (f"{RUN} --trials many", "Invalid value for '--trials'"),
    (f"{RUN} --home {{file}}", "file is not a folder that can be written to"),
    (f"{TRIAL} --home {{file}}/home", "file is not a folder that can be written to"),
    (f"{RUN} --home a?b", "a?b: MLflow's database cannot have ? in its path"),
    (f"{RUN} --home a%20b", "a%20b: MLflow's database cannot have % in its path"),
    (f"{RUN} --home " + "x" * 300, "cannot be a folder: "),
    ("plan {space} --task {task} --model {model} --home " + "y/" * 230, "SQLite opens at most 500; choose"),
    (f"{RUN} --tracking-uri file:./runs", "--tracking-uri file:./runs: "),
    (f"{RUN} --tracking-uri http://127.0.0.1:1", "--tracking-uri http://127.0.0.1:1: "),
    (f"{RUN} --ledger-url bogus://x", "--ledger-url bogus://x: "),
    ("run", "Missing argument 'space'"),
    ("plan " + "x" * 300 + ".py", ".py: File name too long"),
    ("plan {space} --model {model} --task ./" + "x" * 300, "x: File name too long"),
    ("plan {space} --task {task} --model " + "x" * 300, "x: File name too long"),
    ("rnu", "No such command 'rnu'"),
    ("plan nosuch", "nosuch: no such search space"),
    ("resume nosuch", "nosuch: no such study in"),
    ("status nosuch", "nosuch: no such study in"),
    ("report nosuch", "nosuch: no such study in"),
    ("export nosuch --out student", "nosuch: no such study in"),
    ("export nosuch", "Missing option '--out'"),
    ("resume ../x", "--name '../x': must be letters, digits"),
    ("resume nosuch --cluster moon", "nosuch: no such study in"),
    ("ui", "nothing is recorded there yet; begin with: kdstudy run quickstart"),
]


@pytest.mark.parametrize(("arguments", "complaint"), [pytest.param(*bad, id=bad[0][:99]) for bad in BAD])
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
