"""A study through the command line, from `run` to what can be done with what it found."""

from __future__ import annotations

import json
import shutil
import socket
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from study.optimum import interpolate
from study.planning.seeds import block_of
from study.planning.versions import code_commit

LANGUAGES = ("deu", "hau", "yor")
ARMS = ("init=teacher", "init=random")
PLANNED = 8  # 2 arms x (3 search + 1 confirm)


@pytest.fixture(scope="module")
def on_record(finished: Any, check_whole: Callable[..., Any]) -> Any:
    return check_whole(finished.home, finished.name, PLANNED)


def results(home: Path, name: str) -> dict[str, dict[str, Any]]:
    """Every trial's result on disk, by key."""
    files = (home / "studies" / name / "trials").glob("*/attempt-*/result.json")
    return {file.parent.parent.name: json.loads(file.read_text())["result"] for file in files}


# What it leaves behind


def test_it_says_how_it_went(finished: Any) -> None:
    out, err = finished.answer.out, finished.answer.err
    assert out.splitlines()[0].strip() == "study my_space"
    assert all(arm in out for arm in ARMS)
    assert all(language in out for language in LANGUAGES)
    assert f"kdstudy export my_space --out student --home '{finished.home}'" in out
    assert f"{PLANNED}/{PLANNED} done" in err
    assert "Traceback" not in err


def test_every_planned_trial_has_one_run(on_record: Any) -> None:
    assert len(on_record.of("search")) == 6
    assert len(on_record.of("confirm")) == 2
    assert len(on_record.of("teacher")) == 1
    names = [run.info.run_name for run in on_record.trials.values()]
    assert len(set(names)) == len(names)
    for run in on_record.trials.values():
        assert run.data.tags["kdstudy.outcome"] == "complete"
        assert run.info.run_name.startswith(run.data.params["init"] + " lr")


def test_runs_are_nested_study_arm_trial(on_record: Any) -> None:
    (study,) = on_record.of("study")
    arms = {run.info.run_id: run.data.tags["kdstudy.arm"] for run in on_record.of("arm")}
    assert sorted(arms.values()) == sorted(ARMS)
    assert "mlflow.parentRunId" not in study.data.tags
    for run in on_record.of("arm", "teacher"):
        assert run.data.tags["mlflow.parentRunId"] == study.info.run_id
    for run in on_record.trials.values():
        assert arms[run.data.tags["mlflow.parentRunId"]] == run.data.tags["kdstudy.arm"]
    assert len({run.data.tags["kdstudy.study"] for run in on_record.runs}) == 1


def test_arms_and_study_show_the_numbers_of_the_report(finished: Any, on_record: Any) -> None:
    from analysis.record.reading import read_study
    from analysis.verdict.published import numbers_of_arms, numbers_of_study
    from analysis.verdict.results import Results

    results = Results(read_study(f"sqlite:///{finished.home / 'mlflow.db'}", finished.name))
    arms = {run.data.tags["kdstudy.arm"]: run for run in on_record.of("arm")}
    for arm, values in numbers_of_arms(results).items():
        shown = arms[arm].data.metrics
        assert values.items() <= shown.items()
        assert (shown["progress/ended"], shown["progress/planned"], shown["progress/failed"]) == (4, 4, 0)
        assert shown["best/validation/accuracy"] == max(
            run.data.metrics["validation/accuracy/macro"]
            for run in on_record.of("search")
            if run.data.tags["kdstudy.arm"] == arm
        )
    (study,) = on_record.of("study")
    assert study.data.metrics["progress/ended"] == PLANNED
    assert numbers_of_study(results).items() <= study.data.metrics.items()


def test_every_page_has_a_description_and_links(on_record: Any) -> None:
    described = on_record.of("study", "arm", "search", "confirm")
    notes = {run.info.run_id: run.data.tags["mlflow.note.content"] for run in described}
    for run in on_record.of("arm"):
        assert "4 of 4 trials have ended" in notes[run.info.run_id]
        assert "[Best search trial](#/experiments/" in notes[run.info.run_id]
    for run in on_record.trials.values():
        parent = run.data.tags["mlflow.parentRunId"]
        assert f"({'#/experiments/'}{run.info.experiment_id}/runs/{parent}?" in notes[run.info.run_id]


def test_every_run_has_its_command_and_its_code(on_record: Any, finished: Any) -> None:
    commit = code_commit()
    for run in on_record.runs:
        assert run.data.tags["mlflow.source.name"].startswith("kdstudy run ")
        assert run.data.tags["mlflow.source.type"] == "JOB"
        assert run.data.tags.get("mlflow.source.git.commit") == (commit and commit[0])


def test_every_trial_and_the_teacher_have_their_data_as_inputs(on_record: Any) -> None:
    for run in on_record.of("search", "confirm", "teacher"):
        names = {tag.value: each.dataset.name for each in run.inputs.dataset_inputs for tag in each.tags}
        assert ("test" in names) == (run.data.tags["kdstudy.phase"] == "confirm")
        assert names["training"] == "ìbéèrè errands train"
        assert names["validation"] == "ìbéèrè errands validation"
        digests = {each.dataset.digest for each in run.inputs.dataset_inputs}
        assert digests == {on_record.records[0].config.task[:36]}


def test_every_trial_has_its_machine_and_the_use_of_it_at_each_report(on_record: Any) -> None:
    for run in on_record.trials.values():
        assert run.data.tags["kdstudy.machine.host"] == socket.gethostname()
        assert run.data.tags.keys() >= {f"kdstudy.machine.{name}" for name in ("cpu", "cores", "node")}
        of_run = [row for row in on_record.metric_rows if row[0] == run.info.run_id]
        steps = [step for _, metric, step, *_ in of_run if metric == "validation/accuracy/macro"]
        for name in ("process_cpu_percentage", "process_memory_megabytes"):
            values = {step: value for _, metric, step, _, value in of_run if metric == f"system/{name}"}
            assert list(values) == steps
            assert all(value > 0 for value in values.values())


def test_every_trial_has_every_language(finished: Any, on_record: Any) -> None:
    on_disk = results(finished.home, finished.name)
    assert on_disk.keys() == on_record.trials.keys()
    for key, run in on_record.trials.items():
        result, metrics = on_disk[key], run.data.metrics
        splits = ["validation"] if run.data.tags["kdstudy.phase"] == "search" else ["validation", "test"]
        for split in splits:
            for metric in ("accuracy", "macro_f1", "retention"):
                scores = result[split][metric]
                for name in LANGUAGES:
                    assert metrics[f"{split}/{metric}/{name}"] == scores["by_language"][name]
                assert metrics[f"{split}/{metric}/macro"] == scores["macro"]
                assert metrics[f"{split}/{metric}/worst"] == scores["worst"]
        assert metrics["parameters"] == result["parameters"]
        assert {name: str(value) for name, value in result["config"].items() if value is not None} == {
            name: value for name, value in run.data.params.items() if value != "None"
        }


def test_search_trials_never_see_test(finished: Any, on_record: Any) -> None:
    on_disk = results(finished.home, finished.name)
    for run in on_record.of("search"):
        assert not [name for name in run.data.metrics if name.startswith("test/")]
        assert on_disk[run.data.tags["kdstudy.key"]]["test"] is None


def test_confirm_runs_have_a_bit_for_each_test_text(finished: Any, on_record: Any) -> None:
    """As an artifact in MLflow that the report reads; the number of texts is a metric."""
    from analysis.record.reading import read_study

    record = read_study(f"sqlite:///{finished.home / 'mlflow.db'}", finished.name)
    on_disk = results(finished.home, finished.name)
    assert set(record.answers) == {run.data.tags["kdstudy.key"] for run in on_record.of("confirm")}
    for key, answers in record.answers.items():
        test = on_disk[key]["test"]
        correct = answers.correct()
        assert {language: len(bits) for language, bits in correct.items()} == test["n"]
        assert record.text_counts == test["n"]
        accuracy = {language: float(bits.mean()) for language, bits in correct.items()}
        assert accuracy == pytest.approx(test["accuracy"]["by_language"])


def test_each_report_is_a_step_of_its_run_and_confirm_runs_report_their_start_too(on_record: Any) -> None:
    for run in on_record.trials.values():
        steps = [
            step
            for run_id, metric, step, *_ in on_record.metric_rows
            if run_id == run.info.run_id and metric == "validation/accuracy/macro"
        ]
        start = [0] if run.data.tags["kdstudy.phase"] == "confirm" else []
        assert steps == [*start, 20, 40, 60, 80]


def test_confirm_runs_have_each_arms_selected_values_at_a_fresh_seed(on_record: Any) -> None:
    """The seeds are those of the block that belongs to the study's name."""
    first = 1000 * block_of("my_space")
    for arm in ARMS:
        search = [r for r in on_record.records if r.phase == "search" and r.arm == arm]
        (confirm,) = [r for r in on_record.records if r.phase == "confirm" and r.arm == arm]
        best = max(search, key=lambda r: (r.value, -r.number))
        assert {r.config.seed for r in search} == {r.config.data_seed for r in search} == {first}
        rates = [{"learning_rate": r.config.learning_rate} for r in search]
        optimum = interpolate(rates, [r.value for r in search], {"learning_rate": True})
        assert confirm.config == best.config.with_seed(first + 1).model_copy(update=optimum.point)
        assert confirm.choice == (optimum.rule, optimum.about, best.key)
        run = on_record.trials[confirm.key]
        tags = {name: run.data.tags[f"kdstudy.{name}"] for name in ("selected", "fit", "tried")}
        assert tags == {"selected": optimum.rule, "fit": optimum.about, "tried": best.key}


def test_weights_are_kept_of_the_best_and_the_confirmed_and_no_optimiser_state(
    finished: Any, on_record: Any
) -> None:
    trials = finished.home / "studies" / finished.name / "trials"
    best = [
        max(
            (r for r in on_record.records if r.phase == "search" and r.arm == arm),
            key=lambda r: (r.value, -r.number),
        )
        for arm in ARMS
    ]
    kept = {path.parent.parent.name for path in trials.glob("*/attempt-*/student")}
    assert kept == {r.key for r in best} | {r.key for r in on_record.records if r.phase == "confirm"}
    assert not list(trials.rglob("*.pt"))


def test_the_home_has_what_the_layout_says(finished: Any) -> None:
    there = {path.name for path in finished.home.iterdir()}
    assert there - {"mlartifacts"} == {"artifacts", "mlflow.db", "mlflow.lock", "studies"}
    study = finished.home / "studies" / finished.name
    assert json.loads((study / "study.json").read_text()) == {}
    assert (study / "optuna.db").is_file()


def test_nothing_is_written_where_it_was_called(finished: Any, kdstudy: Any) -> None:
    assert [
        path.name for path in kdstudy.folder.iterdir() if not path.name.startswith(("stdout-", "stderr-"))
    ] == []


# Run again


def test_a_second_run_adds_nothing(
    command: Any, asked: Any, copied_home: Path, on_record: Any, read: Callable[..., Any]
) -> None:
    answer = command("run", asked.space, *asked.on, "--home", copied_home)
    assert answer.code == 0, answer.err
    again = read(copied_home, "my_space")
    assert again.records == on_record.records
    assert again.metric_rows == on_record.metric_rows
    assert {r.info.run_id: (r.info.status, r.data.to_dictionary()) for r in again.runs} == {
        r.info.run_id: (r.info.status, r.data.to_dictionary()) for r in on_record.runs
    }


@pytest.mark.long
def test_a_larger_budget_adds_trials_and_keeps_those_there(
    command: Any,
    on_ray: list[str],
    asked: Any,
    copied_home: Path,
    on_record: Any,
    check_whole: Callable[..., Any],
) -> None:
    answer = command("run", asked.space, *asked.on, *on_ray, "--home", copied_home, "--trials", "4")
    assert answer.code == 0, answer.err
    counts = json.loads(command("status", "my_space", "--home", copied_home, "--json").out)
    superseded = counts["superseded"]  # confirm runs of a best that the new trials beat
    assert counts["planned"] == counts["complete"] == 10
    grown = check_whole(copied_home, "my_space", 10 + superseded)
    assert grown.trials.keys() > on_record.trials.keys()
    for key, run in on_record.trials.items():
        assert grown.trials[key].data.metrics == run.data.metrics
        assert grown.trials[key].info.end_time == run.info.end_time


@pytest.mark.parametrize("change", ["space", "task", "model"])
def test_another_question_under_the_old_name_is_refused_and_nothing_is_written(
    command: Any,
    asked: Any,
    finished: Any,
    tmp_path: Path,
    tree: Callable[[Path], dict[str, str]],
    build_task_folder: Any,
    build_model_folder: Any,
    change: str,
) -> None:
    space, on = asked.space, {"--task": asked.task, "--model": asked.model}
    if change == "space":
        space = tmp_path / "my_space.py"
        space.write_text(asked.space.read_text().replace("high=1e-2", "high=2e-2"))
    elif change == "task":
        on["--task"] = build_task_folder(tmp_path / "other task", seed=1)
    else:
        on["--model"] = build_model_folder(tmp_path / "other model", seed=1)
    before = tree(finished.home)
    options = [part for option in on.items() for part in option]
    answer = command("run", space, *options, "--home", finished.home)
    assert answer.code == 2
    assert answer.out == ""
    assert answer.err.startswith("kdstudy: study my_space was begun otherwise: ")
    assert change in answer.err or "nuisance.learning_rate.high: 0.01, now 0.02" in answer.err
    assert len(answer.err.splitlines()) == 1
    assert tree(finished.home) == before


# Reading it


def test_status_counts_what_is_on_record(command: Any, finished: Any, on_record: Any) -> None:
    status = json.loads(command("status", finished.name, "--home", finished.home, "--json").out)
    counts = {"complete": 8, "pruned": 0, "diverged": 0, "failed": 0, "running": 0, "waiting": 0}
    assert {"name": "my_space", "space": "my_space", "planned": 8, **counts}.items() <= status.items()
    assert [arm["arm"] for arm in status["arms"]] == list(ARMS)
    for arm in status["arms"]:
        assert (arm["planned"], arm["complete"]) == (4, 4)
        search = [r for r in on_record.records if r.phase == "search" and r.arm == arm["arm"]]
        assert arm["best"]["value"] == max(r.value for r in search)
    assert status["best"]["value"] == max(arm["best"]["value"] for arm in status["arms"])
    assert (status["driver"], status["unsent"], status["tracebacks"]) == (None, 0, {})
    table = command("status", finished.name, "--home", finished.home)
    assert table.code == 0
    assert all(arm in table.out for arm in ARMS)
    assert json.loads(command("status", "--home", finished.home, "--json").out) == [status]
    assert "my_space" in command("status", "--home", finished.home).out


def test_the_home_may_be_named_once_in_the_environment(command: Any, finished: Any) -> None:
    answer = command("status", finished.name, "--json", KDSTUDY_HOME=str(finished.home))
    assert json.loads(answer.out)["complete"] == PLANNED


def test_the_report_is_written_and_printed(
    command: Any, finished: Any, on_record: Any, tmp_path: Path
) -> None:
    answer = command("report", finished.name, "--home", finished.home, "--out", tmp_path / "rep ort")
    assert answer.code == 0, answer.err
    written = sorted(path.name for path in (tmp_path / "rep ort").iterdir())
    assert {"report.md", "trials.csv", "per_language.csv"} <= set(written)
    assert str(tmp_path / "rep ort" / "report.html") in answer.out
    assert {"report.html", "effects.csv", "figures", "tables"} <= set(written)
    assert "No winner is named: the audit has" in answer.out  # one confirm seed an arm
    text = (tmp_path / "rep ort" / "report.md").read_text("utf-8")
    assert "Does a copied student beat a new one?" in text
    assert all(arm in text for arm in ARMS)
    rows = (tmp_path / "rep ort" / "trials.csv").read_text("utf-8").splitlines()
    assert len(rows) == 1 + 8 + 1  # the header, the trials, the teacher


def report_files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_the_report_is_the_same_to_the_byte_from_a_copy_of_mlflows_database_alone(
    command: Any, finished: Any, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    (copy / "studies" / finished.name).mkdir(parents=True)
    shutil.copy(finished.home / "mlflow.db", copy / "mlflow.db")
    shutil.copy(finished.home / "studies" / finished.name / "study.json", copy / "studies" / finished.name)
    made: list[dict[str, bytes]] = []
    for home in (finished.home, copy):
        out = tmp_path / f"report {len(made)}"
        answer = command("report", finished.name, "--home", home, "--out", out)
        assert answer.code == 0, answer.err
        made.append(report_files(out))
    assert made[0] == made[1]
    assert "report.html" in made[0]


def test_two_homes_are_reported_as_one(
    command: Any, finished: Any, copied_home: Path, tmp_path: Path
) -> None:
    alone = command("report", finished.name, "--home", finished.home, "--out", tmp_path / "one")
    both = ("--home", finished.home, "--home", copied_home, "--out", tmp_path / "two")
    answer = command("report", finished.name, *both)
    assert (alone.code, answer.code) == (0, 0), answer.err
    assert report_files(tmp_path / "one") == report_files(tmp_path / "two")  # the same trials count once


# One trial


@pytest.fixture(scope="module")
def confirm(finished: Any, on_record: Any) -> dict[str, Any]:
    """The result of the copied arm's confirm run."""
    (record,) = [r for r in on_record.records if r.phase == "confirm" and r.arm == "init=teacher"]
    return results(finished.home, finished.name)[record.key]


def one_trial(asked: Any, config: dict[str, Any], home: Path) -> list[str | Path]:
    """The command that makes the trial of a result's `config`."""
    decided = ("task", "model", "model_layers")
    settings = [
        f"--set={k}={v!r}".replace("'", "") for k, v in config.items() if k not in decided and v is not None
    ]
    settings = [s for s in settings if not s.endswith("=")]
    return ["trial", *asked.on, "--home", home, "--json", *settings]


def without_seconds(result: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in result.items() if name not in ("seconds", "ended_ms")}


def test_a_trial_alone_is_the_studys_confirm_run_to_the_bit(
    kdstudy: Any, command: Any, asked: Any, finished: Any, confirm: dict[str, Any], tmp_path: Path
) -> None:
    shutil.copytree(finished.home / "artifacts", tmp_path / "home" / "artifacts")
    arguments = one_trial(asked, confirm["config"], tmp_path / "home")
    answer = kdstudy(*arguments)
    assert answer.code == 0, answer.err
    again = command(*arguments)
    alone = json.loads(answer.out)
    assert alone["key"] == confirm["key"]
    assert without_seconds(alone) == without_seconds(json.loads(again.out)) == without_seconds(confirm)
    assert alone["test"]["accuracy"]["macro"] > 0.5
    assert [path.name for path in (tmp_path / "home").iterdir()] == ["artifacts"]


# Export


def loaded_plainly(folder: Path, texts: list[str]) -> tuple[Any, np.ndarray, list[str]]:
    """Model, logits and the pipeline's labels of `texts`, as any script would load them."""
    from transformers import AutoModelForSequenceClassification, AutoTokenizer, pipeline

    model = AutoModelForSequenceClassification.from_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    with torch.no_grad():
        logits = model(**tokenizer(texts, padding=True, truncation=True, return_tensors="pt")).logits.numpy()
    classify = pipeline("text-classification", model=str(folder), device="cpu")
    return model, logits, [answer["label"] for answer in classify(texts, truncation=True)]


def test_an_exported_student_is_a_plain_model_folder(
    command: Any, finished: Any, on_record: Any, asked: Any, tmp_path: Path
) -> None:
    out = tmp_path / "út" / "student"
    answer = command("export", finished.name, "--home", finished.home, "--out", out)
    assert answer.code == 0, answer.err
    assert "trained again" not in answer.err
    assert answer.out.strip() == str(out)
    best = max((r for r in on_record.records if r.phase == "search"), key=lambda r: (r.value, -r.number))
    assert json.loads((out / "kdstudy.json").read_text())["key"] == best.key

    texts = [row["text"] for row in validation(asked)]
    model, logits, labels = loaded_plainly(out, texts)
    assert list(model.config.id2label.values()) == ["alarm", "music", "news", "weather"]
    assert model.config.num_hidden_layers == 2
    vocabulary = json.loads((asked.model / "config.json").read_text())["vocab_size"]
    assert model.get_input_embeddings().weight.shape[0] == vocabulary
    assert labels == [model.config.id2label[k] for k in logits.argmax(axis=1)]
    accuracy = results(finished.home, finished.name)[best.key]["validation"]["accuracy"]
    assert accuracies(asked, labels) == pytest.approx(accuracy["by_language"])


def validation(asked: Any) -> list[dict[str, str]]:
    return [json.loads(line) for line in (asked.task / "dev.jsonl").read_text("utf-8").splitlines()]


def accuracies(asked: Any, labels: list[str]) -> dict[str, float]:
    """Accuracy of each language on validation, where the rows were given `labels`."""
    right: dict[str, list[bool]] = {language: [] for language in LANGUAGES}
    for row, label in zip(validation(asked), labels, strict=True):
        right[row["lang"]].append(row["label"] == label)
    return {language: float(np.mean(hits)) for language, hits in right.items()}


def test_its_logits_on_raw_text_are_those_of_the_trial_on_the_full_vocabulary(
    command: Any, finished: Any, on_record: Any, confirm: dict[str, Any], asked: Any, tmp_path: Path
) -> None:
    """To the bit, on tokens that the task does not have too; and so is every weight."""
    from study.home import Home
    from study.storage.attempts import student_folder
    from study.trial.job import TrialJob
    from study.trial.models.teacher import load_classifier
    from study.trial.models.tokenizer import load_tokenizer
    from study.trial.trial import run_trial

    answer = command(
        "export",
        finished.name,
        "--trial",
        confirm["key"][:10],
        "--home",
        finished.home,
        "--out",
        tmp_path / "s",
    )
    assert answer.code == 0, answer.err
    texts = ["gbàtà ṣéní", "never seen 12", "bäkösta " * 200]
    _, logits, _ = loaded_plainly(tmp_path / "s", texts)
    record = next(r for r in on_record.records if r.key == confirm["key"])
    store = Home(finished.home).store
    for _ in run_trial(TrialJob(record.config, store, tmp_path / "t", reports=4, full_vocabulary=True)):
        pass
    folder = student_folder(tmp_path / "t")
    kept = student_folder(finished.home / "studies" / finished.name / "trials" / confirm["key"])
    assert folder is not None
    assert kept is not None
    weights = [path / "model.safetensors" for path in (kept, tmp_path / "s", folder)]
    assert weights[0].stat().st_size < weights[1].stat().st_size
    assert weights[1].read_bytes() == weights[2].read_bytes()
    assert (tmp_path / "s" / "config.json").read_bytes() == (folder / "config.json").read_bytes()
    student = load_classifier(folder)
    tokenizer = load_tokenizer(asked.model)
    batch = tokenizer(texts, padding=True, truncation=True, max_length=128, return_tensors="pt")
    assert batch["input_ids"].shape[1] == 128
    with torch.no_grad():
        assert np.array_equal(student(**batch).logits.numpy(), logits)


def test_a_student_whose_weights_were_not_kept_is_trained_again(
    command: Any, finished: Any, on_record: Any, asked: Any, tmp_path: Path
) -> None:
    from study.storage.attempts import student_folder

    trials = finished.home / "studies" / finished.name / "trials"
    dropped = [r for r in on_record.records if student_folder(trials / r.key) is None]
    record = next(r for r in dropped if r.arm == "init=teacher")
    answer = command(
        "export", finished.name, "--trial", record.key, "--home", finished.home, "--out", tmp_path / "s"
    )
    assert answer.code == 0, answer.err
    assert "the weights of this trial were not stored: the trial was trained again" in answer.err
    again = json.loads((tmp_path / "s" / "kdstudy.json").read_text())
    assert again["key"] == record.key
    _, _, labels = loaded_plainly(tmp_path / "s", [row["text"] for row in validation(asked)])
    accuracy = results(finished.home, finished.name)[record.key]["validation"]["accuracy"]
    assert accuracies(asked, labels) == pytest.approx(accuracy["by_language"])
    assert [path.name for path in tmp_path.iterdir()] == ["s"]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--trial", "zzzz"], "--trial zzzz: 0 trials of the study have keys that begin so"),
        (["--trial", ""], "--trial : 8 trials of the study have keys that begin so"),
    ],
)
def test_a_trial_that_there_is_not_cannot_be_exported(
    command: Any, finished: Any, tmp_path: Path, arguments: list[str], complaint: str
) -> None:
    answer = command("export", finished.name, "--home", finished.home, "--out", tmp_path / "s", *arguments)
    assert (answer.code, answer.out, answer.err) == (2, "", f"kdstudy: {complaint}\n")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_with_something_in_it_is_never_overwritten(
    command: Any, finished: Any, tmp_path: Path
) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").write_text("years of work")
    (tmp_path / "file").write_text("x")
    for out in ("full", "file"):
        answer = command("export", finished.name, "--home", finished.home, "--out", tmp_path / out)
        assert answer.code == 2
        assert "exists; name a new or an empty folder" in answer.err
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["file", "full", "thesis.tex"]
    (tmp_path / "empty").mkdir()
    assert command("export", finished.name, "--home", finished.home, "--out", tmp_path / "empty").code == 0


# MLflow's own UI


def test_the_ui_shows_the_home_on_this_machine_alone(kdstudy: Any, finished: Any) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    running = kdstudy.start("ui", "--home", finished.home, "--port", str(port))
    address = f"http://127.0.0.1:{port}"
    running.wait_until(lambda: answers(address), timeout=120)
    assert address in running.stderr()
    assert "<title>MLflow</title>" in get(address)
    found = json.loads(get(f"{address}/api/2.0/mlflow/experiments/get-by-name?experiment_name=my_space"))
    assert found["experiment"]["name"] == "my_space"
    listening = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    bound = {
        local for _, local, _, state, *_ in listening if state == "0A" and local.endswith(f":{port:04X}")
    }
    assert bound == {f"0100007F:{port:04X}"}
    running.kill()


def get(address: str) -> str:
    with urllib.request.urlopen(address, timeout=20) as answer:
        return str(answer.read(), "utf-8")


def answers(address: str) -> bool:
    try:
        get(address)
    except OSError:
        return False
    return True
