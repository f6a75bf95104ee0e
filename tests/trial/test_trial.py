"""`run_trial`: a pure function of its configuration, whatever else runs and however often it is stopped."""

from __future__ import annotations

import itertools
import json
import random
import shutil
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from safetensors.torch import load_file

from study.config import LATER, SEEN_OR_UNSEEN, digest, headline
from study.selection import value_of
from study.storage.artifacts import Store
from study.storage.attempts import attempt_folder, attempt_folders, student_folder, tidy_trial
from study.trial.data.tokens import EncodedSplit
from study.trial.data.vocabulary import load_vocabulary
from study.trial.job import TrialJob
from study.trial.losses.objective import objective
from study.trial.models.student import build_student
from study.trial.models.teacher import load_classifier
from study.trial.models.tokenizer import load_tokenizer
from study.trial.models.trimming import put_back
from study.trial.progress import Progress
from study.trial.result import read_result
from study.trial.scores import score_split
from study.trial.training import Numerics
from study.trial.trial import run_trial
from tests.reports import told

REPORTS = 4
LANGUAGES = ("deu", "hau", "yor")
METRICS = {
    "text": ("accuracy", "macro_f1", "retention"),
    "token": ("f1", "precision", "recall", "retention"),
}
# A distilled copy of the teacher, one of the base model with labels only, a new one with MSE alone.
CASES: dict[str, dict[str, Any]] = {
    "teacher copied, KL and labels": {},
    "base copied, labels only": {"init": "base", "alpha": 1.0, "weight_decay": 0.1},
    "new, MSE only, a fraction of the data": {
        "init": "random",
        "loss": "mse",
        "alpha": 0.0,
        "data_fraction": 0.5,
        "data_seed": 3,
    },
}


def weights(folder: Path) -> bytes:
    student = student_folder(folder)
    assert student is not None
    return (student / "model.safetensors").read_bytes()


def stop_after(number: int, reports: Iterable[Progress]) -> list[Progress]:
    """Take `number` reports and close the generator, as a killed worker would."""
    taken = list(itertools.islice(reports, number))
    reports.close()  # type: ignore[attr-defined]
    return taken


@pytest.fixture(scope="module", params=["text", "token"])
def workshop(request: pytest.FixtureRequest) -> Any:
    """All that is tested here holds for both kinds of tasks."""
    return request.getfixturevalue("workshop" if request.param == "text" else "tagged_workshop")


@pytest.fixture(scope="module")
def undisturbed(workshop: Any, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Any]:
    """(what was told, the weights' bytes) of a case that nobody stopped."""
    done: dict[str, Any] = {}

    def of(case: str) -> Any:
        if case not in done:
            folder = tmp_path_factory.mktemp("undisturbed")
            done[case] = told(workshop.trial(workshop.config(**CASES[case]), folder)), weights(folder)
        return done[case]

    return of


# The same numbers


@pytest.mark.parametrize("case", CASES)
def test_the_same_trial_among_others_has_the_same_numbers(
    workshop: Any, undisturbed: Any, case: str, tmp_path: Path
) -> None:
    others = [values for name, values in CASES.items() if name != case]
    for number, values in enumerate(others):
        config = workshop.config(**values | {"seed": number, "batch_size": 5, "learning_rate": 1e-2})
        stop_after(2, workshop.trial(config, tmp_path / f"other {number}"))
    torch.manual_seed(12345)
    np.random.seed(1)
    random.seed(1)
    again = told(workshop.trial(workshop.config(**CASES[case]), tmp_path / "again"))
    assert (again, weights(tmp_path / "again")) == undisturbed(case)


def test_trials_that_take_turns_have_the_numbers_that_each_has_alone(
    workshop: Any, undisturbed: Any, tmp_path: Path
) -> None:
    running = {
        case: workshop.trial(workshop.config(**values), tmp_path / case) for case, values in CASES.items()
    }
    taken: dict[str, list[Progress]] = {case: [] for case in CASES}
    for _ in range(REPORTS):
        for case, trial in running.items():
            taken[case].append(next(trial))
    for case, trial in running.items():
        assert next(trial, None) is None
        assert (told(taken[case]), weights(tmp_path / case)) == undisturbed(case)


def test_another_seed_has_other_numbers(workshop: Any, undisturbed: Any, tmp_path: Path) -> None:
    case = next(iter(CASES))
    other = told(workshop.trial(workshop.config(seed=1), tmp_path))
    assert other[0]["loss"] != undisturbed(case)[0][0]["loss"]


def test_a_result_has_the_share_of_the_data_that_a_fraction_came_to(workshop: Any, tmp_path: Path) -> None:
    shares = {}
    for fraction in (0.02, 0.5, 1.0):
        config = workshop.config(data_fraction=fraction, alpha=1.0, init="random", steps=1)
        *_, last = workshop.trial(config, tmp_path / str(fraction), 1)
        shares[fraction] = last.result.get("data_share")
    # one row of each of four labels, or of the three strata PER, LOC and no name, of 80 rows
    least = 0.05 if workshop.task.kind == "text" else 0.0375
    each = dict.fromkeys(LANGUAGES, least)
    assert shares == {
        0.02: {"all": least, "by_language": each},
        0.5: {"all": 0.5, "by_language": dict.fromkeys(LANGUAGES, 0.5)},
        1.0: None,
    }


def test_how_often_it_reports_changes_no_weight(workshop: Any, undisturbed: Any, tmp_path: Path) -> None:
    for reports in (1, 12, 100):
        folder = tmp_path / str(reports)
        assert len(list(workshop.trial(workshop.config(), folder, reports))) == min(reports, 12)
        assert weights(folder) == undisturbed(next(iter(CASES)))[1]


# A report at the start


def test_report_0_has_the_scores_of_the_student_as_it_was_initialised(workshop: Any, tmp_path: Path) -> None:
    config = workshop.config(init="teacher", depth=workshop.config().model_layers)
    start = next(workshop.trial(config, tmp_path, reports_start=True))
    assert (start.report, start.step, start.loss, start.result) == (0, 0, None, None)
    teacher = workshop.inputs(config).teacher_scores("validation")
    assert start.validation[workshop.task.metric] == teacher[workshop.task.metric]


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("stop", [0, 1, 2])
def test_a_trial_that_reports_its_start_has_the_same_other_reports_and_weights(
    workshop: Any, undisturbed: Any, case: str, stop: int, tmp_path: Path
) -> None:
    config = workshop.config(**CASES[case])
    before = stop_after(stop, workshop.trial(config, tmp_path, reports_start=True))
    reports = list(workshop.trial(config, tmp_path, reports_start=True))
    assert reports[:stop] == before
    assert [report.report for report in reports] == [0, 1, 2, 3, 4]
    assert (told(reports[1:]), weights(tmp_path)) == undisturbed(case)
    assert list(workshop.trial(config, tmp_path, reports_start=True)) == reports


def test_a_trial_that_diverges_at_once_keeps_its_start_and_has_no_score(
    workshop: Any, tmp_path: Path
) -> None:
    config = workshop.config(learning_rate=1e6)
    start, last = workshop.trial(config, tmp_path, reports_start=True)
    assert (start.report, start.step) == (0, 0)
    assert start.validation is not None
    assert (last.report, last.validation) == (1, None)
    assert (last.result["outcome"], last.result["validation"]) == ("diverged", None)
    assert list(workshop.trial(config, tmp_path, reports_start=True)) == [start, last]


# Stopped and continued


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("stop", range(1, REPORTS))
def test_stopped_after_a_report_and_continued_it_is_the_undisturbed_one(
    workshop: Any, undisturbed: Any, case: str, stop: int, tmp_path: Path
) -> None:
    config = workshop.config(**CASES[case])
    before = stop_after(stop, workshop.trial(config, tmp_path))
    assert read_result(tmp_path, config) is None
    after = list(workshop.trial(config, tmp_path))
    assert after[:stop] == before  # what it had reported it reports again, seconds too
    assert len(attempt_folders(tmp_path)) == 2
    assert (told(after), weights(tmp_path)) == undisturbed(case)
    assert after[-1].result is not None
    assert after[-1].result["other_numerics_before"] == {}


def test_stopped_after_every_report_it_is_the_undisturbed_one(
    workshop: Any, undisturbed: Any, tmp_path: Path
) -> None:
    for number in range(1, REPORTS):
        assert len(stop_after(number, workshop.trial(workshop.config(), tmp_path))) == number
    again = told(workshop.trial(workshop.config(), tmp_path))
    assert (again, weights(tmp_path)) == undisturbed(next(iter(CASES)))


@pytest.mark.parametrize("broken", [1, 2])
def test_from_a_truncated_checkpoint_it_falls_back_and_ends_the_same(
    workshop: Any, undisturbed: Any, broken: int, tmp_path: Path
) -> None:
    stop_after(3, workshop.trial(workshop.config(), tmp_path))
    checkpoints = sorted(attempt_folder(tmp_path, 1).glob("checkpoint-*.pt"), reverse=True)
    assert len(checkpoints) == 2
    for path in checkpoints[:broken]:
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    again = told(workshop.trial(workshop.config(), tmp_path))
    assert (again, weights(tmp_path)) == undisturbed(next(iter(CASES)))


@pytest.mark.parametrize("moment", ["before the weights", "before the result"])
def test_killed_at_the_end_it_ends_the_same(
    workshop: Any, undisturbed: Any, moment: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    trial = workshop.trial(workshop.config(), tmp_path)
    for _ in range(REPORTS - 1):
        next(trial)
    with monkeypatch.context() as patch:
        if moment == "before the weights":
            patch.setattr("transformers.PreTrainedModel.save_pretrained", killed)
        else:
            patch.setattr("study.trial.trial.write_ending", killed)
        with pytest.raises(KeyboardInterrupt):
            next(trial)
    assert read_result(tmp_path, workshop.config()) is None
    again = told(workshop.trial(workshop.config(), tmp_path))
    assert (again, weights(tmp_path)) == undisturbed(next(iter(CASES)))


def test_a_search_trial_killed_at_the_end_repeats_its_last_interval(
    workshop: Any, undisturbed: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no test scores follow, the last report writes no checkpoint: the next thing is the result."""

    def killed(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("study.trial.trial.write_ending", killed)
        with pytest.raises(KeyboardInterrupt):
            list(workshop.trial(workshop.config(), tmp_path, test=False))
    saved = sorted(path.name for path in attempt_folder(tmp_path, 1).glob("checkpoint-*.pt"))
    again = told(workshop.trial(workshop.config(), tmp_path, test=False))
    assert saved[-1] == f"checkpoint-{again[-2]['step']:08d}.pt"
    expected, expected_weights = undisturbed(next(iter(CASES)))
    expected = [*expected[:-1], expected[-1] | {"result": expected[-1]["result"] | {"test": None}}]
    assert (again, weights(tmp_path)) == (expected, expected_weights)


def test_continued_on_other_numerics_it_says_so(
    workshop: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop_after(2, workshop.trial(workshop.config(), tmp_path))
    here = Numerics.here(1)
    elsewhere = replace(here, capability="NEON", torch="9.0")
    monkeypatch.setattr(Numerics, "here", lambda threads: elsewhere)
    *_, last = run_trial(TrialJob(workshop.config(), workshop.store, tmp_path, REPORTS, test=True, attempt=2))
    assert last.result is not None
    assert last.result["numerics"]["torch"] == "9.0"
    before = json.loads(json.dumps(last.result["other_numerics_before"]))
    assert before == {"capability": [here.capability, "NEON"], "torch": [here.torch, "9.0"]}
    of_teacher = json.loads(json.dumps(last.result["other_numerics_of_teacher"]))
    assert of_teacher == {"outputs": before, "training": before}


def test_on_its_teachers_numerics_nothing_is_said_of_them(workshop: Any, tmp_path: Path) -> None:
    *_, last = workshop.trial(workshop.config(), tmp_path)
    assert last.result["other_numerics_of_teacher"] == {}


def test_an_ended_trial_reports_its_record_and_trains_nothing(
    workshop: Any, undisturbed: Any, tmp_path: Path
) -> None:
    first = list(workshop.trial(workshop.config(), tmp_path / "trial"))
    empty = Store(tmp_path / "no artifacts")
    job = TrialJob(workshop.config(), empty, tmp_path / "trial", REPORTS, test=True, attempt=2)
    again = list(run_trial(job))
    assert again == first
    assert attempt_folders(tmp_path / "trial") == [attempt_folder(tmp_path / "trial", 1)]


def test_a_folder_of_another_trial_is_not_taken_for_this_one(workshop: Any, tmp_path: Path) -> None:
    list(workshop.trial(workshop.config(), tmp_path))
    with pytest.raises(ValueError, match="holds the result of another trial"):
        next(workshop.trial(workshop.config(seed=1), tmp_path))


def test_a_result_cut_short_counts_as_none(workshop: Any, undisturbed: Any, tmp_path: Path) -> None:
    stop_after(2, workshop.trial(workshop.config(), tmp_path))
    (attempt_folder(tmp_path, 1) / "result.json").write_text('{"history": [')
    assert told(workshop.trial(workshop.config(), tmp_path)) == undisturbed(next(iter(CASES)))[0]


def test_what_is_left_is_the_result_and_the_student(workshop: Any, tmp_path: Path) -> None:
    list(workshop.trial(workshop.config(), tmp_path))
    tidy_trial(tmp_path, keep_student=True)  # as the driver does
    own = attempt_folder(tmp_path, 1)
    left = sorted(str(path.relative_to(own)) for path in tmp_path.rglob("*") if path.is_file())
    student = ("config.json", "model.safetensors", "vocabulary.json")
    texts = ["texts.json"] if workshop.task.kind == "text" else []
    assert left == ["predictions.npz", "result.json", *(f"student/{name}" for name in student), *texts]


# With the full vocabulary


def without_size(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    for row in rows:
        if row["result"]:
            del row["result"]["trained_tokens"]
    return rows


def student_in(folder: Path) -> Path:
    """The student that the trial in `folder` left."""
    found = student_folder(folder)
    assert found is not None
    return found


def is_the_undisturbed_one(workshop: Any, undisturbed: Any, case: str, rows: Any, folder: Path) -> None:
    """The reports and, once its vocabulary is full, the student are those of `case` trimmed and unstopped."""
    expected, trimmed = undisturbed(case)
    assert rows[-1]["result"]["trained_tokens"] > expected[-1]["result"]["trained_tokens"]
    assert without_size(rows) == without_size(json.loads(json.dumps(expected)))
    vocabulary = workshop.inputs(workshop.config()).vocabulary
    whole = load_file(student_in(folder) / "model.safetensors")
    name = "roberta.embeddings.word_embeddings.weight"
    whole[name] = whole[name][torch.from_numpy(vocabulary.kept).long()]
    ours = safetensors.torch.load(trimmed)
    assert whole.keys() == ours.keys()
    assert all(torch.equal(whole[n], ours[n]) for n in ours)


@pytest.mark.parametrize("case", CASES)
def test_a_trial_on_the_full_vocabulary_has_the_same_numbers(
    workshop: Any, undisturbed: Any, case: str, tmp_path: Path
) -> None:
    rows = told(workshop.trial(workshop.config(**CASES[case]), tmp_path, full_vocabulary=True))
    is_the_undisturbed_one(workshop, undisturbed, case, rows, tmp_path)
    assert load_vocabulary(student_in(tmp_path)) is None


@pytest.mark.parametrize("first", [False, True])
def test_a_trial_that_changes_its_vocabulary_midway_begins_anew_with_the_same_numbers(
    workshop: Any, undisturbed: Any, first: bool, tmp_path: Path
) -> None:
    case = next(iter(CASES))
    stop_after(2, workshop.trial(workshop.config(), tmp_path, full_vocabulary=first))
    rows = told(workshop.trial(workshop.config(), tmp_path, full_vocabulary=not first))
    if first:
        assert (rows, weights(tmp_path)) == undisturbed(case)
    else:
        is_the_undisturbed_one(workshop, undisturbed, case, rows, tmp_path)


def test_where_the_vocabulary_cannot_be_trimmed_it_is_full(
    request: pytest.FixtureRequest,
    workshop: Any,
    undisturbed: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("study.trial.encoding.why_not_trimmable", lambda *_: "tiny needs all its tokens")
    folder = "task_folder" if workshop.task.kind == "text" else "tagged_folder"
    other = request.getfixturevalue("new_workshop")(request.getfixturevalue(folder))
    inputs = other.inputs(other.config())
    assert inputs.vocabulary is None
    assert inputs.why_not_trimmed == "tiny needs all its tokens"
    rows = told(other.trial(other.config(), tmp_path))
    expected = without_size(json.loads(json.dumps(undisturbed(next(iter(CASES)))[0])))
    assert without_size(rows) == expected


# What it trains and reports


def test_the_student_on_disk_is_the_one_that_was_scored(workshop: Any, tmp_path: Path) -> None:
    config = workshop.config()
    *_, last = workshop.trial(config, tmp_path)
    inputs = workshop.inputs(config)
    folder = student_in(tmp_path)
    folders = inputs.base_folder, inputs.teacher_folder
    start = build_student(config, *folders, workshop.task.labels, kind=workshop.task.kind)
    trained = load_classifier(folder, workshop.task.labels)
    student = put_back(trained, load_vocabulary(folder), start)
    assert student.config.num_hidden_layers == 2
    tokenizer = load_tokenizer(inputs.base_folder)
    for name in ("validation", "test"):
        split = workshop.task.splits[name]
        batch = tokenizer(list(split.texts), padding=True, return_tensors="pt")
        with torch.no_grad():
            logits = student(**batch).logits
        if workshop.task.kind == "token":
            encoded = inputs.split(name)
            places = encoded.places_in(np.arange(len(encoded)))
            answers = logits.flatten(0, 1)[places].argmax(dim=1).numpy()
            by_language = score_split(answers, encoded, inputs.task)["f1"]["by_language"]
        else:
            right = logits.argmax(dim=1).numpy() == split.labels
            by_language = {code: right[split.languages == i].mean() for i, code in enumerate(LANGUAGES)}
        assert last.result[name][workshop.task.metric]["by_language"] == pytest.approx(by_language)
        assert last.result[name]["n"] == dict.fromkeys(LANGUAGES, 24 if name == "validation" else 32)


def test_it_starts_from_its_initialisation_and_moves(workshop: Any, tmp_path: Path) -> None:
    config = workshop.config(steps=1, learning_rate=1e-4)
    list(workshop.trial(config, tmp_path))
    inputs = workshop.inputs(config)
    folders = inputs.base_folder, inputs.teacher_folder
    start = build_student(config, *folders, workshop.task.labels, inputs.vocabulary, workshop.task.kind)
    end = load_file(attempt_folder(tmp_path, 1) / "student/model.safetensors")
    moved = {
        name: float((end[name] - value.detach()).abs().max()) for name, value in start.named_parameters()
    }
    assert max(moved.values()) <= 1.01e-4  # AdamW's first step is the learning rate in every direction
    head = "classifier.out_proj.weight" if workshop.task.kind == "text" else "classifier.weight"
    assert moved[head] > 5e-5


def test_the_first_loss_is_the_objective_of_the_untrained_student(workshop: Any, tmp_path: Path) -> None:
    config = workshop.config(steps=1, batch_size=240, init="random", alpha=0.3, temperature=3.0)
    first = next(workshop.trial(config, tmp_path))
    inputs = workshop.inputs(config)
    how = (workshop.task.labels, inputs.vocabulary, workshop.task.kind)
    student = build_student(config, inputs.base_folder, None, *how)
    split, rows = inputs.split("train"), np.arange(240)
    with torch.no_grad():
        logits = student(**split.padded(rows, inputs.pad_id)).logits
    if workshop.task.kind == "token":
        logits = logits.flatten(0, 1)[split.places_in(rows)]
    targets = torch.from_numpy(np.array(inputs.teacher_logits("train")))
    expected = objective(logits, targets, torch.from_numpy(np.array(split.labels)), config)
    assert first.loss == pytest.approx(float(expected), rel=0.02)  # dropout is the difference


def test_distillation_alone_reads_no_label(new_workshop: Any, build_task_folder: Any, tmp_path: Path) -> None:
    """Two tasks that differ in the training labels alone, with one and the same teacher."""
    workshop = new_workshop(build_task_folder())
    config = workshop.config(alpha=0.0)
    trained = [told(workshop.trial(config, tmp_path / "right"))[-1]["loss"]]
    labels = next(workshop.store.root.glob("tokens/*/train-labels.npy"))
    np.save(labels, np.roll(np.load(labels), 1))
    trained.append(told(workshop.trial(config, tmp_path / "wrong"))[-1]["loss"])
    assert trained[0] == trained[1]


def test_the_result_says_what_the_command_line_promises(workshop: Any, tmp_path: Path) -> None:
    config = workshop.config()
    *_, last = workshop.trial(config, tmp_path)
    result = json.loads((attempt_folder(tmp_path, 1) / "result.json").read_text())["result"]
    assert result == json.loads(json.dumps(last.result))
    assert {"key", "outcome", "config", "seconds", "steps", "parameters", "validation", "test"} <= set(result)
    hashed = {name: value for name, value in result["config"].items() if LATER.get(name) != value}
    assert result["key"] == config.key == digest(hashed)
    assert result["outcome"] == "complete"
    assert result["steps"] == 12
    assert result["seconds"] > 0
    inputs = workshop.inputs(config)
    folders = inputs.base_folder, inputs.teacher_folder
    whole = build_student(config, *folders, workshop.task.labels, kind=workshop.task.kind)
    assert result["parameters"] == sum(parameter.numel() for parameter in whole.parameters())
    assert result["trained_tokens"] == len(inputs.vocabulary) < whole.config.vocab_size
    for split in ("validation", "test"):
        metrics = METRICS[workshop.task.kind]
        assert set(result[split]) == {*metrics, "n"}
        for metric in metrics:
            values = result[split][metric]
            assert set(values) == {"macro", "worst", "by_language"}
            assert tuple(values["by_language"]) == LANGUAGES
            assert values["macro"] == pytest.approx(np.mean(list(values["by_language"].values())))
            assert values["worst"] == min(values["by_language"].values())
    assert result["numerics"]["threads"] == 1


def test_reports_count_up_and_the_last_alone_has_the_result(workshop: Any, tmp_path: Path) -> None:
    reports = list(workshop.trial(workshop.config(), tmp_path))
    assert [(r.report, r.step) for r in reports] == [(1, 3), (2, 6), (3, 9), (4, 12)]
    assert [r.result is not None for r in reports] == [False, False, False, True]
    assert all(r.loss is not None and r.validation is not None for r in reports)
    assert reports[-1].result is not None
    assert reports[-1].validation == reports[-1].result["validation"]
    assert [r.seconds for r in reports] == sorted(r.seconds for r in reports)


def test_test_is_scored_only_where_it_is_asked_for(workshop: Any, tmp_path: Path) -> None:
    inputs = workshop.inputs(workshop.config())
    store = Store(shutil.copytree(workshop.store.root, tmp_path / "store"))
    shutil.rmtree(store.path("outputs", inputs.outputs_key("test")))
    for file in store.path("tokens", inputs.tokens_key).glob("test-*"):
        file.unlink()
    reports = list(run_trial(TrialJob(workshop.config(), store, tmp_path / "t", REPORTS)))
    assert reports[-1].result is not None
    assert reports[-1].result["test"] is None
    assert reports[-1].result["validation"] is not None


def test_labels_alone_need_no_teacher_outputs_on_training_data(workshop: Any, tmp_path: Path) -> None:
    config = workshop.config(alpha=1.0, init="base")
    inputs = workshop.inputs(config)
    store = Store(shutil.copytree(workshop.store.root, tmp_path / "store"))
    shutil.rmtree(store.path("outputs", inputs.outputs_key("train")), ignore_errors=True)
    *_, last = run_trial(TrialJob(config, store, tmp_path / "t", REPORTS, test=True))
    assert last.result is not None
    assert last.result["outcome"] == "complete"


def test_retention_is_against_the_teacher_on_the_same_split(workshop: Any, tmp_path: Path) -> None:
    config = workshop.config()
    *_, last = workshop.trial(config, tmp_path)
    for split in ("validation", "test"):
        metric = workshop.task.metric
        ours = last.result[split][metric]["by_language"]
        theirs = workshop.inputs(config).teacher_scores(split)[metric]["by_language"]
        assert last.result[split]["retention"]["by_language"] == {
            code: ours[code] / theirs[code] for code in LANGUAGES
        }


@pytest.mark.parametrize(
    ("epochs", "fraction", "steps"),
    [(1.0, 1.0, 15), (2.0, 1.0, 30), (0.5, 1.0, 8), (0.01, 1.0, 1), (2.0, 0.5, 16), (1.0, 0.01, 1)],
)
def test_epochs_come_to_steps_by_the_students_share_of_the_data(
    workshop: Any, epochs: float, fraction: float, steps: int, tmp_path: Path
) -> None:
    config = workshop.config(epochs=epochs, steps=None, data_fraction=fraction)
    *_, last = workshop.trial(config, tmp_path)
    assert last.step == last.result["steps"] == steps


def test_a_whole_epoch_sees_every_row_of_the_sample_once(
    workshop: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = workshop.config(epochs=1.0, steps=None, data_fraction=0.5, data_seed=2)
    seen: list[int] = []
    padded = EncodedSplit.padded

    def watched(split: EncodedSplit, rows: np.ndarray, pad_id: int) -> Any:
        if len(split) == 240:
            seen.extend(rows.tolist())
        return padded(split, rows, pad_id)

    inputs = workshop.inputs(config)
    monkeypatch.setattr(EncodedSplit, "padded", watched)
    list(workshop.trial(config, tmp_path))
    assert sorted(seen) == inputs.training_rows(inputs.split("train")).tolist()
    assert len(seen) == 120


# What goes wrong


@pytest.mark.parametrize(
    "values",
    [
        {"learning_rate": 1e6},
        {"learning_rate": 1e6, "alpha": 1.0, "init": "random"},
        {"learning_rate": 1e30, "steps": 1},  # the only loss is finite; the weights after it are not
    ],
)
def test_a_loss_that_explodes_is_an_outcome(workshop: Any, values: dict[str, Any], tmp_path: Path) -> None:
    config = workshop.config(**values)
    reports = list(workshop.trial(config, tmp_path))
    assert len(reports) == 1
    (last,) = told(reports)
    assert (last["report"], last["loss"], last["validation"]) == (1, None, None)
    assert last["result"]["outcome"] == "diverged"
    assert last["result"]["validation"] is None
    assert last["result"]["test"] is None
    assert student_folder(tmp_path) is None
    assert not list(tmp_path.rglob("student"))
    assert list(workshop.trial(config, tmp_path)) == reports


def test_what_was_measured_before_it_diverged_is_kept(workshop: Any, tmp_path: Path) -> None:
    config = workshop.config(learning_rate=1.0, init="teacher", alpha=1.0)
    reports = list(workshop.trial(config, tmp_path / "whole", reports=6))
    *measured, last = reports
    assert measured
    assert all(r.validation is not None and r.loss is not None for r in measured)
    assert last.report == len(measured) + 1
    assert last.result is not None
    assert last.result["outcome"] == "diverged"
    assert last.result["steps"] == last.step > measured[-1].step
    assert last.result["validation"] == measured[-1].validation
    assert last.result["test"] is None
    assert list(workshop.trial(config, tmp_path / "whole", reports=6)) == reports
    stop_after(1, workshop.trial(config, tmp_path / "stopped", reports=6))
    assert told(workshop.trial(config, tmp_path / "stopped", reports=6)) == told(reports)


def test_a_teacher_that_has_learnt_nothing_makes_no_student_diverge(workshop: Any, tmp_path: Path) -> None:
    for number, loss in enumerate(("kl", "mse")):
        weak = {"teacher_steps": 10, "teacher_learning_rate": 1e-4, "learning_rate": 1e-2}
        config = workshop.config(alpha=0.0, loss=loss, **weak)
        *_, last = workshop.trial(config, tmp_path / str(number))
        assert last.result["outcome"] == "complete"


def test_a_teacher_of_the_same_data_is_read_only_where_it_has_seen(workshop: Any, tmp_path: Path) -> None:
    config = workshop.config(
        teacher_data="same", data_fraction=0.3, data_seed=4, alpha=0.0, epochs=3.0, steps=None
    )
    inputs = workshop.inputs(config)
    missing = np.isnan(inputs.teacher_logits("train"))
    rows = inputs.training_rows(inputs.split("train"))
    items = inputs.split("train").items(rows)
    assert np.flatnonzero(~missing.any(axis=1)).tolist() == items.tolist()
    assert np.array_equal(missing.any(axis=1), missing.all(axis=1))
    assert 0 < len(rows) < 240
    *_, last = workshop.trial(config, tmp_path)
    assert last.result["outcome"] == "complete"
    assert not np.isnan(inputs.teacher_logits("validation")).any()


def test_a_language_without_validation_rows_is_missing_there_and_tested(
    new_workshop: Any, build_task_folder: Any, tmp_path: Path
) -> None:
    workshop = new_workshop(build_task_folder(without={("dev", "hau"), ("train", "yor")}))
    *_, last = workshop.trial(workshop.config(), tmp_path)
    for metric in ("accuracy", "macro_f1", "retention"):
        assert list(last.result["validation"][metric]["by_language"]) == ["deu", "yor"]
        assert list(last.result["test"][metric]["by_language"]) == ["deu", "hau", "yor"]
    split = workshop.inputs(workshop.config()).split("train")
    assert set(split.languages.tolist()) == {0, 1}


# Languages seen and unseen


def languages_of(inputs: Any, rows: np.ndarray) -> list[str]:
    train = inputs.split("train")
    return sorted({inputs.task.languages[number] for number in train.languages[rows]})


def test_a_student_sees_the_rows_of_its_languages_and_their_share_alone(workshop: Any) -> None:
    some, whole = (
        workshop.inputs(workshop.config(data_fraction=0.5, train_languages=wanted))
        for wanted in ("deu+yor", "all")
    )
    train = some.split("train")
    rows = some.training_rows(train)
    assert languages_of(some, rows) == ["deu", "yor"]
    assert set(rows) == {row for row in whole.training_rows(train) if train.languages[row] != 1}
    assert some.seen == ("deu", "yor")
    assert some.training_share(train) == {"all": 0.5, "by_language": {"deu": 0.5, "hau": 0.0, "yor": 0.5}}


def test_a_teacher_sees_the_rows_of_its_own_languages(workshop: Any) -> None:
    values = {"train_languages": "deu", "teacher_languages": "hau+yor", "data_fraction": 0.5}
    full = workshop.inputs(workshop.config(**values))
    train = full.split("train")
    assert languages_of(full, full.teacher_rows(train)) == ["hau", "yor"]
    assert len(full.teacher_rows(train)) == 160
    same = workshop.inputs(workshop.config(**values, teacher_data="same"))
    assert len(same.teacher_rows(train)) == 80
    assert set(same.teacher_rows(train)) <= set(same.sampled_rows(train))
    assert len({full.teacher_key, same.teacher_key, workshop.inputs(workshop.config()).teacher_key}) == 3


def test_a_student_reads_the_outputs_of_a_teacher_that_never_saw_its_language(workshop: Any) -> None:
    values = {"train_languages": "deu", "teacher_languages": "hau", "teacher_data": "same"}
    inputs = workshop.inputs(workshop.config(data_fraction=0.5, **values))
    train = inputs.split("train")
    logits = inputs.teacher_logits("train")
    assert np.isfinite(logits[train.items(inputs.training_rows(train))]).all()
    assert np.isnan(logits).any()


def test_scores_have_seen_and_unseen_languages_apart(workshop: Any, tmp_path: Path) -> None:
    *_, last = workshop.trial(workshop.config(train_languages="deu+yor"), tmp_path)
    assert last.result["unseen"] == ["hau"]
    assert last.result["data_share"]["by_language"] == {"deu": 1.0, "hau": 0.0, "yor": 1.0}
    for split in ("validation", "test"):
        for metric in METRICS[workshop.task.kind]:
            scores = last.result[split][metric]
            of = scores["by_language"]
            assert tuple(of) == LANGUAGES
            assert scores["macro"] == pytest.approx(np.mean(list(of.values())))
            assert scores["seen_macro"] == pytest.approx((of["deu"] + of["yor"]) / 2)
            assert scores["seen_worst"] == min(of["deu"], of["yor"])
            assert scores["unseen_macro"] == scores["unseen_worst"] == of["hau"]
    compared = last.validation[headline(last.validation)]
    assert value_of(last.validation, "seen") == compared["seen_macro"]
    assert value_of(last.validation, "all") == compared["macro"] != compared["seen_macro"]


def test_a_student_of_all_languages_has_no_group_and_one_value(workshop: Any, tmp_path: Path) -> None:
    *_, last = workshop.trial(workshop.config(), tmp_path)
    assert not set(SEEN_OR_UNSEEN) & last.validation[headline(last.validation)].keys()
    assert value_of(last.validation, "seen") == value_of(last.validation, "all") == last.value
    assert "unseen" not in last.result


def test_another_list_of_languages_is_another_trial_with_other_numbers(workshop: Any, tmp_path: Path) -> None:
    losses = set()
    for wanted in ("all", "deu", "deu+hau+yor"):
        config = workshop.config(train_languages=wanted, steps=4)
        *_, last = workshop.trial(config, tmp_path / wanted, 1)
        losses.add(last.loss)
    assert len(losses) == 2  # the third list names all languages


def test_a_language_without_training_rows_is_unseen_whatever_the_student_trains_on(
    build_task_folder: Any, new_workshop: Any, tmp_path: Path
) -> None:
    """And without validation rows it has test scores alone."""
    without = [("train", "yor"), ("dev", "yor")]
    workshop = new_workshop(build_task_folder(tmp_path / "task", without=without))
    config = workshop.config(train_languages="deu")
    assert workshop.inputs(config).seen == ("deu",)
    assert workshop.inputs(workshop.config()).seen == ("deu", "hau")
    *_, last = workshop.trial(config, tmp_path / "trial", 1)
    assert last.result["unseen"] == ["hau", "yor"]
    test, validation = (last.result[split]["accuracy"] for split in ("test", "validation"))
    assert test["unseen_macro"] == pytest.approx(
        (test["by_language"]["hau"] + test["by_language"]["yor"]) / 2
    )
    assert validation["unseen_macro"] == validation["by_language"]["hau"]
